"""Runs a training script in this process, as `advisor run` runs it."""

from __future__ import annotations

import contextlib
import io
import logging
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from advisor.records.recording.launcher import run_script
from advisor.records.schema import Epoch, Run

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
