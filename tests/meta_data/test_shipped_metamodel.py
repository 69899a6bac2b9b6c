"""The shipped meta-model is what the shipped evidence gives, and it covers what the README says."""

import json
from importlib import resources
from pathlib import Path

import pytest

from advisor.describe.model import model_features
from advisor.learn.artefact import MANIFEST, Artefact, digest, fit_artefact, fitted_with
from advisor.learn.metamodel import meta_model_for
from advisor.learn.table import build_table
from advisor.learn.usable_runs import is_evidence
from advisor.records.evidence import load_evidence, load_fine_tuning
from advisor.records.schema import Pretraining

SHIPPED = Path(str(resources.files("advisor._meta_data") / "metamodel"))


def pinned() -> dict[str, str]:
    lines = (SHIPPED / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines)


def test_it_was_fitted_to_the_shipped_evidence(tmp_path):
    if fitted_with() != pinned():
        pytest.skip(f"the same trees are promised for {pinned()} only; see `make -C research metamodel-check`")
    evidence = load_evidence()
    table = build_table(evidence.runs, evidence.datasets, model_features)
    again = fit_artefact(table, evidence.runs, evidence.datasets)
    again.save(tmp_path)
    # How it was judged is added to the manifest afterwards.
    manifests = [json.loads((folder / MANIFEST).read_text()) | {"evaluation": None} for folder in (tmp_path, SHIPPED)]
    assert manifests[0] == manifests[1]
    for path in tmp_path.glob("*.txt"):
        assert path.read_bytes() == (SHIPPED / path.name).read_bytes(), path.name


def test_it_learned_from_enough_unlike_sources():
    artefact = Artefact.load(SHIPPED)
    assert artefact.runs >= 600
    assert len({known.dataset.group for known in artefact.known}) >= 6
    assert len(artefact.known) >= 12


def test_the_one_for_fine_tuning_was_fitted_to_the_shipped_runs():
    evidence = load_fine_tuning()
    table = build_table(evidence.runs, evidence.datasets, model_features)
    shipped = Artefact.load(SHIPPED).of(Pretraining.IMAGENET)
    assert shipped.data_sha256 == digest(table), "make -C research metamodel"
    assert {(coverage.opt, coverage.pretraining) for coverage in shipped.covered} == {
        (run.opt, Pretraining.IMAGENET) for run in evidence.runs if is_evidence(run)
    }
    again = meta_model_for(Pretraining.IMAGENET).fit_regret(table)
    # The last bits of a process depend on the processor; its order does not.
    assert shipped.model.predict_regret(table.x) == pytest.approx(again.predict_regret(table.x), abs=1e-3)


def test_scratch_and_fine_tuning_never_meet():
    artefact = Artefact.load(SHIPPED)
    assert artefact.of(Pretraining.NONE) is artefact
    assert artefact.of(Pretraining.OTHER) is artefact
    assert all(coverage.pretraining is not Pretraining.IMAGENET for coverage in artefact.covered)
