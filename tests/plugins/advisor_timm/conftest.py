"""Trainings of seconds, run in this process as `advisor run` runs them; what was recorded; what other scripts leave."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from advisor import ImportedRun, Skipped
from advisor.plugins import Plugins
from advisor.records.recording.launcher import run_script
from advisor.records.recording.recorder import Recorder
from advisor.records.schema import Epoch, Run
from advisor.records.store.store import Store
from advisor.records.store.sync import sync
from advisor_timm.importing.outputs import runs_at


@dataclass
class Recorded:
    """What a script did and what the store holds of it."""

    runs: list[Run]
    epochs: list[Epoch]
    truth: dict[str, Any] | None
    error: BaseException | None

    @property
    def run(self) -> Run:
        (run,) = self.runs
        return run

    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Return where the record (second) is not what the script printed (first)."""
        assert self.truth is not None
        pairs = {name: (value, getattr(self.run, name)) for name, value in self.truth["run"].items()}
        for true, epoch in zip(self.truth["epochs"], self.epochs, strict=True):
            recorded = asdict(epoch)
            expected = dict.fromkeys(("train_loss", "eval_loss", "eval_top1", "eval_top5", "ema_eval_top1")) | true
            pairs.update({f"epoch {true['epoch']} {name}": (v, recorded[name]) for name, v in expected.items()})
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@pytest.fixture(scope="session")
def scripts() -> Path:
    """The folder of our training scripts."""
    return Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="session")
def arguments() -> list[str]:
    """What all trainings are given, but for the data."""
    return shlex.split(
        "--model test_resnet --num-classes 10 --img-size 32 --batch-size 16 --opt adamw --lr 0.003 --weight-decay 0.02 "
        "--drop 0.1 --epochs 2 --warmup-epochs 1 --output out --experiment run"
    )


@pytest.fixture(scope="session")
def execute() -> Callable[[Path, list[str]], tuple[BaseException | None, str]]:
    """Runs a script in this process; returns what it raised and what it printed."""
    return _execute


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
    recorder: Recorder,
    store: Store,
    digits: Path,
    scripts: Path,
    arguments: list[str],
    execute: Callable[[Path, list[str]], tuple[BaseException | None, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Recorded]:
    """Run one of our scripts, attached, in a folder of its own: ``record("train_v1.py", "--model-ema")``."""
    monkeypatch.chdir(tmp_path)

    def run_recorded(script: str, *further: str, common: list[str] = arguments) -> Recorded:
        before = {run.run_id for run in store.runs()}
        recorder.attach()
        try:
            error, output = execute(scripts / script, ["--data-dir", str(digits), *common, *further])
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


@contextlib.contextmanager
def _own_interpreter() -> Iterator[None]:
    """Put back what a script that runs as ``__main__`` changes for the whole process."""
    main, argv, path, hook = sys.modules["__main__"], list(sys.argv), list(sys.path), sys.excepthook
    handlers, level = list(logging.root.handlers), logging.root.level
    try:
        yield
    finally:
        sys.modules["__main__"], sys.excepthook = main, hook
        sys.argv[:], sys.path[:] = argv, path
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)


def _execute(script: Path, arguments: list[str]) -> tuple[BaseException | None, str]:
    """Run a script in this process; return what it raised and what it printed."""
    output = io.StringIO()
    with _own_interpreter(), contextlib.redirect_stdout(output):
        try:
            run_script(script.read_bytes(), script, arguments)
        except BaseException as error:
            return error, output.getvalue()
    return None, output.getvalue()


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
