"""What Windows does otherwise, as far as it can be seen elsewhere: paths, quoting, parts of Python that it lacks.

Nothing here runs on Windows. What a Windows machine lacks is taken away from a process of its own.
"""

from __future__ import annotations

import csv
import ntpath
import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest
import yaml
from PIL import Image

from advisor.advise.output.timm_arguments import quote, to_words
from advisor.describe.dataset import describe, open_dataset
from advisor.errors import DatasetError

ROOT = Path(__file__).parents[1]
WITHOUT_POSIX = """
import importlib, os, pkgutil, signal, sys
import {first}  # what others import on Linux is their affair

for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None  # importing it fails
for name in ("sched_getaffinity", "sched_setaffinity", "nice", "getuid", "geteuid", "getpgid", "killpg", "setsid",
             "sysconf", "register_at_fork", "getloadavg", "statvfs", "O_NONBLOCK"):
    vars(os).pop(name, None)
for name in ("SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGALRM", "SIGCHLD"):
    vars(signal).pop(name, None)
"""
EVERY_MODULE = """
import advisor
for package in [advisor, *(importlib.import_module(f"advisor_{name}")
                           for name in ("timm", "quicktune", "optuna", "mlflow", "ray", "wandb"))]:
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not any(part in module.name for part in ("__main__", "migrations", "_meta_data", "advisor_optuna.search")):
            importlib.import_module(module.name)
print(sum(name.partition(".")[0].startswith("advisor") for name in sys.modules))
"""
RECORD_A_RUN = """
import advisor
from advisor.advise.resources.trial import _free_ram, _peak
from advisor.collect.engine import available_cores, prepare_worker
from advisor.config import Config
from advisor.records.store.sync import sync
from advisor.records.store.store import Store

with advisor.record_run(name="here", lr=0.1, batch_size=8, epochs=1, epochs_done=1) as run:
    run.log_epoch(0, eval_top1=50.0)
store = Store(Config()["store"])
sync(store, Config()["spool_dir"])
(recorded,) = store.runs()
prepare_worker()
assert available_cores() >= 1
assert _free_ram() == 0  # not known

class Cpu:
    type = "cpu"

sys.modules["torch"] = sys  # it asks nothing of it for this device

assert _peak(Cpu) == 0
print(recorded.name, recorded.status.value, recorded.final_metric)
"""


def in_a_process_without_posix(code: str, first: str) -> str:
    command = [sys.executable, "-c", WITHOUT_POSIX.format(first=first) + code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_every_module_is_importable_without_what_windows_lacks():
    pytest.importorskip("timm")
    first = "asyncio, multiprocessing.managers, numpy, platformdirs, pydantic, sqlalchemy, subprocess, tempfile"
    assert int(in_a_process_without_posix(EVERY_MODULE, first)) > 100


def test_a_run_is_recorded_without_what_windows_lacks():
    first = "alembic, numpy, platform, platformdirs, sqlalchemy, subprocess, tempfile"
    assert in_a_process_without_posix(RECORD_A_RUN, first).split() == ["here", "FINISHED", "50.0"]


PATHS = [r"C:\photos", r"D:\my photos\cats & dogs", r"\\server\share\photos", "C:\\my photos\\"]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_stays_one_word_of_the_command_line(path):
    words = to_words({"data_dir": path, "lr": 0.001})
    line = quote(words, windows=True)
    assert windows_words(line) == words
    assert quote(words, windows=False).startswith("--data-dir ")


def windows_words(line: str) -> list[str]:
    """Take a line apart as programs on Windows do: backslashes count only before a quotation mark, then by twos."""
    words, word, quoted, i = [], "", False, 0
    while i < len(line):
        slashes = len(line[i:]) - len(line[i:].lstrip("\\"))
        if slashes:
            before_quote = line[i + slashes : i + slashes + 1] == '"'
            word += "\\" * (slashes // 2 if before_quote else slashes)
            i += slashes
            if before_quote and slashes % 2:
                word, i = word + '"', i + 1
            continue
        if line[i] == '"':
            quoted = not quoted
        elif line[i] == " " and not quoted:
            words, word = [*words, word], ""
        else:
            word += line[i]
        i += 1
    return [*words, word]


@pytest.mark.parametrize("root", [r"C:\data", r"\\server\share"])
def test_a_timm_dataset_below_a_windows_path(suggestion, root):
    config = suggestion().to_config(f"torch/cifar10:{root}")
    assert (config["dataset"], config["data_dir"]) == ("torch/cifar10", root)


def test_a_path_survives_the_yaml_file(suggestion, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = r"C:\photos\new: 1 # two"
    Path(path).mkdir()  # a file's name like any other, here
    assert yaml.safe_load(suggestion().to_yaml(path))["data_dir"] == path


def test_a_missing_windows_path_is_said_to_be_missing():
    with pytest.raises(DatasetError, match=r"there is no dataset|does not exist|C:\\photos"):
        open_dataset(r"C:\photos")


@pytest.mark.parametrize("separator", ["\\", "/"])
def test_a_table_that_was_written_on_windows_finds_its_images(tmp_path, separator):
    rows = []
    for i in range(8):
        path = tmp_path / "images" / f"kind-{i % 2}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((8, 8), 20 + i).convert("RGB").save(path)
        rows.append([str(PureWindowsPath(path.relative_to(tmp_path))).replace("\\", separator), i % 2])
    table = tmp_path / "table.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["path", "label"], *rows])
    description = describe(table)
    assert not description.unreadable
    assert (description.dataset.n_train + description.dataset.n_eval, description.dataset.n_classes) == (8, 2)
    assert ntpath.basename(rows[0][0]) == "0.png"


def test_names_that_the_output_has_no_letters_for_do_not_end_a_command(tmp_path):
    for name in ("猫", "犬"):
        for i in range(4):
            path = tmp_path / "動物" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.effect_noise((8, 8), 20 + i).convert("RGB").save(path)
    command = [sys.executable, "-m", "advisor", "describe", "--dataset", str(tmp_path / "動物")]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr.decode("cp1252")[-2000:]
    assert "??" in done.stdout.decode("cp1252")
    assert "####" in done.stdout.decode("cp1252")
