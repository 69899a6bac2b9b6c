"""Lightning: a callback that records its trainings, and advice as a script for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from advisor import hookimpl

if TYPE_CHECKING:
    from advisor import Suggestion
    from advisor_lightning.callback import AdvisorCallback

__all__ = ["AdvisorCallback", "advisor_render"]


@hookimpl
def advisor_render(suggestion: Suggestion, format: str) -> str | None:
    """Print the advice as a script for Lightning: ``--format lightning``."""
    if format != "lightning":
        return None
    from advisor_lightning.snippet import snippet

    return snippet(suggestion)


def __getattr__(name: str) -> Any:
    # The callback is a class of Lightning's, which only who uses it shall import.
    if name == "AdvisorCallback":
        from advisor_lightning.callback import AdvisorCallback

        return AdvisorCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
