import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.evaluate.plot import plot_regret
from advisor.evaluate.pool import Pool
from advisor.evaluate.protocol import ADVICE, BALANCED, Outcome
from advisor.evaluate.summary import CLEAR, balanced, contexts, dearest, holm, interval_quality, rows, trials
from advisor.learn.table import Case
from advisor.records.schema import Pretraining


def a_pool(group="g", pretrained=False, scores=(90.0, 80.0, 70.0, 60.0), n_eval=2000, at_cap=2, n_train=500):
    n = len(scores)
    epochs = np.array([20.0 if i < at_cap else 5.0 for i in range(n)])
    hparams = {name: np.full(n, 0.1) for name in ("lr", "batch_size", "dropout", "weight_decay")} | {"epochs": epochs}
    return Pool(
        case=Case(f"d-{group}", "test_vit", "adamw", Pretraining.OTHER if pretrained else Pretraining.NONE),
        group=group,
        columns=(),
        x=np.zeros((n, 0)),
        score=np.array(scores),
        seeds=np.ones(n, dtype=np.int64),
        random=np.ones(n, dtype=bool),
        hparams=hparams,
        n_train=n_train,
        n_eval=n_eval,
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_only_raises_and_keeps_the_order(p_values):
    corrected = holm(p_values)
    assert all(p <= c <= 1 for p, c in zip(p_values, corrected, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(corrected)[order]) >= 0)


def test_holm_on_the_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_groups_weigh_the_same_whatever_their_cases():
    pools = [a_pool("a"), a_pool("a", pretrained=True), a_pool("b"), a_pool("c")]
    scores = [90.0, 90.0, 75.0, 75.0]
    outcomes = [Outcome(ADVICE, pool, score) for pool, score in zip(pools, scores, strict=True)]
    row = rows(outcomes, None)[0]
    assert row["cases"] == 4
    assert row["mean_regret"] == pytest.approx((0 + 1 + 1) / 3)


def test_the_dearest_case_is_the_one_without_which_the_mean_falls_most():
    pools = [a_pool("a"), a_pool("b", scores=(80.0, 79.95, 79.95, 60.0)), a_pool("b", pretrained=True)]
    outcomes = [Outcome(ADVICE, pool, score) for pool, score in zip(pools, (75.0, 79.0, 75.0), strict=True)]
    case = dearest(outcomes)
    assert (case["group"], case["best"], case["median"], case["score"]) == ("b", 80.0, pytest.approx(79.95), 79.0)
    assert case["regret"] == pytest.approx(20)
    assert case["mean_without"] == pytest.approx(1)


def test_a_loss_counts_as_much_worse_only_beyond_noise_and_a_point_on_a_large_split():
    pools = [a_pool("a"), a_pool("b"), a_pool("c", n_eval=100)]
    outcomes = [Outcome(ADVICE, pool, 80.0) for pool in pools]
    outcomes += [Outcome("baseline", pool, score) for pool, score in zip(pools, (81.4, 81.6, 99.0), strict=True)]
    row = next(r for r in rows(outcomes, 0.5) if r["method"] == "baseline")
    assert row["advice_much_worse"] == 0.5
    assert row["advice_better"] == 0


def test_contexts_part_the_cases():
    outcomes = [Outcome(ADVICE, a_pool("a"), 80.0), Outcome(ADVICE, a_pool("b", pretrained=True, n_train=2000), 80.0)]
    parts = {name: len(part) for name, part in contexts(outcomes, 1.0).items()}
    assert parts == {
        CLEAR: 2,
        "adamw from scratch": 1,
        "adamw fine-tuned": 1,
        "test_vit": 2,
        "300 to 1,000 training images": 1,
        "1,000 training images or more": 1,
        "at most 20 epochs": 2,
    }


def test_a_case_within_the_noise_is_not_clear():
    flat = Outcome(ADVICE, a_pool("a", scores=(51.0, 50.0, 49.5, 49.0)), 50.0)
    assert CLEAR not in contexts([flat], 1.0)
    assert CLEAR in contexts([Outcome(ADVICE, a_pool("a"), 80.0)], 1.0)


def test_trials_count_only_cases_with_enough_draws():
    rng = np.random.default_rng(0)
    wide = a_pool("a", scores=tuple(rng.uniform(size=80)), at_cap=70)
    outcomes = [Outcome(ADVICE, wide, float(wide.score[:70].max())), Outcome(ADVICE, a_pool("b"), 90.0)]
    found = trials(outcomes)
    assert found["cases"] == 1
    assert found["at_cap"] == 64
    worst = trials([Outcome(ADVICE, wide, 0.0)])
    assert worst["at_cap"] == worst["free"] == 0


def test_balanced_states_its_price():
    pool = a_pool()
    found = balanced([Outcome(ADVICE, pool, 90.0, 20.0), Outcome(BALANCED, pool, 88.0, 5.0)])
    assert found == {"points_lost": 2.0, "epochs_saved": 0.75}


def test_the_interval_score_punishes_what_lies_outside():
    pool = a_pool()
    inside = interval_quality([Outcome(ADVICE, pool, 80.0, None, (79.0, 75.0, 85.0))], ADVICE)
    assert inside["interval_score"] == pytest.approx(10)
    assert inside["coverage"] == 1
    outside = interval_quality([Outcome(ADVICE, pool, 87.0, None, (79.0, 75.0, 85.0))], ADVICE)
    assert outside["interval_score"] == pytest.approx(10 + 2 / 0.2 * 2)
    assert outside["mean_absolute_error"] == 8


def test_the_plot_is_the_same_file_twice(tmp_path):
    pytest.importorskip("matplotlib")
    summary = {
        "curves": {
            "advice": {"trials": [1, 2, 3], "mean_regret": [0.2, 0.1, 0.05]},
            "random search": {"trials": [1, 3, 5], "mean_regret": [0.9, 0.4, 0.2]},
        },
        "methods": [
            {"method": ADVICE, "mean_regret": 0.2, "cases": 7},
            {"method": "sane default", "mean_regret": 0.4, "cases": 7},
        ],
    }
    summary |= {"contexts": {CLEAR: summary["methods"]}, "clear_curves": summary["curves"]}
    for name in ("one.svg", "two.svg"):
        plot_regret(summary, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "sane default" in (tmp_path / "one.svg").read_text()
