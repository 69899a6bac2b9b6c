"""Films the first minutes of a new user: real commands on a terminal, written as text.

    python -m research.first_minutes PHOTOGRAPHS WORK > docs/first-minutes.md

PHOTOGRAPHS is a folder of photographs in class folders, such as a built dataset of ``meta_data/sources``; 265 of them
are copied into WORK, one folder a class, without a validation split, as a user's own lie. Every command runs on a
terminal of its own with records of its own; what it shows is kept as a terminal would hold it in the end. No GPU, no
network.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

from research.pages.rendering import DOCS

N_PHOTOGRAPHS = 265
WIDTH, HEIGHT = 100, 50
_CODE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|\x1b\].*?(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b.", re.DOTALL)

COMMANDS = (
    ("What is in the folder, and is anything wrong with it?", "advisor describe --dataset photos"),
    ("Where to start with a ResNet-50?", "advisor suggest --dataset photos --model resnet50"),
    (
        "Train with it. The script is unchanged, `docs/demo/train.py` of the checkout; two epochs of small images, as "
        "there is no GPU, and from scratch, as this machine has no network to fetch weights.",
        "advisor run --suggest --name first train.py --data-dir photos --model resnet50 --num-classes {classes} "
        "--img-size 32 --epochs 2 --output output",
    ),
    ("What was recorded?", "advisor records list"),
    ("One run, its epochs first.", "advisor records show first"),
    ("What does it suffer from?", "advisor diagnose first"),
    ("A name that timm does not have.", "advisor suggest --dataset photos --model resnet"),
)


class Screen:
    """The lines that a terminal holds after all that was written to it; only what these commands use is understood."""

    def __init__(self) -> None:
        self._lines, self._row, self._column = [""], 0, 0

    def write(self, text: str) -> None:
        """Take what a program writes."""
        at = 0
        for code in _CODE.finditer(text):
            self._put(text[at : code.start()])
            self._obey(code[1] or "", code[2] or "")
            at = code.end()
        self._put(text[at:])

    def _put(self, text: str) -> None:
        for character in text:
            if character == "\n":
                self._row += 1
                if self._row == len(self._lines):
                    self._lines.append("")
            elif character == "\r":
                self._column = 0
            elif character >= " ":
                if self._column == WIDTH:
                    self._put("\r\n")
                line = self._lines[self._row].ljust(self._column)
                self._lines[self._row] = line[: self._column] + character + line[self._column + 1 :]
                self._column += 1

    def _obey(self, number: str, letter: str) -> None:
        if letter == "A":
            self._row = max(0, self._row - int(number or 1))
        elif letter == "K":
            kept = "" if number == "2" else self._lines[self._row][: self._column]
            self._lines[self._row] = kept

    def text(self) -> str:
        """Return the lines."""
        return "\n".join(line.rstrip() for line in self._lines).strip("\n")


def on_a_terminal(command: str, folder: Path, environment: dict[str, str]) -> tuple[str, int]:
    """Run a command in a folder and return what its terminal shows in the end, and its exit status."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    words = [sys.executable, "-m", *shlex.split(command)]
    process = subprocess.Popen(words, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    screen, shown = Screen(), b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:  # Linux says so at the end of the other side
            break
        if not block:
            break
        shown += block
    os.close(ours)
    screen.write(shown.decode(errors="replace"))
    return screen.text(), process.wait()


def photographs(source: Path, folder: Path) -> int:
    """Copy so many photographs, as many of each class as of the others, and return the number of classes."""
    below = source / "train" if (source / "train").is_dir() else source
    classes = sorted(path for path in below.iterdir() if path.is_dir())
    queues = [iter(sorted(path.rglob("*.*"))) for path in classes]
    taken = 0
    while taken < N_PHOTOGRAPHS:
        before = taken
        for place, queue in zip(classes, queues, strict=True):
            image = next(queue, None)
            if image is not None and taken < N_PHOTOGRAPHS:
                (folder / place.name).mkdir(parents=True, exist_ok=True)
                shutil.copy(image, folder / place.name / image.name)
                taken += 1
        if taken == before:
            raise SystemExit(f"{source} has {taken} photographs, {N_PHOTOGRAPHS} are needed")
    return len(classes)


def film(source: Path, work: Path) -> Iterator[str]:
    """Yield the page, a line at a time."""
    shutil.rmtree(work, ignore_errors=True)
    n_classes = photographs(source, work / "photos")
    shutil.copy(DOCS / "demo" / "train.py", work / "train.py")
    home = work / "home"
    home.mkdir()
    environment = {
        "HOME": str(home), "PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8",
        "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
        "ADVISOR_SUGGEST_TIMEOUT": "1800",
    }  # fmt: skip
    cores, today = os.cpu_count(), datetime.date.today()
    yield "# The first minutes"
    yield ""
    yield (
        f"A new user with a flat folder of {N_PHOTOGRAPHS} photographs, ResNet-50 and no GPU, filmed on {cores} cores "
        f"with Python {platform.python_version()} on {today:%-d %B %Y} by "
        "`python -m research.first_minutes PHOTOGRAPHS WORK`. The photographs are of "
        f"{source.name}, a dataset of `meta_data/sources`. Nothing is cut. Seconds are of the clock, on a machine that "
        "other work kept busy; advice is waited for longer than two minutes for that reason only."
    )
    for said, command in COMMANDS:
        command = command.format(classes=n_classes)
        began = time.monotonic()
        shown, status = on_a_terminal(command, work, environment)
        ended = f"  ({time.monotonic() - began:.0f} s{f', exit status {status}' if status else ''})"
        yield from (
            "",
            said,
            "",
            "```console",
            f"$ {command}",
            *shown.replace(str(work), "~").splitlines(),
            "```",
            "",
            ended.strip(),
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Film the first minutes of a new user")
    parser.add_argument("photographs", type=Path)
    parser.add_argument("work", type=Path)
    asked = parser.parse_args()
    for line in film(asked.photographs.resolve(), asked.work.resolve()):
        print(line, flush=True)
