"""A finished call of a function that is watched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Call:
    """One finished call of a wrapped function."""

    parameters: Mapping[str, Any]
    """Those of the function by name, in order, with their defaults; without ``*args`` and ``**kwargs``."""
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any
    seconds: float

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """Every argument by name, defaults included; those collected by ``**kwargs`` stand beside the others.

        Not by ``Signature.bind``, which checks what the call itself has shown to be right, at four times the cost.
        """
        return {**self.parameters, **dict(zip(self.parameters, self.args, strict=False)), **self.kwargs}
