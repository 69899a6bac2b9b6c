"""Arguments that trainings left behind, in YAML and in checkpoints, are read as written and run no code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from advisor_timm.importing.argsfile import checkpoint_arguments, parse_yaml


def test_checkpoint_tells_the_resolved_arguments(outputs, tmp_path: Path) -> None:
    from argparse import Namespace

    import torch

    folder = outputs.write(tmp_path, lr=None, lr_base=0.1)
    resolved = Namespace(**{**outputs.arguments, "lr": 0.05, "world_size": 4})
    torch.save({"args": resolved, "state_dict": {"w": torch.zeros(3)}}, folder / "last.pth.tar")
    assert (outputs.taken(folder).run.lr, outputs.taken(folder).run.batch_size) == (0.05, 128)
    (folder / "args.yaml").unlink()
    assert outputs.taken(folder).run.lr == 0.05


def test_checkpoint_that_would_run_code_is_not_loaded(outputs, tmp_path: Path) -> None:
    import torch

    class Danger:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    folder = outputs.write(tmp_path / "run")
    torch.save({"args": Danger()}, folder / "last.pth.tar")
    assert outputs.taken(folder).run.lr == 0.002
    assert not (tmp_path / "ran").exists()
    assert checkpoint_arguments(["last.pth.tar"], folder) is None


ODD = ["1e-3", "yes", "~", "a: b", "a #b", "#", "- a", "---", "...", "'", '"', "[1, 2]", "{}", "0x1f", "="]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=20),
    st.sampled_from(ODD),
)
LINES = ["a: 1", "b:", "- x", "- 2", "c: {}", "d: []", "e: 'x", "  y", "f: |", "# z", "", "on: 1", "g: - h", "a:2",
         "b: c: d", "h: \u2028", "---", "i: ---", "j: ? k"]  # fmt: skip


@given(
    st.dictionaries(st.text(max_size=8) | st.from_regex(r"[a-z_]{1,8}", fullmatch=True), SCALARS | st.lists(SCALARS))
)
def test_flat_yaml_reads_as_yaml_does(values: dict[str, Any]) -> None:
    text = yaml.safe_dump(values)
    assert repr(parse_yaml(text)) == repr(yaml.safe_load(text))


@given(st.lists(st.sampled_from(LINES), max_size=8))
def test_any_yaml_reads_as_yaml_does(parts: list[str]) -> None:
    text = "\n".join(parts)
    try:
        expected = yaml.safe_load(text)
    except yaml.YAMLError:
        expected = None
    assert repr(parse_yaml(text)) == repr(expected if isinstance(expected, dict) else None)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    parse_yaml(text)


def test_tags_of_python_are_read_over_and_nothing_is_run(tmp_path: Path) -> None:
    import argparse
    from pathlib import PurePosixPath

    import numpy as np

    told = {
        "model": "resnet18", "lr": np.float64(0.125), "seed": np.int64(7), "drop": np.float32(0.5), "betas": (0.9, 0.9),
        "data_dir": PurePosixPath("/data/my leaves"), "rest": argparse.Namespace(a=1),
    }  # fmt: skip
    plain = {**told, "lr": 0.125, "seed": 7, "drop": 0.5, "betas": [0.9, 0.9], "data_dir": "/data/my leaves",
             "rest": {"a": 1}}  # fmt: skip
    assert parse_yaml(yaml.dump(told)) == plain
    assert parse_yaml(yaml.dump(argparse.Namespace(**told))) == plain
    target = tmp_path / "ran"
    assert parse_yaml(f"a: !!python/object/apply:os.mkdir ['{target}']\nb: !mine 3\n") == {"a": [str(target)], "b": "3"}
    assert not target.exists()
    odd = "a: !!python/object/apply:numpy._core.multiarray.scalar [{args: [f8]}, !!binary AAAA]\n"
    assert parse_yaml(odd) == {"a": None}
