"""Own runs on a dataset change its advice at once, and nobody else's."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import describe_model, records

from advisor.advise.answer import answer
from advisor.advise.heed import runs_to_heed
from advisor.advise.request import make_request
from advisor.learn.artefact import fit_artefact
from advisor.learn.metamodel import MetaModel
from advisor.learn.space import Configuration, Limits, columns_of, to_unit_scale
from advisor.learn.table import build_table
from advisor.records.schema import HYPERPARAMETERS


@pytest.fixture(scope="module")
def artefact():
    runs, datasets = records(n_groups=6)
    small = MetaModel(n_members=2, n_estimators=60).fit(build_table(runs, datasets, describe_model))
    return replace(fit_artefact(runs, datasets, describe_model), model=small)


@pytest.fixture(scope="module")
def dataset(artefact):
    return artefact.known[2].dataset


def ask(model="test_resnet", **limits):
    return make_request(
        model=model, opt="adamw", pretrained=False, img_size=32, limits=Limits(**limits), prefer="accuracy", top_k=1
    )


def own_run(artefact, dataset, lr, top1, **changes):
    runs, _ = records(n_groups=6)
    values = {
        "lr": lr, "batch_size": 32, "epochs": 20, "dropout": 0.0, "weight_decay": 0.01, "final_metric": top1,
        "dataset_id": dataset.dataset_id, "model": "test_resnet",
    }  # fmt: skip
    return replace(runs[0], run_id=f"own{lr}", **{**values, **changes})


def test_advice_leaves_what_failed_here(artefact, dataset):
    before = answer(artefact, ask(), dataset).best
    rest = {"batch_size": before.batch_size, "epochs": before.epochs, "weight_decay": before.weight_decay}
    failed = [own_run(artefact, dataset, before.lr * factor, 20.0, **rest) for factor in (0.5, 1.0, 2.0)]
    good = own_run(artefact, dataset, before.lr / 30, 90.0, **rest)
    after = answer(artefact, ask(), dataset, lambda: [*failed, good])
    ways = to_unit_scale(columns_of([after.best.configuration])) - to_unit_scale(
        columns_of([Configuration(**{name: getattr(run, name) for name in HYPERPARAMETERS}) for run in failed])
    )
    # At least a factor of two away from each, in the learning rate or in what goes with it.
    assert np.abs(ways).max(axis=1).min() >= 1
    assert after.best.expected.top1 > 60
    assert any("heeds 4 runs of yours on this dataset, the best of which reached 90.0 %" in w for w in after.warnings)


def test_the_expectation_moves_to_the_level_that_runs_showed(artefact, dataset):
    before = answer(artefact, ask(), dataset).best
    run = own_run(artefact, dataset, before.lr, 33.0, batch_size=before.batch_size, epochs=before.epochs)
    after = answer(artefact, ask(), dataset, lambda: [run]).best
    assert after.expected.low <= 36
    assert abs(after.expected.top1 - 33) < abs(before.expected.top1 - 33)
    assert after.expected.low < after.expected.top1 < after.expected.high


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "test_vit"},
        {"opt": "sgd"},
        {"pretrained": True},
        {"augment": "rand-m9"},
        {"dataset_id": "another"},
        {"epochs_done": 0},
        {"out_of_memory": True},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_runs_of_other_cases_and_runs_that_say_nothing_are_not_heeded(artefact, dataset, changes):
    run = own_run(artefact, dataset, 1e-3, 50.0, **changes)
    assert not runs_to_heed([run], ask(), dataset, augmented=False)
    assert runs_to_heed([own_run(artefact, dataset, 1e-3, 50.0, model="test_resnet.r160_in1k")], ask(), dataset, False)


def test_limits_hold_whatever_runs_showed(artefact, dataset):
    best = own_run(artefact, dataset, 3e-3, 99.0, batch_size=128, epochs=20)
    advice = answer(
        artefact, ask(max_epochs=5, max_batch_size=16, fixed={"dropout": 0.3}), dataset, lambda: [best]
    ).best
    assert advice.epochs <= 5
    assert advice.batch_size <= 16
    assert advice.dropout == 0.3
