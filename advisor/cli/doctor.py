"""``advisor doctor``: is this installation whole, and if not, what to type."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from advisor.cli.output import echo_json, format_option, print_rows
from advisor.config import Config
from advisor.errors import AdvisorError


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is well, what was found, and what to type if it is not."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


@click.command()
@format_option
def doctor(format_: str) -> int:
    """Check this installation and say how to repair it; exit status 1 if something is wrong."""
    findings = [_python(), *(_guarded(check) for check in (_store, _spool, _metamodel)), _plugins(), *_extras()]
    if format_ == "json":
        echo_json(findings)
    else:
        rows = [(f.check, "ok" if f.ok else "WRONG", f.found, f.remedy) for f in findings]
        print_rows(("check", "", "found", "next"), rows)
    return 0 if all(f.ok for f in findings) else 1


def _python() -> Finding:
    return Finding("python", True, f"{platform.python_version()}, timm-advisor {version('timm-advisor')}")


def _guarded(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except AdvisorError as error:
        return Finding(check.__name__.strip("_"), False, str(error), error.hint)


def _store() -> Finding:
    from advisor.records.store import Store

    store = Store(Config()["store"])
    return Finding("store", True, f"{store.url}, {store.counts()['runs']:,} runs")


def _spool() -> Finding:
    folder = Path(Config()["spool_dir"])
    waiting = len(list(folder.glob("*.jsonl")))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return Finding("spool", False, f"{folder}: {error.strerror}", "set ADVISOR_SPOOL_DIR to a folder you can write")
    return Finding("spool", True, f"{folder}, {waiting} runs waiting", "advisor records sync" if waiting else "")


def _metamodel() -> Finding:
    from advisor.advise.advisor import Advisor

    artefact = Advisor().artefact
    return Finding("metamodel", True, f"version {artefact.version}, {artefact.runs:,} runs")


def _plugins() -> Finding:
    from advisor.plugins import get_plugins

    plugins = get_plugins()
    wrong = ", ".join(f"{p.plugin} ({p.message})" for p in plugins.problems)
    if wrong:
        return Finding("plugins", False, wrong, "pip install --upgrade the plugin, or uninstall it")
    return Finding("plugins", True, ", ".join(plugins.names()) or "none")


def _extras() -> list[Finding]:
    """What is installed beside the base; nothing is wrong where an extra is missing."""
    findings = []
    for package in ("torch", "torchvision", "timm", "lightgbm"):
        try:
            findings.append(Finding(package, True, version(package)))
        except PackageNotFoundError:
            findings.append(Finding(package, True, "not installed", "pip install 'timm-advisor[timm]'"))
    return findings
