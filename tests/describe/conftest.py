"""Small image folders, made in a moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sample_pictures import picture

MakeFolder = Callable[..., Path]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Return a function that writes ``{class or split/class: number of images}`` as a folder of PNG files."""

    def make(counts: Mapping[str, int], name: str = "pets", first_seed: int = 0) -> Path:
        root = tmp_path / name
        seed = first_seed
        for label, count in counts.items():
            (root / label).mkdir(parents=True, exist_ok=True)
            for i in range(count):
                picture(seed).save(root / label / f"{i:03d}.png")
                seed += 1
        return root

    return make
