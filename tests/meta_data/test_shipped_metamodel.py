"""The shipped meta-model is what the shipped evidence gives, and it covers what the README says."""

import json
from importlib import resources
from pathlib import Path

import pytest

from advisor.describe.model import describe_model
from advisor.learn.artefact import MANIFEST, Artefact, fit_artefact, fitted_with
from advisor.learn.table import build_table
from advisor.records.evidence import load_evidence

SHIPPED = Path(str(resources.files("advisor._meta_data") / "metamodel"))


def pinned() -> dict[str, str]:
    lines = (SHIPPED / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines)


def test_it_was_fitted_to_the_shipped_evidence(tmp_path):
    if fitted_with() != pinned():
        pytest.skip(f"the same trees are promised for {pinned()} only; see `make -C research metamodel-check`")
    evidence = load_evidence()
    table = build_table(evidence.runs, evidence.datasets, lambda name, size: describe_model(name).features(size))
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
