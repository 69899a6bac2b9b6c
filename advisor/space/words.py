"""How counts are written."""

from __future__ import annotations


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> counted(1, "run"), counted(2000, "run"), counted(1, "class", "classes")
    ('1 run', '2,000 runs', '1 class')
    """
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"
