"""The shape of the code: no circles, no crowded folders, and plugins that stand on public names only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

grimp = pytest.importorskip("grimp")

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(folder.name for folder in (ROOT / "plugins").glob("advisor_*"))
MOST_MODULES = 14


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("advisor", *PLUGINS, exclude_type_checking_imports=False, cache_dir=None)


def test_no_module_imports_itself_by_way_of_others(graph):
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    while ends := {module for module, imported in imports.items() if not imported & imports.keys()}:
        for module in ends:
            del imports[module]
    # What is left lies on a circle or leads to one.
    while starts := imports.keys() - set().union(*imports.values()):
        for module in starts:
            del imports[module]
    assert sorted(imports) == []


@pytest.mark.parametrize("place", ["advisor", "plugins"])
def test_no_folder_is_crowded(place):
    folders = {module.parent for module in (ROOT / place).rglob("*.py")}
    crowded = {
        str(folder.relative_to(ROOT)): len(modules)
        for folder in folders
        if len(modules := [module for module in folder.glob("*.py") if module.name != "__init__.py"]) > MOST_MODULES
    }
    assert crowded == {}


def test_what_names_types_of_all_floors_is_imported_by_the_plugin_manager_only(graph):
    assert graph.find_modules_that_directly_import("advisor.hookspecs") <= {"advisor", "advisor.plugins"}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_imports_public_names_only(graph, plugin):
    modules = {plugin, *graph.find_descendants(plugin)}
    imported = set().union(*(graph.find_modules_directly_imported_by(module) for module in modules))
    assert {name for name in imported if name.partition(".")[0] == "advisor"} <= {"advisor", "advisor.testing"}


def test_only_records_write_sql():
    importing = re.compile(r"^\s*(import|from) sqlalchemy\b", re.MULTILINE)
    modules = {
        module.relative_to(ROOT)
        for module in (ROOT / "advisor").rglob("*.py")
        if importing.search(module.read_text(encoding="utf-8"))
    }
    assert {str(Path(*module.parts[:2])) for module in modules} == {str(Path("advisor", "records"))}
