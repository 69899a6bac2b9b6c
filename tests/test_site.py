"""The site has every page that is named for it, and every public name has something to say."""

from __future__ import annotations

import inspect
import re
import runpy
from pathlib import Path

import pytest
import yaml

import advisor
import advisor.testing
from advisor import hookspecs

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MOST_WORDS = 1500
SITE = runpy.run_path(str(ROOT / ".ci" / "site.py"))
LISTS = (SITE["ELSEWHERE"]["CHANGELOG.md"],)
"""Entries by date: nobody reads them at once."""


def _pages(nav) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in _pages(part)]


@pytest.fixture(scope="module")
def named() -> list[str]:
    return _pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])


def _texts(page: str) -> dict[str, str]:
    """Return a page of the navigation as the site shows it: in parts, from elsewhere, or as it lies in docs/."""
    if page in SITE["IN_PARTS"]:
        return SITE["sections"](page)
    if page == SITE["PYTHON"]:
        return {page: SITE["python_page"]()}
    source = next((path for path, uri in SITE["ELSEWHERE"].items() if uri == page), f"docs/{page}")
    return {page: (ROOT / source).read_text(encoding="utf-8")}


def test_no_page_for_users_is_longer_than_can_be_read_at_once(named):
    words = {uri: len(text.split()) for page in named for uri, text in _texts(page).items()}
    assert len(words) > len(named)
    assert {uri: count for uri, count in words.items() if count > MOST_WORDS and uri not in LISTS} == {}


@pytest.mark.parametrize("page", SITE["IN_PARTS"])
def test_a_page_in_parts_loses_nothing_and_links_to_each(page):
    whole = (DOCS / page).read_text(encoding="utf-8")
    first, *parts = SITE["sections"](page).items()
    assert first[0] == page
    assert [name for name, _ in parts] == re.findall(r"^- \[.*\]\((.*)\)$", first[1], re.MULTILINE)
    assert sum(len(text.split()) for _, text in parts) == len(whole.partition("\n## ")[2].split()) + 1


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
