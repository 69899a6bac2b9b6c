"""Finds an engine by its name: the local one, or what a plugin offers."""

from __future__ import annotations

from typing import cast

from advisor.collect.engine import Engine, PlacingEngine
from advisor.collect.local_engine import LocalEngine
from advisor.errors import AdvisorError, UsageError
from advisor.plugins import Plugins


def find_engine(name: str, plugins: Plugins, *, workers: int | None, address: str | None) -> Engine:
    """Return the engine called ``name``: the local one, or one that a plugin offers.

    Raises
    ------
    UsageError
        If there is none of that name; the hint lists those there are.
    """
    if name == "local":
        return LocalEngine(workers)
    offered = {key: make for _, engines in plugins.call_each("advisor_engines") for key, make in engines.items()}
    if name not in offered:
        raise UsageError(
            f"no engine is called {name!r}",
            cause="no loaded plugin offers it",
            hint=f"--engine one of: {', '.join(['local', *sorted(offered)])}; see `advisor plugins`",
        )
    engine = offered[name](workers=workers, address=address)
    if not callable(getattr(engine, "run", None)):
        raise AdvisorError(f"the engine {name!r} has no run method", hint="see advisor.Engine")
    return engine  # type: ignore[no-any-return]


def find_placing_engine(name: str, plugins: Plugins, *, workers: int | None, address: str | None) -> PlacingEngine:
    """Return the engine called ``name`` that a plugin offers, one that takes single calls.

    Raises
    ------
    UsageError
        If there is none of that name, or it does not take them.
    """
    engine = find_engine(name, plugins, workers=workers, address=address)
    if not all(callable(getattr(engine, method, None)) for method in ("place", "places")):
        raise UsageError(
            f"the engine {name!r} cannot train trials",
            cause="it trains whole plans only: it has no `place` and `places`",
            hint="--engine ray, or leave it out",
        )
    return cast("PlacingEngine", engine)
