"""A script that trains in no time, on images of three classes, and what tunes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.records.store.store import Store
from advisor.tuning.opening import open_tuning
from advisor.tuning.tuner import Tuner

SCRIPT = Path(__file__).parents[1] / "scripts" / "light" / "tuned.py"


@pytest.fixture(scope="session")
def script():
    return SCRIPT


@pytest.fixture(scope="session")
def images(tmp_path_factory, write_images):
    return write_images(tmp_path_factory.mktemp("images") / "brightness", n_train=90, n_eval=60)


@pytest.fixture
def words(images):
    """The command line of a training whose batch size and epochs are set."""
    return ["--data-dir", str(images), "--model", "test_resnet", "--batch-size", "16", "--epochs", "5"]


@pytest.fixture
def store():
    store = Store(os.environ["ADVISOR_STORE"])
    yield store
    store.close()


@pytest.fixture
def tuning(tmp_path, words):
    """Open the tuning of a command, and return its tuner and what it says."""

    def open_one(budget, words=words, devices=(None,), models=None):
        said = []
        opened = open_tuning(SCRIPT, words, tmp_path / "tuning", said.append, models)
        plan = opened.plan(budget)
        tuner = Tuner(plan, opened, devices, said.append)
        return tuner, said

    return open_one


@pytest.fixture
def advisor_tune(tmp_path, words):
    """Start ``advisor tune`` in a process of its own."""
    started = []

    def start(*options):
        command = [sys.executable, "-m", "advisor", "tune", "--folder", str(tmp_path / "tuning"), *options]
        process = subprocess.Popen(
            [*command, str(SCRIPT), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
