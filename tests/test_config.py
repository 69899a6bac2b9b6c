"""Where a setting's value comes from, and what is said of one that makes no sense."""

import os
from pathlib import Path

import pytest

from advisor.config import SETTINGS, Config
from advisor.errors import UsageError


@pytest.fixture
def places(tmp_path):
    """The four places that settings come from, as arguments of ``Config``."""
    project = tmp_path / "project" / "src"
    project.mkdir(parents=True)
    user_file = tmp_path / "config.toml"

    def configure(flag=None, environment=None, pyproject=None, user=None):
        if pyproject is not None:
            (project.parent / "pyproject.toml").write_text(pyproject)
        else:
            (project.parent / "pyproject.toml").write_text("")  # ends the search upwards
        if user is not None:
            user_file.write_text(user)
        environ = {"ADVISOR_CONFIG": str(user_file), **(environment or {})}
        return Config(flag, environ, project)

    return configure


def test_each_place_comes_before_the_next(places):
    given = {
        "flag": {"hook_timeout": 1},
        "environment": {"ADVISOR_HOOK_TIMEOUT": "2"},
        "pyproject": "[tool.advisor]\nhook_timeout = 3",
        "user": "hook_timeout = 4",
    }
    found = []
    while given:
        value = places(**given).values["hook_timeout"]
        found.append((value.value, value.source.split("/")[-1]))
        given.pop(next(iter(given)))
        if "user" not in given:
            break
    assert found == [
        (1.0, "command line"),
        (2.0, "environment ADVISOR_HOOK_TIMEOUT"),
        (3.0, "pyproject.toml"),
        (4.0, "config.toml"),
    ]


def test_defaults(places):
    values = places().values
    assert values.keys() == SETTINGS.keys()
    assert {value.source for value in values.values()} == {"default"}
    assert values["store"].value.startswith("sqlite:///")


def test_flags_and_variables_that_are_not_given_count_for_nothing(places):
    config = places({"store": None}, {"ADVISOR_STORE": ""}, user='store = "sqlite://"')
    assert config["store"] == "sqlite://"


def test_settings_files_above_are_found_and_other_tools_ignored(places):
    assert places(pyproject="[tool.ruff]\nline-length = 3\n[tool.advisor]\nplugins = 'none'")["plugins"] == "none"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"environment": {"ADVISOR_HOOK_TIMEOUT": "soon"}}, r"hook_timeout = 'soon' \(from environment ADVISOR_HOOK"),
        ({"environment": {"ADVISOR_HOOK_TIMEOUT": "0"}}, "must be above 0"),
        ({"environment": {"ADVISOR_HOOK_TIMEOUT": "nan"}}, "must be above 0"),
        ({"environment": {"ADVISOR_PRIVATE_PATHS": "home"}}, "not the absolute path"),
        ({"environment": {"ADVISOR_PRIVATE_PATHS": "/"}}, "not the absolute path"),
        ({"user": "stor = 'x'"}, "unknown setting 'stor' in .*config.toml"),
        ({"user": "store = "}, "cannot read settings from .*config.toml"),
        ({"pyproject": "[tool.advisor]\nhook_timeout = []"}, "hook_timeout"),
        ({"pyproject": "tool = 3"}, "'tool' is no table"),
        ({"pyproject": "[tool]\nadvisor = 3"}, "'advisor' is no table"),
        ({"flag": {"colour": "red"}}, "unknown setting 'colour' in command line"),
    ],
)
def test_bad_values_are_explained(places, given, said):
    with pytest.raises(UsageError, match=said) as caught:
        places(**given)
    assert caught.value.hint


def test_file_that_is_not_text(places, tmp_path):
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot read settings"):
        places()


def test_home_is_expanded(places, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert places(environment={"ADVISOR_SPOOL_DIR": "~/spool"})["spool_dir"] == Path("/home/someone/spool")


@pytest.mark.parametrize(
    "given",
    [
        {"environment": {"ADVISOR_PRIVATE_PATHS": f"/home/a{os.pathsep}/data/"}},
        {"user": "private_paths = ['/home/a', '/data']"},
    ],
)
def test_several_folders(places, given):
    assert places(**given)["private_paths"] == ("/home/a", "/data")
