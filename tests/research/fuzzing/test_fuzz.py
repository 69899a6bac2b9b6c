"""Damaged inputs end in a result or in an explained refusal; the whole corpus is research/fuzzing/fuzz.py's."""

from __future__ import annotations

import os
from random import Random

import pytest

from advisor.testing import isolate
from research.fuzzing.damage import damage
from research.fuzzing.datasets import DATASETS
from research.fuzzing.fuzz import Outcome, fuzz
from research.fuzzing.runs import RUNS

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="damage makes named pipes")


@pytest.mark.slow
def test_damaged_inputs_are_read_or_refused(tmp_path):
    outcomes = list(fuzz(56, seed=2026, folder=tmp_path))
    assert [outcome for outcome in outcomes if outcome.failed] == []
    assert {outcome.kind.partition(" ")[0] for outcome in outcomes if outcome.status} == {"describe", "import"}
    assert {outcome.kind.partition(" ")[0] for outcome in outcomes if not outcome.status} == {"describe", "import"}


def test_what_is_not_damaged_is_taken(tmp_path, monkeypatch):
    isolate(monkeypatch, tmp_path / "home", plugins="timm,mlflow,optuna,wandb")
    monkeypatch.setattr("research.fuzzing.fuzz.damage", lambda root, rng: [])
    outcomes = {outcome.kind: outcome for outcome in fuzz(len(DATASETS) + len(RUNS), seed=0, folder=tmp_path)}
    assert {kind for kind, outcome in outcomes.items() if outcome.status != 0} == {"describe competition"}


@pytest.mark.parametrize("make", [*DATASETS.values(), *RUNS.values()])
def test_damage_is_the_same_for_the_same_seed(make, tmp_path):
    done = []
    for copy in ("one", "two"):
        (tmp_path / copy).mkdir()
        make(tmp_path / copy)
        done.append(damage(tmp_path / copy, Random("seed")))
    assert done[0] == done[1] != []


@pytest.mark.parametrize(
    ("status", "errors", "failed"),
    [
        (0, "", False),
        (1, "Error: a.\nCause: b.\nNext:  c\n", False),
        (2, "Error: a.\nNext:  c\n", False),
        (3, "Error: a.\nNext:  c\n", True),
        (1, "Error: a.\n", True),
        (None, "Traceback (most recent call last)", True),
        (0, "Traceback (most recent call last)", True),
    ],
)
def test_what_counts_as_a_failure(status, errors, failed):
    assert Outcome("describe zip", [], status, "", errors).failed is failed
