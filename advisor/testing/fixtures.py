"""What keeps a test away from the user's settings and records."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.plugins import get_plugins


def isolate(monkeypatch: pytest.MonkeyPatch, home: Path, plugins: str = "none") -> None:
    """Point every setting into a folder, for this test and the processes it starts, and raise contained failures.

    Parameters
    ----------
    monkeypatch : MonkeyPatch
    home : Path
        Where settings, store, spool and caches are; need not exist.
    plugins : str
        Which of the installed plugins are loaded, as the setting ``plugins`` says it.
    """
    monkeypatch.setenv("ADVISOR_CONFIG", str(home / "config.toml"))
    monkeypatch.setenv("ADVISOR_STORE", f"sqlite:///{home / 'records.db'}")
    monkeypatch.setenv("ADVISOR_SPOOL_DIR", str(home / "spool"))
    monkeypatch.setenv("ADVISOR_CACHE_DIR", str(home / "cache"))
    monkeypatch.setenv("ADVISOR_METAMODEL_DIR", str(home / "metamodel"))
    monkeypatch.setenv("ADVISOR_PLUGINS", plugins)
    monkeypatch.setenv("ADVISOR_TESTING", "1")
    get_plugins.cache_clear()


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test settings of its own, and none of the plugins that happen to be installed."""
    isolate(monkeypatch, tmp_path / "advisor-home")
