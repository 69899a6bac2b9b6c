"""Runs a training with faults by itself and recorded, each in a process of its own, and says what is different."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from research.trust.fault import Fault

ROOT = Path(__file__).parents[2]
TRAINING = ROOT / "tests" / "scripts" / "light"
"""A script of seconds and what it imports; it has three lines where faults are put in."""
SECONDS = 300
_ADDRESS = re.compile(r"\b0x[0-9a-f]+")
_OURS = "WARNING: "
"""What a line of stderr begins with that we may say, once a fault."""


@dataclass(frozen=True)
class Result:
    """How a process ended and what it left."""

    status: int | None
    output: str
    errors: str
    files: dict[str, str]
    said: int
    """Lines of ours."""

    def differences(self, plain: Result) -> list[str]:
        """Return what is not as without us."""
        names = ("status", "output", "errors", "files")
        different = [name for name in names if getattr(self, name) != getattr(plain, name)]
        return [f"{name}: {getattr(plain, name)!r} became {getattr(self, name)!r}" for name in different]


def compare(faults: Sequence[Fault], work: Path, training: Path = TRAINING) -> list[str]:
    """Return what is different with us, nothing where all is well.

    Parameters
    ----------
    faults : sequence of Fault
        Done to both.
    work : Path
        Folder to do it in.
    training : Path
        Folder with ``train.py``.
    """
    plain = execute(faults, work, [sys.executable], training)
    recorded = execute(faults, work, [sys.executable, "-m", "advisor", "run"], training)
    return recorded.differences(plain)


def execute(faults: Sequence[Fault], work: Path, command: Sequence[str], training: Path = TRAINING) -> Result:
    """Run the training with faults; the folder is the same each time, as output may name it."""
    shutil.rmtree(work, ignore_errors=True)
    folder = work / "training"
    shutil.copytree(training, folder, ignore=shutil.ignore_patterns("__pycache__"))
    script = folder / "train.py"
    script.write_text(_with(faults, script.read_text()))
    for fault in faults:
        if fault.prepare is not None:
            fault.prepare(folder)
    line = [*command, str(script)]
    for fault in faults:
        if fault.shell:
            line = ["sh", "-c", fault.shell, "sh", *line]
    process = subprocess.Popen(
        line,
        cwd=folder,
        env=_environment(faults, work, folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=SECONDS)
        status: int | None = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        status = None
    written, said = (_ADDRESS.sub("0x…", text.decode(errors="replace")) for text in (output, errors))
    lines = said.splitlines()
    theirs = [line for line in lines if not line.startswith(_OURS)]
    files = _digests(folder)
    return Result(status, written, "\n".join(theirs), files, len(lines) - len(theirs))


def _with(faults: Sequence[Fault], script: str) -> str:
    in_order = sorted(faults, key=lambda fault: "end" in fault.tags)  # nothing comes after what ends it
    for place in ("first", "middle", "last"):
        code = "\n".join(getattr(fault, place) for fault in in_order if getattr(fault, place))
        script = script.replace(f"# FAULTS: {place.upper()}", f"exec({code!r}, globals())" if code else "pass")
    return script


def _environment(faults: Sequence[Fault], work: Path, folder: Path) -> dict[str, str]:
    home = work / "home"
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ADVISOR_", "XDG_", "PYTHON"))}
    environ = {**kept, "HOME": str(home), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environ["TRIAL_DATA"] = str(home / ".local" / "share" / "timm-advisor" / "spool")
    for fault in faults:
        for name, value in fault.environ.items():
            if value is None:
                environ.pop(name, None)
            else:
                environ[name] = value.replace("{folder}", str(folder))
    return environ


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = _ADDRESS.sub("0x…", path.read_bytes().decode("latin-1"))  # a traceback may have gone there
            found[str(path.relative_to(folder))] = hashlib.sha256(content.encode()).hexdigest()[:16]
        elif path.is_dir():
            found[str(path.relative_to(folder))] = "folder"
    return found
