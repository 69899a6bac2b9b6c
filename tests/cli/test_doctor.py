"""``advisor doctor``, ``advisor plugins`` and ``advisor config``: what they find, and what they say to do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from advisor import hookimpl
from advisor.cli import doctor as doctor_module
from advisor.cli import main
from advisor.errors import AdvisorError
from advisor.plugins import Plugins, get_plugins
from advisor.records.recording.recorder import Recorder
from advisor.records.store.store import Store


@pytest.fixture
def advisor(capsys):
    """Run a command line; return its exit status and what it printed, as JSON."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--format", "json"])
        return ended.value.code or 0, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def diagnose(advisor, monkeypatch):
    """Run the doctor; return its exit status and its findings by what was checked."""
    monkeypatch.setattr(doctor_module, "_metamodel", lambda: doctor_module.Checked("meta-model", True, "not read here"))

    def run():
        code, findings = advisor("doctor")
        return code, {finding.pop("check"): finding for finding in findings}

    return run


def test_all_is_well(diagnose):
    code, findings = diagnose()
    assert code == 0
    assert all(finding["ok"] for finding in findings.values())
    assert {"program", "store", "spool", "meta-model", "plugins", "extra timm", "extra postgres"} <= findings.keys()
    assert not {"extra dev", "extra test"} & findings.keys()
    assert "0 runs, 0 epochs" in findings["store"]["found"]
    assert "timm" in findings["plugins"]["found"]


def test_looking_leaves_no_probe_behind(diagnose):
    diagnose()
    assert list(Path(os.environ["ADVISOR_SPOOL_DIR"]).iterdir()) == []


def test_a_run_that_goes_on_is_counted(diagnose):
    recorder = Recorder(plugins=Plugins("none"))
    recorder.start_run()
    while not list(Path(os.environ["ADVISOR_SPOOL_DIR"]).glob("*")):
        pass
    _, findings = diagnose()
    recorder.end_run()
    assert "1 run going on" in findings["spool"]["found"]
    assert findings["spool"]["remedy"] == "advisor records sync"


def test_a_damaged_store(diagnose, tmp_path, monkeypatch):
    (tmp_path / "damaged.db").write_bytes(b"no database " * 1000)
    monkeypatch.setenv("ADVISOR_STORE", f"sqlite:///{tmp_path / 'damaged.db'}")
    code, findings = diagnose()
    assert code == 1
    assert not findings["store"]["ok"]
    assert "not a database" in findings["store"]["found"]
    assert findings["store"]["remedy"]
    assert findings["spool"]["ok"]


def test_a_store_that_another_process_holds(diagnose, monkeypatch):
    url = os.environ["ADVISOR_STORE"]
    store = Store(url)
    monkeypatch.setenv("ADVISOR_STORE", f"{url}?timeout=0.05")
    with store.writing():
        code, findings = diagnose()
    store.close()
    assert (code, findings["store"]["ok"]) == (1, False)
    assert "locked" in findings["store"]["found"]


def test_a_spool_folder_that_cannot_be_made(diagnose, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ADVISOR_SPOOL_DIR", str(tmp_path / "file" / "spool"))
    code, findings = diagnose()
    assert (code, findings["spool"]["ok"]) == (1, False)
    assert "ADVISOR_SPOOL_DIR" in findings["spool"]["remedy"]


def test_a_file_system_without_locks_is_said(diagnose, monkeypatch):
    monkeypatch.setattr("advisor.records.recording.spool.fcntl", None)
    code, findings = diagnose()
    assert code == 0
    assert "no file locks" in findings["spool"]["found"]


def test_a_damaged_meta_model(advisor, monkeypatch):
    def damaged():
        raise AdvisorError("the meta-model is damaged", hint="advisor train")

    monkeypatch.setattr(doctor_module, "_metamodel", damaged)
    code, findings = advisor("doctor")
    assert code == 1
    found = next(finding for finding in findings if finding["check"] == "meta-model")
    assert (found["ok"], found["remedy"]) == (False, "advisor train")


def test_the_meta_model_that_is_in_use(advisor, tmp_path, monkeypatch):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    monkeypatch.setenv("ADVISOR_METAMODEL_DIR", str(folder))
    code, findings = advisor("doctor")
    found = next(finding for finding in findings if finding["check"] == "meta-model")
    assert (code, found["ok"]) == (1, False)
    assert str(folder) in found["found"]
    assert found["remedy"]


def test_extras_that_are_missing_are_no_fault(diagnose, monkeypatch):
    monkeypatch.setattr(doctor_module, "_version", lambda package: None if package == "torch" else "1.0")
    code, findings = diagnose()
    assert code == 0
    assert "torch is not installed" in findings["extra timm"]["found"]
    assert findings["extra timm"]["remedy"] == "pip install 'timm-advisor[timm]'"
    assert findings["extra postgres"]["remedy"] == ""


class Misspelt:
    @hookimpl
    def advisor_epoch_ended(self, run):
        pass


class Entry:
    """An installed plugin's entry point."""

    def __init__(self, name, plugin):
        self.name, self.plugin, self.dist = name, plugin, None

    def load(self):
        return self.plugin


@pytest.fixture
def faulty_plugin(monkeypatch):
    plugins = Plugins("all", [Entry("misspelt", Misspelt())])
    monkeypatch.setattr("advisor.plugins.get_plugins", lambda: plugins)


@pytest.mark.usefixtures("faulty_plugin")
def test_a_faulty_plugin_is_named(diagnose, advisor):
    code, findings = diagnose()
    assert (code, findings["plugins"]["ok"]) == (1, False)
    assert "misspelt" in findings["plugins"]["found"]
    assert "ADVISOR_PLUGINS" in findings["plugins"]["remedy"]
    code, listed = advisor("plugins")
    assert code == 0
    assert [problem["plugin"] for problem in listed["problems"]] == ["misspelt"]


def test_plugins_and_their_hooks(advisor):
    code, listed = advisor("plugins")
    assert code == 0
    assert [plugin["plugin"] for plugin in listed["plugins"]] == get_plugins().names()
    timm = next(plugin for plugin in listed["plugins"] if plugin["plugin"] == "timm")
    assert "advisor_attach" in timm["hooks"]
    assert timm["from"].startswith("timm-advisor ")


def test_settings_and_where_they_come_from(advisor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ADVISOR_CACHE_DIR")
    (tmp_path / "pyproject.toml").write_text("[tool.advisor]\nhook_timeout = 3\n")
    code, settings = advisor("config")
    assert code == 0
    assert settings["spool_dir"]["source"] == "environment ADVISOR_SPOOL_DIR"
    assert (float(settings["hook_timeout"]["value"]), settings["hook_timeout"]["source"]) == (
        3.0,
        str(tmp_path / "pyproject.toml"),
    )
    assert settings["cache_dir"]["source"] == "default"


def test_a_password_in_the_store_is_not_shown(advisor, monkeypatch):
    monkeypatch.setenv("ADVISOR_STORE", "postgresql://me:hunter2@localhost/records")
    _, settings = advisor("config")
    assert "hunter2" not in json.dumps(settings)


@pytest.mark.parametrize("command", ["doctor", "plugins", "config"])
def test_tables_for_people(command, capsys, monkeypatch):
    monkeypatch.setattr(doctor_module, "_metamodel", lambda: doctor_module.Checked("meta-model", True, "not read here"))
    with pytest.raises(SystemExit) as ended:
        main([command])
    assert not ended.value.code
    output = capsys.readouterr()
    assert len(output.out.splitlines()) > 1
    assert "\x1b" not in output.out
