"""Settings and where each came from: flag > ADVISOR_* > pyproject [tool.advisor] > user file > default.

The pyproject.toml is that of the project that is worked on: of a script's own folder where a script is run, else of the
working folder; the nearest one upward, not beyond a repository, and none that another user has put there.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import platformdirs

from advisor.bounded import read_bounded
from advisor.errors import UsageError

APP = "timm-advisor"
"""Of a settings file; what is larger is none."""
_SQLITE_FILE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!:memory:|file:)([^?]+)(.*)", re.DOTALL)
_AGE = re.compile(r"(\w+)=(\d{1,6})d")
_PLACE_OF_A_STORE = ("host", "port", "dbname", "service")
"""What else of a URL's query says which database is meant."""


@dataclass(frozen=True)
class Setting:
    """One setting: its default, how text becomes its value, and one line for people."""

    default: Callable[[], Any]
    parse: Callable[[str], Any]
    doc: str


def _seconds(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise ValueError("must be above 0")
    return value


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(str(error)) from error


def _of_user(folder: Callable[[str], str]) -> Path:
    try:
        path = Path(folder(APP))
    except RuntimeError as error:  # as some versions of platformdirs say it
        raise ValueError("this user has no home folder") from error
    if not path.is_absolute():
        raise ValueError("this user has no home folder")
    return path


def _user_file(environ: Mapping[str, str]) -> Path | None:
    if "ADVISOR_CONFIG" in environ:
        return Path(environ["ADVISOR_CONFIG"])
    try:
        return _of_user(platformdirs.user_config_dir) / "config.toml"
    except ValueError:
        return None


def _prefixes(text: str) -> tuple[str, ...]:
    prefixes = tuple(str(_folder(part.strip())) for part in text.split(os.pathsep) if part.strip())
    for prefix in prefixes:
        if not Path(prefix).is_absolute() or prefix == Path(prefix).anchor:
            raise ValueError(f"{prefix!r} is not the absolute path of a folder")
    return prefixes


def ages(policy: str) -> dict[str, int]:
    """Return the days by name of a policy such as ``FAILED=30d, all=730d``.

    Raises
    ------
    ValueError
        If it is not written so.
    """
    found = {}
    for part in filter(None, (part.strip() for part in policy.split(","))):
        age = _AGE.fullmatch(part)
        if age is None:
            raise ValueError(f"{part!r} is not written as FAILED=30d")
        found[age[1]] = int(age[2])
    return found


def _policy(text: str) -> str:
    ages(text)
    return text


def _data(name: str) -> Path:
    return _of_user(platformdirs.user_data_dir) / name


SETTINGS: dict[str, Setting] = {
    "store": Setting(lambda: f"sqlite:///{_data('records.db')}", str, "SQLAlchemy URL of the store of records"),
    "spool_dir": Setting(lambda: _data("spool"), _folder, "folder that runs write their records to"),
    "cache_dir": Setting(
        lambda: _of_user(platformdirs.user_cache_dir),
        _folder,
        "folder for dataset descriptions that can be made again",
    ),
    "metamodel_dir": Setting(
        lambda: _data("metamodel"),
        _folder,
        "folder of the meta-model that `advisor train` fits",
    ),
    "plugins": Setting(lambda: "all", str, "plugins to load: all, none, or names separated by commas"),
    "hook_timeout": Setting(lambda: 5.0, _seconds, "seconds an observing hook may take before it is switched off"),
    "suggest_timeout": Setting(
        lambda: 120.0,
        _seconds,
        "seconds that advice for `advisor run --suggest` may take before the script runs without",
    ),
    "private_paths": Setting(
        tuple, _prefixes, f"folders that are recorded as ~ where a path begins with one, separated by {os.pathsep}"
    ),
    "retention": Setting(
        str, _policy, "days that runs are kept, by status, such as FAILED=30d,all=730d; for ever where nothing is said"
    ),
}


@dataclass(frozen=True)
class Value:
    """A setting's value and where it came from."""

    value: Any
    source: str


class Config:
    """The settings in force; paths are absolute, those in a file count from its folder, others from the working one.

    Parameters
    ----------
    flags : mapping, optional
        Values given on the command line or in code; None means not given.
    environ : mapping, optional
        The environment to read ``ADVISOR_*`` from; by default this process's.
    project : Path, optional
        Where the search for pyproject.toml begins; by default the working folder.

    Raises
    ------
    UsageError
        If a value cannot be understood, a settings file is malformed, or it names an unknown setting.
    """

    def __init__(
        self,
        flags: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        project: Path | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        user_file = _user_file(environ)
        project_file = _find_pyproject(project or _working_folder())
        layers: list[tuple[str, Mapping[str, Any]]] = [
            ("command line", {k: v for k, v in (flags or {}).items() if v is not None}),
            ("environment", {n: environ[_env(n)] for n in SETTINGS if environ.get(_env(n))}),
        ]
        if project_file is not None:
            tables = _table(_read_toml(project_file), "tool", project_file)
            layers.append((str(project_file), _table(tables, "advisor", project_file)))
        if user_file is not None and _is_file(user_file):
            layers.append((str(user_file), _read_toml(user_file)))
        for source, layer in layers:
            for name in layer:
                if name not in SETTINGS:
                    raise UsageError(
                        f"unknown setting {name!r} in {source}",
                        hint=f"known settings: {', '.join(SETTINGS)}; see `advisor config`",
                    )
        self.values = {name: _resolve(name, layers) for name in SETTINGS}

    def __getitem__(self, name: str) -> Any:
        return self.values[name].value

    def environment(self) -> dict[str, str]:
        """Return the variables by which a process started anywhere has these settings."""
        return {_env(name): text(value.value) for name, value in self.values.items()}


def _env(name: str) -> str:
    return f"ADVISOR_{name.upper()}"


def _resolve(name: str, layers: list[tuple[str, Mapping[str, Any]]]) -> Value:
    setting = SETTINGS[name]
    for source, layer in layers:
        if name in layer:
            where = f"environment {_env(name)}" if source == "environment" else source
            try:
                value = setting.parse(text(layer[name]))
                from_file = source not in ("environment", "command line")
                return Value(_absolute(name, value, Path(source).parent if from_file else None), where)
            except ValueError as error:
                raise UsageError(
                    f"{name} = {layer[name]!r} (from {where}) is not valid",
                    cause=str(error),
                    hint=f"{name}: {setting.doc}",
                ) from error
    try:
        return Value(setting.default(), "default")
    except ValueError as error:
        raise UsageError(f"there is no place for {name}", cause=str(error), hint=f"set {_env(name)}") from error


def _absolute(name: str, value: Any, folder: Path | None) -> Any:
    if isinstance(value, Path):
        return value if value.is_absolute() else (folder or _working_folder()) / value
    if name == "store" and (found := _SQLITE_FILE.fullmatch(value)):
        return f"{found[1]}{_absolute('', Path(found[2]), folder)}{found[3]}"
    return value


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError(
            "there is no working folder", cause=str(error), hint="change to a folder that is there"
        ) from error


def store_name(url: str) -> str:
    """Return what tells a store from others: its URL without user, password and driver.

    Examples
    --------
    >>> store_name("postgresql+psycopg://me:secret@host:5433/runs?sslmode=require")
    'postgresql://host:5433/runs'
    """
    found = _SQLITE_FILE.fullmatch(url)
    if found:
        return f"sqlite:///{os.path.realpath(found[2])}"
    parts = urlsplit(url)
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name in _PLACE_OF_A_STORE])
    place = f"{parts.scheme.partition('+')[0]}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return f"{place}?{query}" if query else place


def text(value: Any) -> str:
    """Return a setting's value as it is written in the environment."""
    return os.pathsep.join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _table(content: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"cannot read settings from {path}", cause=f"{name!r} is no table", hint="correct it")
    return table


def _find_pyproject(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if _is_file(path):
            return None if _is_of_another_user(path) else path
        if os.path.lexists(folder / ".git"):
            return None
    return None


def _is_file(path: Path) -> bool:
    """Tell whether there is a regular file, which unlike a pipe or a device ends."""
    try:
        return path.is_file()
    except OSError as error:
        raise UsageError(
            f"cannot read settings from {path}", cause=error.strerror or str(error), hint="correct or remove it"
        ) from error


def _is_of_another_user(path: Path) -> bool:
    """Tell whether neither this user, nor the administrator, nor who owns its folder made a file: as in /tmp."""
    if not hasattr(os, "getuid"):
        return False
    folder = path.parent.stat()
    owners = {os.getuid(), 0} | ({folder.st_uid} if not folder.st_mode & stat.S_IWOTH else set())
    return path.stat().st_uid not in owners


def _read_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        content: dict[str, Any] = tomllib.loads(read_bounded(path, "settings"))
    except (OSError, UnicodeDecodeError, RecursionError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read settings from {path}", cause=str(error), hint="correct or remove it") from error
    return content
