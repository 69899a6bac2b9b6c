"""Trains the runs of ``advisor collect`` on a Ray cluster: ``--engine ray --address HOST:PORT``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from advisor.hookspecs import hookimpl

if TYPE_CHECKING:
    from advisor.collect.engine import Engine


@hookimpl
def advisor_engines() -> Mapping[str, Callable[..., Engine]]:
    """Offer the engine ``ray``."""
    from advisor_ray.engine import RayEngine

    return {"ray": RayEngine}
