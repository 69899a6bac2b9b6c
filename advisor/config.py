"""Settings and where each came from: flag > ADVISOR_* > pyproject [tool.advisor] > user file > default."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from advisor.errors import UsageError

APP = "timm-advisor"


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
    return Path(text).expanduser()


def _prefixes(text: str) -> tuple[str, ...]:
    prefixes = tuple(str(_folder(part.strip())) for part in text.split(os.pathsep) if part.strip())
    for prefix in prefixes:
        if not Path(prefix).is_absolute() or prefix == Path(prefix).anchor:
            raise ValueError(f"{prefix!r} is not the absolute path of a folder")
    return prefixes


def _default_store() -> str:
    return f"sqlite:///{Path(platformdirs.user_data_dir(APP)) / 'records.db'}"


SETTINGS: dict[str, Setting] = {
    "store": Setting(_default_store, str, "SQLAlchemy URL of the store of records"),
    "spool_dir": Setting(
        lambda: Path(platformdirs.user_data_dir(APP)) / "spool", _folder, "folder that runs write their records to"
    ),
    "cache_dir": Setting(
        lambda: Path(platformdirs.user_cache_dir(APP)),
        _folder,
        "folder for dataset descriptions that can be made again",
    ),
    "metamodel_dir": Setting(
        lambda: Path(platformdirs.user_data_dir(APP)) / "metamodel",
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
}


@dataclass(frozen=True)
class Value:
    """A setting's value and where it came from."""

    value: Any
    source: str


class Config:
    """The settings in force.

    Parameters
    ----------
    flags : mapping, optional
        Values given on the command line or in code; None means not given.
    environ : mapping, optional
        The environment to read ``ADVISOR_*`` from; by default this process's.
    cwd : Path, optional
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
        cwd: Path | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        user_file = Path(environ.get("ADVISOR_CONFIG", Path(platformdirs.user_config_dir(APP)) / "config.toml"))
        project_file = _find_pyproject(cwd or Path.cwd())
        layers: list[tuple[str, Mapping[str, Any]]] = [
            ("command line", {k: v for k, v in (flags or {}).items() if v is not None}),
            ("environment", {n: environ[_env(n)] for n in SETTINGS if environ.get(_env(n))}),
        ]
        if project_file:
            tables = _table(_read_toml(project_file), "tool", project_file)
            layers.append((str(project_file), _table(tables, "advisor", project_file)))
        layers.append((str(user_file), _read_toml(user_file) if user_file.is_file() else {}))
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


def _env(name: str) -> str:
    return f"ADVISOR_{name.upper()}"


def _resolve(name: str, layers: list[tuple[str, Mapping[str, Any]]]) -> Value:
    setting = SETTINGS[name]
    for source, layer in layers:
        if name in layer:
            where = f"environment {_env(name)}" if source == "environment" else source
            try:
                return Value(setting.parse(text(layer[name])), where)
            except ValueError as error:
                raise UsageError(
                    f"{name} = {layer[name]!r} (from {where}) is not valid",
                    cause=str(error),
                    hint=f"{name}: {setting.doc}",
                ) from error
    return Value(setting.default(), "default")


def text(value: Any) -> str:
    """Return a setting's value as it is written in the environment."""
    return os.pathsep.join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _table(content: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"cannot read settings from {path}", cause=f"{name!r} is no table", hint="correct it")
    return table


def _find_pyproject(start: Path) -> Path | None:
    candidates = (folder / "pyproject.toml" for folder in (start, *start.parents))
    return next((path for path in candidates if path.is_file()), None)


def _read_toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read settings from {path}", cause=str(error), hint="correct or remove it") from error
    return content
