"""Own runs on a dataset change its advice at once, and nobody else's."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.advise.pipeline import answer
from advisor.advise.prepare import RunList, prepare
from advisor.advise.request import make_request
from advisor.advise.search.own_runs import configuration_of
from advisor.space.configuration import columns_of, to_unit_scale


def ask(model="test_resnet", prefer="accuracy", top_k=1, **limits):
    return make_request(model=model, opt="adamw", pretrained=False, img_size=32, prefer=prefer, top_k=top_k, **limits)


def advise(artefact, request, dataset, own_runs=()):
    return answer(artefact, prepare(artefact, request, dataset, RunList(own_runs)))


@pytest.fixture(scope="session")
def own_run(records):
    """Makes a run of the user with a learning rate and an accuracy, but for the given fields."""
    runs, _ = records(n_groups=1)

    def make(dataset, lr, top1, **changes):
        values = {
            "lr": lr, "batch_size": 32, "epochs": 20, "dropout": 0.0, "weight_decay": 0.01, "final_metric": top1,
            "dataset_id": dataset.dataset_id, "model": "test_resnet",
        }  # fmt: skip
        return replace(runs[0], run_id=f"own{lr}", **{**values, **changes})

    return make


def test_advice_leaves_what_failed_here(own_run, artefact, dataset):
    before = advise(artefact, ask(), dataset).best
    rest = {"batch_size": before.batch_size, "epochs": before.epochs, "weight_decay": before.weight_decay}
    failed = [own_run(dataset, before.lr * factor, 20.0, **rest) for factor in (0.5, 1.0, 2.0)]
    good = own_run(dataset, before.lr / 30, 90.0, **rest)
    after = advise(artefact, ask(), dataset, [*failed, good])
    ways = to_unit_scale(columns_of([after.best.configuration])) - to_unit_scale(
        columns_of(list(map(configuration_of, failed)))
    )
    # At least a factor of two away from each, in the learning rate or in what goes with it.
    assert np.abs(ways).max(axis=1).min() >= 1
    assert after.best.expected.top1 > 60
    assert any("uses 4 runs of yours on this dataset, the best of which reached 90.0 %" in w for w in after.warnings)


KEPT = "what was trained comes first again: nothing is expected to beat it by more than"


@pytest.mark.parametrize("prefer", ["accuracy", "balanced"])
def test_who_has_a_good_run_is_advised_its_values_first_and_others_to_explore(own_run, artefact, dataset, prefer):
    # Outside the box of what was recorded, too: what was measured here counts.
    good = own_run(dataset, 5e-3, 99.5, batch_size=24, epochs=31, weight_decay=0.7)
    poor = own_run(dataset, 4e-3, 60.0)
    advice = advise(artefact, ask(prefer=prefer, top_k=3), dataset, [poor, good])
    assert advice.best.configuration == configuration_of(good)
    assert len(advice.suggestions) == 3
    assert not {one.configuration for one in advice.suggestions[1:]} & {configuration_of(run) for run in (good, poor)}
    for name, value in advice.best.configuration.as_dict().items():
        low, high = advice.ranges[name]
        assert low <= value <= high, name
    assert advice.best.expected.low <= 99.5
    assert any(KEPT in warning for warning in advice.warnings)


def test_what_is_expected_to_be_clearly_better_comes_before_what_was_trained(own_run, artefact, dataset):
    advised = advise(artefact, ask(), dataset).best
    poor = own_run(dataset, advised.lr / 300, 20.0, epochs=2)
    advice = advise(artefact, ask(), dataset, [poor])
    assert advice.best.configuration != configuration_of(poor)
    assert not any(KEPT in warning for warning in advice.warnings)


def test_speed_saves_epochs_of_a_good_run(own_run, artefact, dataset):
    good = own_run(dataset, advise(artefact, ask(), dataset).best.lr, 99.0, epochs=40)
    assert advise(artefact, ask(), dataset, [good]).best.epochs == 40
    assert advise(artefact, ask(prefer="speed"), dataset, [good]).best.epochs < 40


@pytest.mark.parametrize(
    "limits",
    [{"max_epochs": 5}, {"max_batch_size": 16}, {"fix": {"dropout": 0.3}}],
    ids=lambda limits: next(iter(limits)),
)
def test_a_good_run_outside_the_limits_does_not_come_first(own_run, artefact, dataset, limits):
    good = own_run(dataset, 3e-3, 99.0, batch_size=128, epochs=20)
    assert advise(artefact, ask(), dataset, [good]).best.configuration == configuration_of(good)
    advice = advise(artefact, ask(**limits), dataset, [good])
    assert advice.best.configuration != configuration_of(good)
    assert not any(KEPT in warning for warning in advice.warnings)


def test_the_expectation_moves_to_the_level_that_runs_showed(own_run, artefact, dataset):
    before = advise(artefact, ask(), dataset).best
    run = own_run(dataset, before.lr, 33.0, batch_size=before.batch_size, epochs=before.epochs)
    after = advise(artefact, ask(), dataset, [run]).best
    assert after.expected.low <= 36
    assert abs(after.expected.top1 - 33) < abs(before.expected.top1 - 33)
    assert after.expected.low < after.expected.top1 < after.expected.high


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "test_vit"},
        {"opt": "sgd"},
        {"pretrained": True},
        {"img_size": 64},
        {"dataset_id": "another"},
        {"epochs_done": 0},
        {"out_of_memory": True},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_runs_of_other_cases_and_runs_that_say_nothing_are_not_used(own_run, artefact, dataset, changes):
    def used(run):
        return prepare(artefact, ask(), dataset, RunList([run])).own_runs

    assert not used(own_run(dataset, 1e-3, 50.0, **changes))
    assert used(own_run(dataset, 1e-3, 50.0, model="test_resnet.r160_in1k"))
    assert used(own_run(dataset, 1e-3, 50.0, augment="rand-m9")), "train.py augments unless told otherwise"
    assert used(own_run(dataset, 1e-3, 50.0, img_size=None)), "an imported run need not say it"


def ask_far(**limits):
    """A request that recipes and the rule answer: nothing like it was recorded."""
    return make_request(
        model="resnet50", opt="adamw", pretrained=True, img_size=224, prefer="balanced", top_k=3, **limits
    )  # fmt: skip


@pytest.fixture(scope="session")
def far_run(own_run, dataset):
    """Makes a run of the user for such a request, like advice but for its learning rate."""

    def make(like, factor, top1, **changes):
        values = like.configuration.as_dict() | {
            "model": "resnet50",
            "pretrained": True,
            "img_size": 224,
            "n_classes": dataset.n_classes,
        }
        lr = values.pop("lr") * factor
        return own_run(dataset, lr, top1, **(values | changes))

    return make


def test_where_recipes_speak_own_runs_are_used_too(far_run, artefact, dataset):
    before = advise(artefact, ask_far(), dataset)
    assert before.basis in ("recipes", "rule", "response")
    scores = {1.0: 40.0, 0.5: 60.0, 0.25: 80.0}
    runs = [far_run(before.best, factor, top1) for factor, top1 in scores.items()]
    after = advise(artefact, ask_far(), dataset, runs)
    assert after.basis == before.basis
    assert after.best.lr <= before.best.lr * 0.36
    assert after.best.epochs == before.best.epochs
    assert any("uses 3 runs of yours on this dataset, the best of which reached 80.0 %" in w for w in after.warnings)
    low, high = after.ranges["lr"]
    assert low <= after.best.lr <= high < before.best.lr
    # Another good one that needs as many epochs comes first again.
    good = far_run(before.best, 3.0, 99.0)
    kept = advise(artefact, ask_far(), dataset, [*runs, good])
    assert kept.best.configuration == configuration_of(good)
    assert any(KEPT in w for w in kept.warnings)
    # Runs of another model move it too, but not as far.
    others = [replace(run, model="resnet18") for run in runs]
    assert after.best.lr < advise(artefact, ask_far(), dataset, others).best.lr < before.best.lr


@given(
    factor=st.sampled_from([1e-3, 0.1, 1.0, 30.0]),
    top1=st.sampled_from([1.0, 50.0, 99.0]),
    max_epochs=st.integers(1, 60),
    max_batch_size=st.integers(1, 300),
    fixed=st.sampled_from([{}, {"lr": 0.01}, {"dropout": 0.3, "weight_decay": 0.0}]),
)
@settings(max_examples=20)
def test_limits_hold_where_recipes_speak_and_runs_are_used(
    far_run, artefact, dataset, factor, top1, max_epochs, max_batch_size, fixed
):
    request = ask_far(max_epochs=max_epochs, max_batch_size=max_batch_size, fix=fixed)
    runs = [far_run(advise(artefact, ask_far(), dataset).best, factor, top1, epochs=300)]
    advice = advise(artefact, request, dataset, runs)
    for one in advice.suggestions:
        assert 1 <= one.epochs <= max_epochs
        assert 1 <= one.batch_size <= max_batch_size
        assert fixed.items() <= one.configuration.as_dict().items()
    for name, value in advice.best.configuration.as_dict().items():
        low, high = advice.ranges[name]
        assert low <= value <= high, name


def test_limits_hold_whatever_runs_showed(own_run, artefact, dataset):
    best = own_run(dataset, 3e-3, 99.0, batch_size=128, epochs=20)
    advice = advise(artefact, ask(max_epochs=5, max_batch_size=16, fix={"dropout": 0.3}), dataset, [best]).best
    assert advice.epochs <= 5
    assert advice.batch_size <= 16
    assert advice.dropout == 0.3
