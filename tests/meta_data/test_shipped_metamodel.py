"""The shipped meta-model is what the shipped evidence gives, and it covers what the README says."""

import json
import re
from importlib import resources
from pathlib import Path

import pytest

from advisor.describe.model import describe_model
from advisor.learn.artefact import MANIFEST, Artefact, fit_artefact, fitted_with
from advisor.records.evidence import load_evidence

SHIPPED = Path(str(resources.files("advisor._meta_data") / "metamodel"))


def pinned() -> dict[str, str]:
    lines = (SHIPPED / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines)


def test_it_was_fitted_to_the_shipped_evidence(tmp_path):
    if fitted_with() != pinned():
        pytest.skip(f"the same trees are promised for {pinned()} only; `make metamodel-check` makes that environment")
    evidence = load_evidence()
    again = fit_artefact(evidence.runs, evidence.datasets, lambda name, size: describe_model(name).features(size))
    again.save(tmp_path)
    # How it was judged is added to the manifest afterwards.
    manifests = [json.loads((folder / MANIFEST).read_text()) | {"evaluation": None} for folder in (tmp_path, SHIPPED)]
    same_bits = manifests[0]["data_sha256"] == manifests[1]["data_sha256"]
    if not same_bits:
        # The last bit of a logarithm depends on the processor, and with it the digests.
        for manifest in manifests:
            for name in ("files", "data_sha256", "version"):
                del manifest[name]
    assert manifests[0] == manifests[1]
    for path in tmp_path.glob("*.txt"):
        if same_bits:
            assert path.read_bytes() == (SHIPPED / path.name).read_bytes(), path.name
        else:
            assert_same_but_for_rounding(path, SHIPPED / path.name)


def assert_same_but_for_rounding(first: Path, second: Path) -> None:
    """Compare word by word, numbers to twelve digits, but for the tree_sizes, which count characters."""
    lines = [
        [line for line in path.read_text().splitlines() if not line.startswith("tree_sizes=")]
        for path in (first, second)
    ]
    for number, (one, other) in enumerate(zip(*lines, strict=True), 1):
        if one != other:
            words = [re.split("[ =]", line) for line in (one, other)]
            assert words[0][0] == words[1][0], f"{first.name}:{number}"
            values = [[float(word) for word in line[1:]] for line in words]
            assert values[0] == pytest.approx(values[1], rel=1e-12), f"{first.name}:{number}"


def test_it_learned_from_enough_unlike_sources():
    artefact = Artefact.load(SHIPPED)
    assert artefact.runs >= 600
    assert len({known.dataset.group for known in artefact.known}) >= 6
    assert len(artefact.known) >= 12
