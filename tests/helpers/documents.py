"""What the pages tell a reader to type: every command and every Python example of README.md, docs/ and meta_data/."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "meta_data" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}\S.*\n(?: {4}.*\n|\n(?= {4}))*)")
_BEGINS = re.compile(r"(?:[A-Z_]+=\S+ )*(?:advisor|python|python3|pip|make|torchrun|srun|git|docker)\s")
_INLINE = re.compile(r"`((?:advisor|make|python) [^`]+)`")


@dataclass(frozen=True)
class Example:
    """Something to type: a line of a shell, or a block of Python."""

    page: str
    kind: str
    text: str


def examples(page: Path) -> list[Example]:
    """Return the examples of a page in order: fenced and indented blocks, a shell line each."""
    text = page.read_text(encoding="utf-8")
    found: list[tuple[int, str, str]] = [(m.start(), m[1], m[2]) for m in _FENCED.finditer(text)]
    without_fences = _FENCED.sub(lambda m: "x" * len(m[0]), text)
    found += [(m.start(), "", textwrap.dedent(m[0])) for m in _INDENTED.finditer(without_fences)]
    name = page.relative_to(ROOT).as_posix()
    result = []
    for _, language, block in sorted(found):
        if language == "python" or (not language and block.startswith(("import ", "from "))):
            result.append(Example(name, "python", block))
            continue
        lines = [line.removeprefix("$ ") for line in block.splitlines() if language != "console" or line[:2] == "$ "]
        result += [Example(name, "shell", _code(line)) for line in lines if _BEGINS.match(line)]
    return result


def inline(page: Path) -> list[str]:
    """Return the commands that stand within a page's sentences."""
    return _INLINE.findall(_FENCED.sub("", page.read_text(encoding="utf-8")).replace("\n", " "))


def _code(line: str) -> str:
    return re.sub(r"\s{2,}#.*", "", line).strip()
