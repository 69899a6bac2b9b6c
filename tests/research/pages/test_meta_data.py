"""docs/meta-data.md: of the evidence that ships, and its numbers right where the truth is known."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from advisor.records.evidence import MANIFEST
from advisor.records.schema import Dataset, Run, Source, Status
from research.pages import meta_data_numbers as numbers

ROOT = Path(__file__).parents[3]


def a_case(dataset, model, lr, scores=(90.0, 80.0, 70.0), checkpoint="", n_classes=5):
    trained = [
        numbers.Observation(
            Run(
                run_id=f"{rank}",
                source=Source.COLLECT,
                status=Status.FINISHED,
                lr=lr,
                batch_size=16,
                epochs=4,
                dropout=0.1,
                weight_decay=0.0,
                extra={"case_epochs": 5, "kind": "sobol"},
            ),
            (score,),
        )
        for rank, score in enumerate(scores)
    ]
    described = Dataset(dataset_id="id", name=dataset, group=dataset, n_train=100, n_eval=100, n_classes=n_classes)
    return numbers.Case(described, model, "adamw", "none", checkpoint, tuple(trained))


def test_the_page_is_that_of_the_shipped_evidence():
    digest = hashlib.sha256((ROOT / "meta_data" / MANIFEST).read_bytes()).hexdigest()
    page = (ROOT / "docs" / "meta-data.md").read_text()
    assert f"<!-- evidence: {digest} -->" in page, "make -C research meta-data-docs"
    for line in page.splitlines():
        if line.startswith("!["):
            assert (ROOT / "docs" / line.partition("](")[2].rstrip(")")).is_file()


def test_variance_is_given_to_what_makes_it():
    rng = np.random.default_rng(0)
    models, names = [f"m{i}" for i in range(4)], [f"d{i}" for i in range(12)]

    def shares(by_model, by_dataset, noise):
        cases = [
            a_case(d, m, 10 ** (by_model * i + by_dataset * j - 3 + noise * rng.normal()))
            for i, m in enumerate(models)
            for j, d in enumerate(names)
        ]
        return numbers.variance_shares(cases, lambda case: case.best_log_lr)

    assert shares(0.3, 0.0, 0.01).model > 0.95
    assert shares(0.0, 0.1, 0.01).dataset > 0.95
    assert shares(0.0, 0.0, 1.0).rest == pytest.approx(1, abs=0.3)
    assert numbers.variance_shares([a_case("d", "m", 1e-3)], lambda case: case.best_log_lr) is None


def test_skill_runs_from_chance_to_the_best():
    case = a_case("d", "m", 1e-3, scores=(90.0, 20.0, 55.0))
    assert case.skills == pytest.approx([1, 0, 0.5])
    assert (case.best_epochs, case.best_log_decay) == (pytest.approx(0.8), -6)


def test_starts_are_compared_within_a_dataset_and_a_model():
    cases = [a_case("a", "m", 1e-3), a_case("a", "m", 1e-2, checkpoint="pool"), a_case("b", "m", 1e-4)]
    assert numbers.start_differences(cases, lambda case: case.best_log_lr) == [pytest.approx(1)]
