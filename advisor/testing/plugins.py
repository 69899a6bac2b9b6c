"""Calls a plugin's hooks as the program does."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from advisor.describe.dataset import open_dataset
from advisor.describe.sample import Sample, draw_sample
from advisor.plugins import Plugins
from advisor.records.recording.recorder import Recorder
from advisor.records.schema import Epoch, Run, Source
from advisor.records.store.store import Store
from advisor.records.store.sync import sync


def load_plugin(plugin: object, name: str = "tested") -> Plugins:
    """Return a plugin, and no other, as the program holds it.

    Parameters
    ----------
    plugin : object
        A module, or an object with hook implementations.
    name : str
        What its entry point is called.

    Raises
    ------
    pluggy.PluginValidationError
        If it implements a hook that does not exist, or with an argument that the hook does not have.
    """
    plugins = Plugins("none")
    plugins.register(plugin, name)
    return plugins


@dataclass(frozen=True)
class RecordedRun:
    """What a store holds of a run."""

    run: Run
    epochs: list[Epoch]


def record_run_with(plugins: Plugins, epochs: int = 3, *, hook_timeout: float = 5.0, **fields: Any) -> RecordedRun:
    """Record a run whose accuracy rises from epoch to epoch, and wait until the plugins have seen all of it.

    Parameters
    ----------
    plugins : Plugins
        See ``load_plugin``.
    epochs : int
        How many there are; 10 percent of accuracy each, 100 at most.
    hook_timeout : float
        Seconds each hook may take.
    **fields
        Fields of the run, see ``advisor.Run``.

    Raises
    ------
    Exception
        Whatever a hook raised.
    """
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder), plugins, hook_timeout)
        run = recorder.start_run(**{"source": Source.API, "epochs": epochs, "n_classes": 10, **fields})
        for epoch in range(epochs):
            run.log_epoch(train_loss=2.0 / (epoch + 1), eval_top1=min(10.0 * (epoch + 1), 100.0), seconds=1.0)
        recorder.end_run()
        recorder.wait_for_plugins()
        store = Store("sqlite://")
        sync(store, Path(folder))
        try:
            return RecordedRun(store.run(run.run_id), store.epochs(run.run_id))
        finally:
            store.close()


def image_sample(folder: Path, *, classes: int = 3, per_class: int = 8, size: int = 32, seed: int = 0) -> Sample:
    """Write an image folder and return what the hook ``advisor_meta_features`` is given of it.

    Parameters
    ----------
    folder : Path
        Where the images are written, a folder a class.
    classes, per_class : int
        How many classes there are, and images of each.
    size : int
        Pixels a side.
    seed : int
        Decides the pictures: noise around a grey of each class.
    """
    rng = np.random.default_rng(seed)
    for label in range(classes):
        (folder / f"class-{label}").mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            noise = rng.normal(255 * (label + 1) / (classes + 1), 30, (size, size, 3))
            Image.fromarray(np.uint8(np.clip(noise, 0, 255))).save(folder / f"class-{label}" / f"{number}.png")
    return draw_sample(open_dataset(folder), seed=seed)
