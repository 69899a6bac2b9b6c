"""What every test starts from: settings of its own, no plugin that is installed by accident, failures not contained."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from advisor.testing import isolate

pytest_plugins = [
    "brightness_images",
    "built_wheel",
    "digits_suggestion",
    "fine_tuning_surface",
    "response_surface",
    "same_training",
]

# Torch reads it when it is imported, as some test modules do; threads that wait for busy cores are 40 times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts tests in the background ignores SIGINT for them; processes they send it to must not inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says nothing about the code where other processes have the cores.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point every setting into the test's folder, also for processes that the test starts."""
    isolate(monkeypatch, tmp_path / "advisor-home", plugins="timm")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 40 images of 32 x 32 pixels: stripes in three directions under noise."""
    folder = tmp_path_factory.mktemp("images") / "stripes"
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    for label in range(3):
        (folder / f"class-{label}").mkdir(parents=True)
        for i in range(40):
            angle = np.deg2rad(60 * label + rng.normal(0, 8))
            wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * rng.uniform(0.5, 1.2) + rng.uniform(0, 6))
            pixels = np.uint8(np.clip(127 + 60 * wave + rng.normal(0, 30, (32, 32)), 0, 255))
            Image.fromarray(pixels).save(folder / f"class-{label}" / f"{i}.png")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 KiB."""
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(path)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)
