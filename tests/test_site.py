"""The site has every page that is named for it, and every public name has something to say."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import yaml

import advisor
import advisor.testing
from advisor import hookspecs

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MOST_WORDS = 1500
LONG = {"docs/recording.md", "docs/own-runs.md"}
"""Pages for users that are still longer."""


def _pages(nav) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in _pages(part)]


@pytest.fixture(scope="module")
def named() -> list[str]:
    return _pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])


def test_every_page_of_the_navigation_exists(named):
    site = (ROOT / ".ci" / "site.py").read_text(encoding="utf-8")
    assert [page for page in named if not (DOCS / page).is_file() and f'"{page}"' not in site] == []


def test_no_page_for_users_is_longer_than_can_be_read_at_once(named):
    reference = ("commands.md", "features.md", "promises.md")  # looked up, not read
    pages = [DOCS / page for page in named if (DOCS / page).is_file() and page not in reference]
    long = {p.relative_to(ROOT).as_posix() for p in pages if len(p.read_text(encoding="utf-8").split()) > MOST_WORDS}
    assert long <= LONG


@pytest.mark.parametrize("module", [advisor, advisor.testing], ids=lambda module: module.__name__)
def test_every_public_name_says_what_it_is(module):
    silent = []
    for name in module.__all__:
        value = getattr(module, name)
        if name.startswith("__") or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        if not inspect.getdoc(value):
            silent.append(name)
        for method, member in vars(value).items() if inspect.isclass(value) else ():
            if not method.startswith("_") and inspect.isfunction(member) and not inspect.getdoc(member):
                silent.append(f"{name}.{method}")
    assert silent == []


def test_every_hook_says_when_it_is_called():
    hooks = [value for name, value in vars(hookspecs).items() if re.match("advisor_", name)]
    assert hooks
    assert all(inspect.getdoc(hook) for hook in hooks)
