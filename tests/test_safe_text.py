"""Foreign text reaches a terminal and a spreadsheet as text, and nothing in between changes what is none of that."""

from __future__ import annotations

import doctest
import io
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from advisor import safe_text
from advisor.safe_console import SafeConsole
from advisor.safe_text import for_spreadsheet, for_terminal, one_line

ADVISOR = Path(__file__).parents[1] / "advisor"
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40) | st.text(
    "\x1b[]0;\x07\x9b\r\n\t\x7fm=+@-1", max_size=30
)


def obeyed(text: str) -> list[str]:
    """Return the characters that a terminal obeys."""
    return [
        c
        for c in text
        if c not in "\n\t" and (unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in "\u202e\u2066")
    ]


def test_the_examples():
    assert doctest.testmod(safe_text).failed == 0


@given(ANY_TEXT)
def test_a_terminal_obeys_nothing(text):
    assert obeyed(for_terminal(text)) == []
    assert for_terminal(for_terminal(text)) == for_terminal(text)
    assert "\n" not in one_line(text)
    assert obeyed(one_line(text)) == []


@given(st.text(st.characters(categories=("L", "N", "P", "S", "M")), max_size=40))
def test_text_that_a_terminal_only_shows_is_left_alone(text):
    assert for_terminal(text) == text


@given(ANY_TEXT)
def test_what_is_drawn_has_only_the_codes_that_the_console_puts_there(text):
    out = io.StringIO()
    console = SafeConsole(file=out, force_terminal=True, color_system="truecolor", width=60, legacy_windows=False)
    table = Table("head")
    table.add_row(text)
    console.print(table)
    console.print(text, Text(text, style="red"))
    drawn = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert obeyed(drawn) == []


def test_square_brackets_and_colons_are_text():
    out = io.StringIO()
    table = Table("[b]head[/b]")
    table.add_row("photos[v2] :smile: timm-advisor[timm]")
    SafeConsole(file=out, width=80).print(table)
    assert "photos[v2] :smile: timm-advisor[timm]" in out.getvalue()
    assert "[b]head[/b]" in out.getvalue()


@given(ANY_TEXT)
def test_a_cell_is_no_formula(text):
    cell = for_spreadsheet(text)
    assert cell in (text, f"'{text}")
    assert not re.match(r"[=@\t\r＝＋－＠]|[+-](?![0-9.]|inf|nan)", cell)


@pytest.mark.parametrize("text", ["＝1+1", " ＋cmd|' /C calc'!A0", "－2+3", "＠SUM(1)"])
def test_a_formula_in_wide_characters_is_none(text):
    assert for_spreadsheet(text) == f"'{text}"


@given(st.floats() | st.integers())
def test_numbers_in_cells_stay_numbers(number):
    assert for_spreadsheet(str(number)) == str(number)


def test_nothing_is_printed_past_it():
    """Whoever prints takes ``echo`` or ``SafeConsole``."""
    allowed = {"cli/terminal/output.py", "cli/terminal/progress.py", "safe_console.py"}
    printing = re.compile(r"click\.(?:echo|secho)\(|(?<!Safe)Console\(|rich\.markup|from_markup|rich import print")
    found = {
        path.relative_to(ADVISOR).as_posix()
        for path in ADVISOR.rglob("*.py")
        if printing.search(path.read_text("utf-8"))
    }
    assert found <= allowed
