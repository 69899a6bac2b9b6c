"""A faulty plugin is named once and hurts nobody."""

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pluggy
import pytest

from advisor import hookimpl
from advisor.plugins import Plugins, get_plugins


@dataclass
class Entry:
    """What an installed plugin's entry point offers; ``plugin`` is the object, or what loading it raises."""

    name: str
    plugin: object
    dist: object = None

    def load(self):
        if isinstance(self.plugin, BaseException):
            raise self.plugin
        return self.plugin


class Good:
    @hookimpl
    def advisor_engines(self):
        return {"good": Good}

    @hookimpl
    def advisor_render(self, format):
        return f"good {format}"


class Misspelt:
    @hookimpl
    def advisor_run_started(self, run):
        pass


class WrongArguments:
    @hookimpl
    def advisor_engines(self):
        return {"never": None}

    @hookimpl
    def advisor_epoch_end(self, run, epoch, learning_rate):
        pass


class Wrapper:
    @hookimpl(wrapper=True)
    def advisor_engines(self):
        return (yield)


class Raising:
    @hookimpl
    def advisor_engines(self):
        raise ValueError("broken engine")

    @hookimpl
    def advisor_render(self, suggestion):
        raise SystemExit(1)


def load(*plugins, allowed="all"):
    return Plugins(allowed, [Entry(name, plugin) for name, plugin in plugins])


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (ImportError("cannot import name 'gone' from 'timm'"), "ImportError: cannot import name 'gone'"),
        (SyntaxError("invalid syntax"), "SyntaxError"),
        (SystemExit("needs a display"), "SystemExit: needs a display"),
        (Misspelt(), "advisor_run_started"),
        (WrongArguments(), "learning_rate"),
        (Wrapper(), "wrappers are not supported"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named_and_the_others_work(plugin, said, caplog):
    plugins = load(("broken", plugin), ("good", Good()))
    assert plugins.names() == ["good"]
    assert [(problem.plugin, problem.where) for problem in plugins.problems] == [("broken", "load")]
    assert said in plugins.problems[0].message
    assert [name for name, _ in plugins.call_each("advisor_engines")] == ["good"]
    assert len(caplog.records) == 1
    assert "plugin broken failed in load" in caplog.text


def test_a_plugin_of_the_same_name_is_refused():
    plugins = load(("good", Good()), ("good", Good()))
    assert plugins.names() == ["good"]
    assert plugins.problems[0].where == "load"


def test_a_raising_hook_is_named_once_and_skips_nobody(caplog):
    plugins = load(("one", Good()), ("raising", Raising()), ("two", Good()))
    for _ in range(3):
        assert {name for name, _ in plugins.call_each("advisor_engines")} == {"one", "two"}
    assert plugins.call_first("advisor_render", suggestion=None, format="x") == "good x"
    wrong = [(problem.where, problem.message) for problem in plugins.problems]
    assert ("advisor_engines", "ValueError: broken engine") in wrong
    assert len([record for record in caplog.records if "broken engine" in record.getMessage()]) == 1


def test_the_first_answer_wins_and_none_is_no_answer():
    class Silent:
        @hookimpl(tryfirst=True)
        def advisor_render(self):
            return None

    plugins = load(("good", Good()), ("silent", Silent()))
    assert plugins.call_first("advisor_render", suggestion=None, format="y") == "good y"
    assert plugins.call_first("advisor_open_dataset", source="z") is None


@pytest.mark.parametrize(
    ("allowed", "names"),
    [("all", ["a", "b"]), ("none", []), ("", []), ("b", ["b"]), (" a , b", ["a", "b"])],
)
def test_only_allowed_plugins_are_loaded(allowed, names):
    plugins = load(("a", Good()), ("b", Good()), allowed=allowed)
    assert plugins.names() == names
    assert not plugins.problems


def test_a_plugin_that_is_not_there_is_named():
    plugins = load(("a", Good()), allowed="a,tim")
    assert plugins.names() == ["a"]
    assert [(problem.plugin, problem.message) for problem in plugins.problems] == [
        ("tim", "LookupError: no plugin of this name is installed")
    ]


def test_registering_by_hand_raises_what_is_wrong():
    plugins = Plugins("none")
    with pytest.raises(pluggy.PluginValidationError):
        plugins.register(Misspelt(), "misspelt")
    assert plugins.names() == []
    plugins.register(Good(), "good")
    assert plugins.hooks_of("good") == ["advisor_engines", "advisor_render"]
    assert plugins.hooks_of("unknown") == []


def test_distributions_are_told():
    found = [Entry("a", Good(), SimpleNamespace(name="advisor-a", version="1.2")), Entry("b", Good())]
    assert Plugins("all", found).distributions == {"a": "advisor-a 1.2", "b": "unknown"}


def test_details_are_for_those_who_ask(caplog):
    with caplog.at_level(logging.DEBUG, "advisor.plugins"):
        load(("broken", ImportError("gone")))
    assert any(record.exc_info for record in caplog.records)


def test_the_setting_decides_wherever_it_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv("ADVISOR_PLUGINS")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.advisor]\nplugins = 'none'")
    assert get_plugins().names() == []


def test_the_shipped_plugins_load():
    assert not Plugins("all").problems


@pytest.mark.parametrize("how", [["-m", "advisor"], ["-c", "from advisor.cli import main; main()"]])
def test_what_lies_in_the_working_folder_is_no_plugin(tmp_path, monkeypatch, how):
    about = tmp_path / "lying-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lying\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[advisor]\nlying = lying\n")
    for name in ("lying", "advisor_timm"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()")
    monkeypatch.setenv("ADVISOR_PLUGINS", "all")
    monkeypatch.chdir(tmp_path)
    for path in ("", os.pathsep):
        done = subprocess.run(
            [sys.executable, *how, "plugins", "--format", "json"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert done.returncode == 0, done.stderr
        listed = [plugin["plugin"] for plugin in json.loads(done.stdout)["plugins"]]
        assert "timm" in listed
        assert "lying" not in listed
    assert not (tmp_path / "ran").exists()
