"""Where a setting's value comes from, and what is said of one that makes no sense."""

import os
from pathlib import Path

import pytest

from advisor.config import SETTINGS, Config, store_name
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


def test_paths_count_from_the_file_that_names_them_or_from_the_working_folder(places, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert places(pyproject="[tool.advisor]\nspool_dir = 's'")["spool_dir"] == tmp_path / "project" / "s"
    assert places(user="store = 'sqlite:///runs.db'")["store"] == f"sqlite:///{tmp_path / 'runs.db'}"
    assert places(environment={"ADVISOR_CACHE_DIR": "c"})["cache_dir"] == tmp_path / "c"
    for store in ("sqlite://", "sqlite:///:memory:", "sqlite:////a/b.db?timeout=3", "postgresql://host/name"):
        assert places(environment={"ADVISOR_STORE": store})["store"] == store


def test_a_process_elsewhere_gets_the_same_settings(places, tmp_path, monkeypatch):
    config = places(
        pyproject="[tool.advisor]\nstore = 'sqlite:///runs.db'\nprivate_paths = ['/a', '/b']\nhook_timeout=2"
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = Config(environ=config.environment())
    assert {name: again[name] for name in SETTINGS} == {name: config[name] for name in SETTINGS}


def test_a_repository_ends_the_search_for_its_project(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.advisor]\nhook_timeout = 3")
    inside = tmp_path / "cloned" / "src"
    inside.mkdir(parents=True)
    assert Config(environ={}, project=inside)["hook_timeout"] == 3
    (tmp_path / "cloned" / ".git").mkdir()
    assert Config(environ={}, project=inside).values["hook_timeout"].source == "default"


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")
def test_what_another_user_put_above_is_no_project_of_ours(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    settings = shared / "pyproject.toml"
    settings.write_text("[tool.advisor]\nhook_timeout = 3")
    (shared / "mine").mkdir()
    assert Config(environ={}, project=shared / "mine")["hook_timeout"] == 3
    os.chown(settings, 12345, 12345)
    assert Config(environ={}, project=shared / "mine").values["hook_timeout"].source == "default"


def test_pipes_devices_and_endless_files_are_no_settings(places, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        assert places(environment={"ADVISOR_CONFIG": str(path)}).values["store"].source == "default"
    with (tmp_path / "large.toml").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(UsageError, match="larger than"):
        places(environment={"ADVISOR_CONFIG": str(tmp_path / "large.toml")})


def relative(app):
    return f"~/.local/share/{app}"


def unknown(app):
    raise RuntimeError("could not determine the home directory")


@pytest.mark.parametrize("folder", [relative, unknown])
def test_nobodys_home_is_said_where_a_place_in_it_is_needed(tmp_path, monkeypatch, folder):
    for name in ("user_data_dir", "user_cache_dir", "user_config_dir"):
        monkeypatch.setattr(f"platformdirs.{name}", folder)
    with pytest.raises(UsageError, match="no place for store") as caught:
        Config(environ={}, project=tmp_path)
    assert caught.value.hint == "set ADVISOR_STORE"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("postgresql://me:a@host/runs", "postgresql+psycopg://you:b@host/runs?sslmode=require", True),
        ("postgresql://host/runs", "postgresql://host/other", False),
        ("postgresql:///runs?host=/a", "postgresql:///runs?host=/b", False),
        ("sqlite:////data/a/../runs.db", "sqlite+pysqlite:////data/runs.db?timeout=3", True),
        ("sqlite:////data/runs.db", "sqlite:////data/runs2.db", False),
    ],
)
def test_stores_are_told_apart(one, other, same):
    assert (store_name(one) == store_name(other)) is same
    assert "secret" not in store_name("postgresql://me:secret@host/runs?password=secret")
