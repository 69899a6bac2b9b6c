"""Runs of related cases count where what is published decides, and only there."""

from dataclasses import replace

import pytest

from advisor.advise.pipeline import answer
from advisor.advise.prepare import RunList, prepare
from advisor.advise.request import make_request
from advisor.advise.search.related_runs import (
    LIKE_DATASET,
    OTHER_MODEL,
    OTHER_OPTIMIZER,
    OTHER_SIZE,
    correlation_of,
)

WORDS = "uses runs of yours that are near, as far as such runs tell"


def request(model="resnet50", opt="adamw", img_size=224, **changes):
    return make_request(model=model, opt=opt, pretrained=True, img_size=img_size, top_k=1, **changes)


@pytest.fixture(scope="module")
def runs_of(records, artefact, dataset):
    """Makes runs like the advice for a request, the better the lower their learning rate, but for some fields."""
    like = records(n_groups=1)[0][0]

    def make(asked, factors=(2.0, 1.0, 0.5), **changes):
        advised = answer(artefact, prepare(artefact, asked, dataset, RunList())).best
        values = advised.configuration.as_dict() | {
            "dataset_id": dataset.dataset_id,
            "model": asked.name,
            "opt": asked.opt,
            "pretrained": True,
            "img_size": asked.img_size,
            "n_classes": dataset.n_classes,
        }
        return [
            replace(
                like,
                run_id=f"{asked.name}{asked.opt}{factor}",
                final_metric=40.0 + 20 * place,
                **(values | {"lr": advised.lr * factor} | changes),
            )
            for place, factor in enumerate(factors)
        ]

    return make


@pytest.fixture(scope="module")
def ask(artefact, dataset):
    """Answers a request given runs and further datasets."""
    return lambda asked, runs=(), datasets=(): answer(
        artefact, prepare(artefact, asked, dataset, RunList(runs, datasets))
    )


@pytest.mark.parametrize(
    ("trained", "difference"),
    [
        (request(model="resnet18"), OTHER_MODEL),
        (request(opt="sgd"), OTHER_OPTIMIZER),
        (request(img_size=160), OTHER_SIZE),
        (request(model="resnet18", opt="sgd"), f"{OTHER_MODEL} and {OTHER_OPTIMIZER}"),
    ],
)
def test_what_was_better_in_a_related_case_is_advised(ask, runs_of, trained, difference):
    before = ask(request())
    runs = runs_of(trained)
    after = ask(request(), runs)
    assert after.best.lr < before.best.lr
    assert f"{WORDS}: 3 with {difference}" in after.warnings
    # Nobody has seen a score of this case.
    assert after.best.expected is None


def test_runs_on_a_like_dataset_count_and_on_an_unlike_one_not(ask, runs_of, artefact, dataset):
    runs = runs_of(request(), dataset_id="other")
    like = replace(
        dataset, dataset_id="other", features={**dataset.features, "noise": dataset.features["noise"] + 0.01}
    )
    unlike = replace(like, features={name: value + 100 for name, value in dataset.features.items()})
    before = ask(request()).best.lr
    assert ask(request(), runs, [like]).best.lr < before
    reference = artefact.dataset_distances
    far = correlation_of([LIKE_DATASET], reference.between(dataset.features, unlike.features))
    assert far < correlation_of([LIKE_DATASET], reference.between(dataset.features, like.features))
    if far < 0.25:
        assert ask(request(), runs, [unlike]).best.lr == before
    # A dataset that is no longer described says nothing.
    assert ask(request(), runs).best.lr == before


def test_the_case_itself_counts_more_than_a_related_one(ask, runs_of):
    own, others = runs_of(request()), runs_of(request(model="resnet18"))
    before, with_own, with_others = (ask(request(), runs).best.lr for runs in ((), own, others))
    assert with_own < with_others < before
    both = ask(request(), [*own, *others])
    assert both.best.lr == with_own
    assert any(WORDS in warning for warning in both.warnings)


def test_where_the_meta_model_decides_other_cases_change_nothing(ask, records, dataset):
    asked = make_request(model="test_resnet", opt="adamw", pretrained=False, img_size=32, top_k=3)
    like = records(n_groups=1)[0][0]
    runs = [
        replace(like, run_id=name, dataset_id=dataset.dataset_id, final_metric=99.0, lr=1e-5, **changes)
        for name, changes in (
            ("model", {"model": "test_vit"}),
            ("opt", {"opt": "sgd", "model": "test_resnet"}),
            ("size", {"img_size": 64, "model": "test_resnet"}),
        )
    ]
    before, after = ask(asked), ask(asked, runs)
    assert [one.configuration for one in after.suggestions] == [one.configuration for one in before.suggestions]
    assert after.ranges == before.ranges
    assert not any(WORDS in warning for warning in after.warnings)


def test_models_that_timm_does_not_know_are_passed_over(ask, runs_of):
    runs = [replace(run, model="my_own_net") for run in runs_of(request(model="resnet18"))]
    assert ask(request(), runs).best == ask(request()).best


def test_correlations_fall_with_every_difference():
    assert correlation_of([]) == 1
    assert 1 > correlation_of([OTHER_MODEL]) > correlation_of([OTHER_MODEL, OTHER_SIZE]) > 0
    assert correlation_of([LIKE_DATASET], 0.1) > correlation_of([LIKE_DATASET], 2.0) > 0
