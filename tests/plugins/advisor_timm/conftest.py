"""Trainings of seconds, run in this process as `advisor run` runs them, and what was recorded of them."""

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
from typing import Any

import pytest

from advisor.plugins import Plugins
from advisor.records.ingest import sync
from advisor.records.launcher import run_script
from advisor.records.recorder import Recorder
from advisor.records.schema import Epoch, Run
from advisor.records.store import Store

SCRIPTS = Path(__file__).parents[2] / "scripts"
ARGUMENTS = shlex.split(
    "--model test_resnet --num-classes 10 --img-size 32 --batch-size 16 --opt adamw --lr 0.003 --weight-decay 0.02 "
    "--drop 0.1 --epochs 2 --warmup-epochs 1 --output out --experiment run"
)


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


@contextlib.contextmanager
def own_interpreter() -> Iterator[None]:
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


def execute(script: Path, arguments: list[str]) -> tuple[BaseException | None, str]:
    """Run a script in this process; return what it raised and what it printed."""
    output = io.StringIO()
    with own_interpreter(), contextlib.redirect_stdout(output):
        try:
            run_script(script.read_bytes(), script, arguments)
        except BaseException as error:
            return error, output.getvalue()
    return None, output.getvalue()


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
