"""Makes foreign text safe for where it is shown: on a terminal, in one line of it, in the cell of a spreadsheet.

Names of files, classes and runs, error messages and whatever else a record holds come from elsewhere. Everything that
``advisor`` prints or exports as CSV goes through here once, where it leaves the program; records keep it as it is.
"""

from __future__ import annotations

import re

UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
"""What stands for a character that a terminal would obey instead of show."""

# Control characters but newline and tab, which move the cursor, ring or begin an escape sequence; marks that turn the
# direction of writing; other ends of lines; halves of characters, as file names that are no UTF-8 have them.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")  # in some languages the wide ones begin one too
_LINE_END = re.compile(r"\s*[\r\n]\s*")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|nan)")


def for_terminal(text: str) -> str:
    r"""Return a text of any number of lines that a terminal shows and does not obey.

    Examples
    --------
    >>> for_terminal("café \x1b[2J\n")
    'café �[2J\n'
    """
    return _OBEYED.sub(UNPRINTABLE, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    r"""Return a text as one line, so that nothing in it can pass for a line of ours.

    Examples
    --------
    >>> one_line("no such file\nNext:  rm -rf")
    'no such file Next:  rm -rf'
    """
    return for_terminal(_LINE_END.sub(" ", text.rstrip()))


def for_spreadsheet(text: str) -> str:
    """Return the text of a cell that a spreadsheet takes for text, not for a formula: after an apostrophe.

    Numbers stay as they are.

    Examples
    --------
    >>> for_spreadsheet("=HYPERLINK(A1)"), for_spreadsheet("-1e-3"), for_spreadsheet("resnet50")
    ("'=HYPERLINK(A1)", '-1e-3', 'resnet50')
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
