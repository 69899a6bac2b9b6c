"""Trainings of seconds, run in this process as `advisor run` runs them; what was recorded; what other scripts leave."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from train_in_process import ARGUMENTS, SCRIPTS, Recorded, execute

from advisor import ImportedRun, Skipped
from advisor.plugins import Plugins
from advisor.records.recording.recorder import Recorder
from advisor.records.store.store import Store
from advisor.records.store.sync import sync
from advisor_timm.importing.outputs import runs_at


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


class Outputs:
    """Writes what timm's scripts leave in a folder, and reads it as it is imported."""

    arguments: ClassVar[dict[str, Any]] = {
        "aa": None, "amp": False, "apex_amp": False, "batch_size": 32, "color_jitter": 0.4, "cooldown_epochs": 0,
        "cutmix": 0.0, "data_dir": "/home/someone/private/flowers", "dataset": "", "drop": 0.1, "drop_path": None,
        "epochs": 3, "eval_metric": "top1", "hflip": 0.5, "img_size": 96, "lr": 0.002, "min_lr": 1e-6, "mixup": 0.0,
        "model": "resnet18", "model_ema": False, "model_ema_force_cpu": False, "native_amp": True, "no_aug": False,
        "num_classes": 5, "opt": "adamw", "pretrained": True, "ratio": [0.75, 1.3333333333333333], "reprob": 0.0,
        "resume": "", "scale": [0.08, 1.0], "sched": "cosine", "seed": 42, "smoothing": 0.1, "vflip": 0.0,
        "warmup_epochs": 1, "weight_decay": 0.05, "workers": 4,
    }  # fmt: skip
    header = "epoch,train_loss,eval_loss,eval_top1,eval_top5"
    summary = f"{header}\n0,1.5,1.4,40.0,100.0\n1,1.2,1.1,50.0,100.0\n2,1.0,1.2,48.0,100.0\n"

    def write(
        self,
        folder: Path,
        summary: str | None = summary,
        names: tuple[str, str] = ("args.yaml", "summary.csv"),
        **changed: Any,
    ) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / names[0]).write_text(yaml.safe_dump({**self.arguments, **changed}))
        if summary is not None:
            (folder / names[1]).write_text(summary)
        return folder

    def logged(self, epoch: int, **values: Any) -> dict[str, Any]:
        """Return an epoch as DeiT and its like log it."""
        return {"train_lr": 1e-3 / (1 + epoch), "train_loss": 2.0, "test_loss": 1.0, "test_acc1": 50.0 + epoch,
                "test_acc5": 90.0, "epoch": epoch, "n_parameters": 5_000_000, **values}  # fmt: skip

    def json_lines(self, *records: dict[str, Any]) -> str:
        return "".join(json.dumps(record) + "\n" for record in records)

    def read(self, path: Path, world_size: int | None = None) -> list[ImportedRun | Skipped]:
        found = runs_at(path, world_size)
        return [] if found is None else list(found.items)

    def taken(self, path: Path, world_size: int | None = None) -> ImportedRun:
        (item,) = self.read(path, world_size)
        assert isinstance(item, ImportedRun), item
        return item

    def refused(self, path: Path) -> str:
        (item,) = self.read(path)
        assert isinstance(item, Skipped), item
        return item.reason


@pytest.fixture(scope="session")
def outputs() -> Outputs:
    return Outputs()
