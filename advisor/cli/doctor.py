"""``advisor doctor``: is this installation whole, and if not, what to type."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import click

from advisor.cli.terminal.output import echo_json, format_option, print_rows
from advisor.config import Config
from advisor.errors import AdvisorError, install_command
from advisor.space.words import counted

_FOR_DEVELOPERS = ("dev", "test")


@dataclass(frozen=True)
class Checked:
    """One thing that was looked at: whether it is well, what was found, and what to type if it is not."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


@click.command()
@format_option
def doctor(format_: str) -> int:
    """Check this installation and say how to repair it; exit status 1 if something is wrong."""
    checks = {"store": _store, "spool": _spool, "meta-model": _metamodel, "plugins": _plugins}
    findings = [_program(), *(_guarded(name, check) for name, check in checks.items()), *_extras()]
    if format_ == "json":
        echo_json(findings)
    else:
        rows = [(f.check, "ok" if f.ok else "WRONG", f.found, f.remedy) for f in findings]
        print_rows(("check", "", "found", "next"), rows)
    return 0 if all(f.ok for f in findings) else 1


def _guarded(name: str, check: Callable[[], Checked]) -> Checked:
    try:
        return check()
    except AdvisorError as error:
        return Checked(name, False, str(error), error.hint)


def _program() -> Checked:
    here = Path(__file__).parents[1]
    return Checked(
        "program", True, f"timm-advisor {version('timm-advisor')}, Python {platform.python_version()}, {here}"
    )


def _store() -> Checked:
    from advisor.records.store.store import Store

    store = Store(Config()["store"])
    try:
        with store.writing():
            pass
        counts = store.counts()
    finally:
        store.close()
    return Checked("store", True, f"{store.url}: {', '.join(f'{n:,} {what}' for what, n in counts.items())}")


def _spool() -> Checked:
    from advisor.records.recording.spool import SUFFIX, SpoolFile, is_held

    folder = Path(Config()["spool_dir"])
    probe = folder / f".doctor{SUFFIX}"
    try:
        file = SpoolFile(probe)
        try:
            file.append(b"\n")
            file.sync()
            locks = is_held(probe)
        finally:
            file.close()
            probe.unlink()
    except OSError as error:
        return Checked("spool", False, f"{folder}: {error}", "set ADVISOR_SPOOL_DIR to a folder that you can write")
    waiting = sum(not path.name.startswith(".") for path in folder.glob(f"*{SUFFIX}"))
    found = f"{folder}: {counted(waiting, 'run')} going on or waiting"
    if not locks:
        found += "; no file locks there, a killed run is known as such only after some minutes"
    return Checked("spool", True, found, "advisor records sync" if waiting else "")


def _metamodel() -> Checked:
    from advisor.api import Advisor

    artefact = Advisor().artefact
    return Checked("meta-model", True, f"version {artefact.version}, {artefact.runs:,} runs")


def _plugins() -> Checked:
    from advisor.plugins import get_plugins

    plugins = get_plugins()
    if plugins.problems:
        wrong = "; ".join(f"{p.plugin} in {p.where}: {p.message}" for p in plugins.problems)
        return Checked("plugins", False, wrong, "upgrade or uninstall it, or leave it out with ADVISOR_PLUGINS")
    return Checked("plugins", True, ", ".join(plugins.names()) or "none are loaded")


def _extras() -> Iterator[Checked]:
    """Look at what is optional; nothing is wrong where an extra is missing."""
    extras: dict[str, list[str]] = {}
    for requirement in requires("timm-advisor") or ():
        found = re.fullmatch(r"([\w.-]+).*;.*\bextra == ['\"]([\w-]+)['\"]", requirement)
        if found and found[2] not in _FOR_DEVELOPERS:
            extras.setdefault(found[2], []).append(found[1])
    for extra, packages in extras.items():
        versions = {package: _version(package) for package in packages}
        listed = ", ".join(f"{package} {known or 'is not installed'}" for package, known in versions.items())
        missing = not all(versions.values())
        yield Checked(f"extra {extra}", True, listed, install_command(extra) if missing else "")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
