"""Finds plugins, calls each hook implementation on its own, keeps a faulty one from hurting."""

from __future__ import annotations

import functools
import logging
import os
import site
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from advisor import hookspecs
from advisor.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GROUP = "advisor"
logger = logging.getLogger("advisor.plugins")


@dataclass(frozen=True)
class PluginProblem:
    """A plugin that was contained: its name, where it failed, and how."""

    plugin: str
    where: str
    message: str


class Plugins:
    """The plugins of one process.

    A failure while a plugin loads or runs is logged once per plugin and place, kept in ``problems`` and never
    raised to the caller.

    Parameters
    ----------
    allowed : str
        ``all``, ``none``, or a comma-separated list of entry-point names to load.
    found : iterable of EntryPoint, optional
        The entry points to choose from; by default those of the group ``advisor``.
    """

    def __init__(self, allowed: str = "all", found: Iterable[EntryPoint] | None = None) -> None:
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self.problems: list[PluginProblem] = []
        self.distributions: dict[str, str] = {}
        wanted = {name.strip() for name in allowed.split(",")} - {"", "none"}
        entries = list(installed() if found is None else found)
        for entry in entries:
            if "all" in wanted or entry.name in wanted:
                self._load(entry)
        for name in sorted(wanted - {"all"} - {entry.name for entry in entries}):
            self._contain(name, "load", LookupError("no plugin of this name is installed"))

    def _load(self, entry: EntryPoint) -> None:
        try:
            with environment_only():
                plugin = entry.load()
            self.register(plugin, entry.name)
        except (Exception, SystemExit) as error:  # isolation: whatever a plugin raises while it loads stays its own
            self._contain(entry.name, "load", error)
        else:
            dist = entry.dist
            self.distributions[entry.name] = f"{dist.name} {dist.version}" if dist else "unknown"

    def register(self, plugin: object, name: str) -> None:
        """Add a plugin object.

        Parameters
        ----------
        plugin : object
            A module or an instance with hook implementations.
        name : str
            The name it is reported under.

        Raises
        ------
        pluggy.PluginValidationError
            If it implements a hook that does not exist, with other arguments, or as a wrapper; it is not registered.
        """
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
            self._refuse_wrappers(plugin)
        except pluggy.PluginValidationError:
            if self._manager.get_plugin(name) is not None:
                self._manager.unregister(name=name)
            raise

    def _refuse_wrappers(self, plugin: object) -> None:
        # Implementations are called one by one; a wrapper would have nothing to wrap.
        for caller in self._manager.get_hookcallers(plugin) or []:
            if any(impl.plugin is plugin and (impl.wrapper or impl.hookwrapper) for impl in caller.get_hookimpls()):
                raise pluggy.PluginValidationError(plugin, f"{caller.name}: hook wrappers are not supported")

    def names(self) -> list[str]:
        """Return the names of the loaded plugins, sorted."""
        return sorted(name for name, plugin in self._manager.list_name_plugin() if plugin is not None)

    def hooks_of(self, name: str) -> list[str]:
        """Return the hooks that the plugin ``name`` implements, sorted."""
        plugin = self._manager.get_plugin(name)
        callers = self._manager.get_hookcallers(plugin) if plugin is not None else None
        return sorted(caller.name for caller in callers or [])

    def implementations(self, hook: str) -> list[tuple[str, Any]]:
        """Return (plugin name, callable taking the hook's keywords) in pluggy's calling order."""
        impls = reversed(getattr(self._manager.hook, hook).get_hookimpls())
        return [(impl.plugin_name, functools.partial(_call, impl)) for impl in impls]

    def call_each(self, hook: str, **kwargs: Any) -> Iterator[tuple[str, Any]]:
        """Call every implementation of ``hook`` and yield (plugin name, result) where it is not None."""
        for name, function in self.implementations(hook):
            try:
                result = function(**kwargs)
            except (Exception, SystemExit) as error:  # isolation: one faulty plugin must not stop the others
                self._contain(name, hook, error)
            else:
                if result is not None:
                    yield name, result

    def call_first(self, hook: str, **kwargs: Any) -> Any | None:
        """Return the first result of ``hook`` that is not None, else None."""
        return next((result for _, result in self.call_each(hook, **kwargs)), None)

    def _contain(self, plugin: str, where: str, error: BaseException) -> None:
        problem = PluginProblem(plugin, where, f"{type(error).__name__}: {error}")
        if not any((p.plugin, p.where) == (plugin, where) for p in self.problems):
            self.problems.append(problem)
            logger.warning("plugin %s failed in %s and is ignored there: %s", plugin, where, problem.message)
            logger.debug("details", exc_info=error)


def installed() -> list[EntryPoint]:
    """Return the entry points of the plugins that are installed in this environment.

    What lies in the working folder, or beside the script, is not installed: a data set that was unpacked there must
    not bring code that runs.
    """
    found: dict[tuple[str, str], EntryPoint] = {}
    for distribution in distributions(path=_environment_path()):
        for entry in distribution.entry_points:
            if entry.group == GROUP:
                found.setdefault((entry.name, entry.value), entry)  # metadata may lie in two places of the path
    return list(found.values())


def _environment_path() -> list[str]:
    """Return ``sys.path`` without the working folder and the script's."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    try:
        places = {os.getcwd()}
    except OSError:  # it was deleted, and nothing is imported from it
        places = set()
    if script is not None:
        places.add(os.path.dirname(os.path.abspath(script)))
    installed = {*site.getsitepackages(), site.getusersitepackages(), str(Path(__file__).parents[1])}
    unsafe = {os.path.realpath(place) for place in places} - {os.path.realpath(place) for place in installed}
    return [place for place in sys.path if place and os.path.realpath(place) not in unsafe]


@contextmanager
def environment_only() -> Iterator[None]:
    """Import nothing from the working folder and the script's during this."""
    before = list(sys.path)
    sys.path[:] = _environment_path()
    try:
        yield
    finally:
        sys.path[:] = before


def _call(impl: pluggy.HookImpl, **kwargs: Any) -> Any:
    return impl.function(*(kwargs[name] for name in impl.argnames))


@functools.cache
def get_plugins() -> Plugins:
    """Return the plugins of this process, loaded on first use; the setting ``plugins`` decides which."""
    return Plugins(Config()["plugins"])
