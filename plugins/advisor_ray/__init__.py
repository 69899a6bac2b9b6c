"""Ray: trains the runs of ``advisor collect`` on a cluster, and starts a Ray Tune search from advice.

``advisor collect --engine ray --address HOST:PORT`` is the first; ``search_space(suggestion)`` and
``points_to_evaluate(suggestion)`` are what a tuner takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from advisor import hookimpl

if TYPE_CHECKING:
    from advisor import Engine, Suggestion


@hookimpl
def advisor_engines() -> Mapping[str, Callable[..., Engine]]:
    """Offer the engine ``ray``."""
    from advisor_ray.engine import RayEngine

    return {"ray": RayEngine}


def search_space(suggestion: Suggestion) -> dict[str, Any]:
    """Return the hyperparameters as a Ray Tune search space; see ``advisor_ray.search.search_space``."""
    from advisor_ray.search import search_space

    return search_space(suggestion)


def points_to_evaluate(suggestion: Suggestion) -> list[dict[str, Any]]:
    """Return the suggestions as points to begin with; see ``advisor_ray.search.points_to_evaluate``."""
    from advisor_ray.search import points_to_evaluate

    return points_to_evaluate(suggestion)
