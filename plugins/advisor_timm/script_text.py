"""Advice as the text of a Python script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from advisor import Suggestion


def keywords(values: Mapping[str, Any], indent: int | None = None) -> str:
    """Return keywords of a call: in one line, or one a line where an indent is given."""
    words = [f"{name}={value!r}" for name, value in values.items()]
    return ", ".join(words) if indent is None else "".join(f"{' ' * indent}{word},\n" for word in words)


def heading(suggestion: Suggestion, items: str) -> str:
    """Return the comment that says whose advice it is and what is left to do.

    Parameters
    ----------
    suggestion : Suggestion
    items : str
        What the framework wants the items of a dataset to be.
    """
    size, augment = suggestion.img_size, suggestion.assumes.augment
    return (
        f"# Advice {suggestion.suggestion_id} for {suggestion.dataset.name!r}, confidence {suggestion.confidence}.\n"
        f"# Yours are train_set and eval_set, of {items}:\n"
        f"# images of {size} x {size} pixels, augmentation {augment!r} (docs/integrations.md).\n"
    )
