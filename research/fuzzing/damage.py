"""Damages files the way disks, editors, spreadsheets and other programs do, by a seed."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

_ODD_NUMBERS = ("nan", "NaN", "inf", "-Infinity", "-1", "0", "1e999", "1e-400", "99999999999999999999", "1,5", "")
_ODD_WORDS = (
    "", " ", "None", "null", "[1, 2]", "{}", "a|b", "train", "Test", "-1", "..", "/etc/passwd", "C:\\x\\y.png",
    "\N{GRINNING FACE}", "\u202e", "x" * 5000, "[bold]", "=1+1", "'; --", "\x1b[31m", "http://x/y.png",
)  # fmt: skip
_ODD_NAMES = ("Train", "val", "dev", ".hidden", "new\nline", "ünï", "a b", "[v2]", "test", "images", "x" * 200)
_ODD_ENDINGS = (".csv", ".zip", ".tar", ".parquet", ".npz", ".png", ".txt", ".json", ".yaml", "", ".GZ")


def damage(root: Path, rng: Random) -> list[str]:
    """Damage up to three things below a folder, and return what was done."""
    done = []
    for _ in range(rng.randint(1, 3)):
        files = _files(root)
        if not files:
            break
        # What names, lists and describes matters more often than one image of many.
        told = [path for path in files if path.suffix not in (".png", ".jpg")]
        path = rng.choice(told if told and rng.random() < 0.7 else files)
        kind = rng.choice(_KINDS)
        kind(path, root, rng)
        done.append(f"{kind.__name__.strip('_')} {path.relative_to(root)}")
    return done


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def _flip(path: Path, root: Path, rng: Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 3, 30))):
        if content:
            content[rng.randrange(len(content))] = rng.randrange(256)
    path.write_bytes(content)


def _cut(path: Path, root: Path, rng: Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content) + 1)])


def _leave_out(path: Path, root: Path, rng: Random) -> None:
    content = path.read_bytes()
    start = rng.randrange(len(content) + 1)
    path.write_bytes(content[:start] + content[start + rng.randrange(1, 200) :])


def _repeat(path: Path, root: Path, rng: Random) -> None:
    content = path.read_bytes()
    start = rng.randrange(len(content) + 1)
    part = content[start : start + rng.randrange(1, 200)]
    path.write_bytes(content[:start] + part + content[start:])


def _empty(path: Path, root: Path, rng: Random) -> None:
    path.write_bytes(b"")


def _remove(path: Path, root: Path, rng: Random) -> None:
    path.unlink()


def _remove_folder(path: Path, root: Path, rng: Random) -> None:
    if path.parent != root:
        shutil.rmtree(path.parent)


def _exchange(path: Path, root: Path, rng: Random) -> None:
    other = rng.choice(_files(root))
    mine, its = path.read_bytes(), other.read_bytes()
    path.write_bytes(its)
    other.write_bytes(mine)


def _rename(path: Path, root: Path, rng: Random) -> None:
    path.rename(path.with_name(rng.choice(_ODD_NAMES) + path.suffix))


def _other_ending(path: Path, root: Path, rng: Random) -> None:
    path.rename(path.with_name(path.stem + rng.choice(_ODD_ENDINGS)))


def _rename_folder(path: Path, root: Path, rng: Random) -> None:
    new = path.parent.with_name(rng.choice(_ODD_NAMES))
    if path.parent != root and not new.exists():
        path.parent.rename(new)


def _make_folder_of(path: Path, root: Path, rng: Random) -> None:
    path.unlink()
    path.mkdir()


def _make_pipe_of(path: Path, root: Path, rng: Random) -> None:
    path.unlink()
    os.mkfifo(path)


def _make_loop_of(path: Path, root: Path, rng: Random) -> None:
    path.unlink()
    path.symlink_to(rng.choice((path, path.parent)))


def _number(path: Path, root: Path, rng: Random) -> None:
    _replaced(path, r"-?\d+(?:\.\d+)?", rng.choice(_ODD_NUMBERS), rng)


def _word(path: Path, root: Path, rng: Random) -> None:
    _replaced(path, r"[A-Za-z_]+", rng.choice(_ODD_WORDS), rng)


def _separator(path: Path, root: Path, rng: Random) -> None:
    _replaced(path, r"[,;:\t\n\"]", rng.choice((",", ";", "\t", "\n", '"', "'", ", ", "\r")), rng)


def _replaced(path: Path, pattern: str, new: str, rng: Random) -> None:
    text = path.read_bytes().decode("latin-1")
    found = list(re.finditer(pattern, text))
    all_of_them = rng.random() < 0.2
    for match in reversed(found if all_of_them else rng.sample(found, min(len(found), rng.choice((1, 2))))):
        text = text[: match.start()] + new + text[match.end() :]
    path.write_bytes(text.encode("latin-1", "replace") if rng.random() < 0.3 else text.encode("utf-8"))


def _lines(path: Path, root: Path, rng: Random) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if lines:
        at = rng.randrange(len(lines))
        rng.choice((lambda: lines.pop(at), lambda: lines.insert(at, lines[at]), lambda: rng.shuffle(lines)))()
    path.write_bytes(b"".join(lines))


def _encoding(path: Path, root: Path, rng: Random) -> None:
    text = path.read_bytes().decode("latin-1")
    path.write_bytes(text.encode(rng.choice(("utf-16", "utf-8-sig", "utf-32"))))


def _nested(path: Path, root: Path, rng: Random) -> None:
    deep = "[" * 100_000
    path.write_text(rng.choice((deep, json.dumps({"epoch": 1, "config": {}, "summary": {}})[:-1] + ', "x": ' + deep)))


_KINDS: tuple[Callable[[Path, Path, Random], None], ...] = (
    _flip, _flip, _cut, _leave_out, _repeat, _empty, _remove, _remove_folder, _exchange, _rename, _other_ending,
    _rename_folder, _make_folder_of, _make_pipe_of, _make_loop_of, _number, _number, _word, _word, _separator, _lines,
    _encoding, _nested,
)  # fmt: skip
