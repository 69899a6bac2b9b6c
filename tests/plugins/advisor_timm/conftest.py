"""Trainings of seconds, run in this process as `advisor run` runs them, and what was recorded of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from train_in_process import ARGUMENTS, SCRIPTS, Recorded, execute

from advisor.plugins import Plugins
from advisor.records.recording.recorder import Recorder
from advisor.records.store.store import Store
from advisor.records.store.sync import sync


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 128 handwritten digits of scikit-learn, 80 of them for training, as an image folder."""
    from PIL import Image
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("data") / "digits"
    images, labels = load_digits(return_X_y=True)
    for index in range(128):
        split = folder / ("train" if index < 80 else "validation") / str(labels[index])
        split.mkdir(parents=True, exist_ok=True)
        pixels = (images[index].reshape(8, 8) * 15.9375).astype("uint8")
        Image.fromarray(pixels).resize((32, 32)).convert("RGB").save(split / f"{index}.png")
    return folder


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(f"sqlite:///{tmp_path_factory.mktemp('store') / 'records.db'}")


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(spool_dir=tmp_path / "spool", plugins=Plugins("timm"))
    yield recorder
    recorder.end_run()
    recorder.detach()


@pytest.fixture
def record(
    recorder: Recorder, store: Store, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Recorded]:
    """Run one of our scripts, attached, in a folder of its own: ``record("train_v1.py", "--model-ema")``."""
    monkeypatch.chdir(tmp_path)

    def run_recorded(script: str, *arguments: str, common: list[str] = ARGUMENTS) -> Recorded:
        before = {run.run_id for run in store.runs()}
        recorder.attach()
        try:
            error, output = execute(SCRIPTS / script, ["--data-dir", str(digits), *common, *arguments])
            recorder.end_run(error=error)
        finally:
            recorder.detach()
        sync(store, tmp_path / "spool")
        runs = [run for run in store.runs() if run.run_id not in before]
        printed = [line for line in output.splitlines() if line.startswith('{"run"')]
        return Recorded(
            runs=sorted(runs, key=lambda run: run.run_id),
            epochs=store.epochs(runs[0].run_id) if len(runs) == 1 else [],
            truth=json.loads(printed[-1]) if printed else None,
            error=error,
        )

    return run_recorded
