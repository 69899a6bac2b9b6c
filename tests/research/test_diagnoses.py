"""The judge of the diagnoses: what counts as a pair, what it is compared with, and that luck wins nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advisor.advise.diagnose.diagnosis import load_figures
from advisor.advise.diagnose.remedies import RULES, Candidate, Change, RemedyRule
from advisor.advise.diagnose.symptoms import Symptoms
from advisor.records.schema import Run, Source, Status
from research.diagnoses import (
    MIN_PAIRS,
    Observed,
    Outcome,
    _outcomes,
    differences,
    judge,
    page,
)

PAGE = Path(__file__).parents[2] / "docs" / "diagnoses.md"
RUN = Run(
    run_id="r", source=Source.COLLECT, status=Status.FINISHED, n_train=1000, n_classes=10, lr=1e-3, batch_size=32,
    epochs=10, dropout=0.0, weight_decay=0.05,
)  # fmt: skip


def scored(score: float, **hparams: float) -> Run:
    return replace(RUN, final_metric=score, **hparams)


def test_differences_are_counted_in_steps():
    runs = [RUN, replace(RUN, lr=8e-3), replace(RUN, batch_size=8), replace(RUN, dropout=0.3)]
    steps = differences(runs, 0)
    assert steps[0] == pytest.approx(0)
    assert steps[1, :4] == pytest.approx([3, 0, 0, 0])
    assert steps[2, :4] == pytest.approx([0, -2, 0, 0])
    assert steps[3, :4] == pytest.approx([0, 0, 0, 2])


def test_weight_decays_that_shrink_nothing_are_alike():
    weak = replace(RUN, lr=1e-5)
    assert differences([weak, replace(weak, weight_decay=0.0)], 0)[1, 4] == pytest.approx(0, abs=0.1)
    strong = replace(RUN, lr=1e-2, weight_decay=0.5)
    assert differences([strong, replace(strong, weight_decay=0.0)], 0)[1, 4] < -1


def test_a_pair_is_compared_with_changes_as_large_of_other_kinds():
    runs = [
        scored(50, lr=1e-3),
        scored(60, lr=8e-3),  # the pair
        scored(55, batch_size=256),  # beaten
        scored(70, dropout=0.45),  # not beaten
        scored(99, lr=1e-3, batch_size=33),  # far too small a change to be a baseline
    ]
    outcome = next(_outcomes(runs))[Change("lr", 1)]
    assert outcome == Outcome(wins=0.5, gain=10.0, over_random=-2.5, steps=pytest.approx(3), improved=1.0)


def test_changing_nothing_is_a_baseline():
    others = [scored(55, batch_size=256), scored(55, dropout=0.45)]
    for score, improved in ((60, 1.0), (50, 0.5), (40, 0.0)):
        assert next(_outcomes([scored(50), scored(score, lr=8e-3), *others]))[Change("lr", 1)].improved == improved


def test_another_seed_is_neither_pair_nor_baseline():
    runs = [scored(50), scored(80), scored(60, lr=8e-3), scored(55, batch_size=256)]
    assert not next(_outcomes(runs))


def test_regression_to_the_mean_wins_nothing():
    """Where nothing has an effect, unlucky runs gain by any change, and no change beats the others."""
    rng = np.random.default_rng(0)
    wins, gains = [], []
    for _ in range(40):
        runs = [
            scored(
                float(rng.normal(50, 10)),
                lr=float(10 ** rng.uniform(-4, -2)),
                batch_size=int(2 ** rng.uniform(3, 8)),
                dropout=float(rng.uniform(0, 0.6)),
            )
            for _ in range(40)
        ]
        for run, outcomes in zip(runs, _outcomes(runs), strict=True):
            if run.final_metric < 45 and Change("lr", 1) in outcomes:  # the "symptom": it did badly
                wins.append(outcomes[Change("lr", 1)].wins)
                gains.append(outcomes[Change("lr", 1)].gain)
    assert len(wins) > 100
    assert np.mean(gains) > 5
    assert np.mean(wins) == pytest.approx(0.5, abs=0.05)


def observed(group: str, dropout: float, wins: dict[Change, float]) -> Observed:
    return Observed(
        group, "adamw from scratch", (group,), Symptoms(dropout=dropout),
        {change: Outcome(w, 1.0, 1.0, 2.0, 1.0) for change, w in wins.items()},
    )  # fmt: skip


UP, DOWN = Change("lr", 1), Change("lr", -1)
EITHER = RemedyRule("either", "", (Candidate({"dropout": (0.1, 1.0)}, UP), Candidate({"dropout": (0.1, 1.0)}, DOWN)))


def test_a_group_is_judged_by_the_choice_of_the_others():
    """Three groups say up, a fourth says down: it must be judged by up, which fails there."""
    runs = [observed(g, 0.2, {UP: 0.9, DOWN: 0.1}) for g in ("a", "b", "d") for _ in range(MIN_PAIRS)]
    runs += [observed("c", 0.2, {UP: 0.0, DOWN: 1.0}) for _ in range(MIN_PAIRS)]
    figures = judge(EITHER, runs)
    assert figures["change"] == {"name": "lr", "direction": 1}
    assert figures["wins"] == pytest.approx(0.675)
    assert not figures["holds"]
    assert (figures["pairs"], figures["groups"]) == (4 * MIN_PAIRS, 4)


def test_beating_random_changes_is_not_enough_where_nothing_is_gained():
    runs = [observed(g, 0.2, {UP: 0.9}) for g in ("a", "b", "c") for _ in range(MIN_PAIRS)]
    assert judge(EITHER, runs)["holds"]
    idle = [replace(run, outcomes={UP: replace(run.outcomes[UP], gain=0.5)}) for run in runs]
    assert not judge(EITHER, idle)["holds"]


def test_too_few_pairs_do_not_hold_however_well_they_do():
    runs = [observed(g, 0.2, {UP: 1.0}) for g in ("a", "b") for _ in range(MIN_PAIRS // 2 - 1)]
    runs += [observed("a", 0.0, {UP: 0.25})]
    figures = judge(EITHER, runs)
    assert figures["wins"] == 1.0
    assert not figures["holds"]
    assert figures["wins_without_the_symptom"] == 0.25


def test_without_any_pair_the_figures_are_empty_and_the_page_is_made_all_the_same():
    figures = judge(RULES[0], [])
    assert (figures["pairs"], figures["wins"], figures["holds"]) == (0, None, False)
    assert "too few pairs" in page({"rules": [figures], "runs": 0})


def test_the_page_shows_the_shipped_figures():
    assert PAGE.read_text(encoding="utf-8") == page(load_figures()), "make -C research diagnoses"
