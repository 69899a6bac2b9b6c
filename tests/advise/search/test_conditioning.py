"""A user's best values are not lost, and nothing is promised far from what was tried."""

from dataclasses import replace

import numpy as np
import pytest

from advisor.advise.pipeline import answer, find_grounds
from advisor.advise.prepare import RunList, prepare
from advisor.advise.request import make_request
from advisor.api import Advisor
from advisor.records.evidence import load_fine_tuning
from advisor.records.schema import Run, Source, Status
from advisor.space.configuration import columns_of

LANDSCAPES = next(d for d in load_fine_tuning().datasets if d.name == "landscapes-kind")
PHOTOS = next(d for d in load_fine_tuning().datasets if d.name == "photos-skimage-scene-96")


def fine_tuned(dataset, lr, top1, opt="adamw", **changes):
    """A finished run of pretrained resnet50 at 224 pixels for ten epochs."""
    values = {
        "model": "resnet50", "pretrained": True, "img_size": 224, "opt": opt, "lr": lr, "batch_size": 32, "epochs": 10,
        "dropout": 0.0, "weight_decay": 0.05,
    }  # fmt: skip
    return Run(
        run_id=f"{opt}{lr}", source=Source.TIMM_HOOK, status=Status.FINISHED, dataset_id=dataset.dataset_id,
        n_classes=dataset.n_classes, metric="eval_top1", final_metric=top1, epochs_done=10, **(values | changes),
    )  # fmt: skip


def advise(dataset, runs, opt="adamw", **asked):
    request = make_request(model="resnet50", opt=opt, pretrained=True, img_size=224, **asked)
    artefact = Advisor().artefact
    return answer(artefact, prepare(artefact, request, dataset, RunList(runs)))


@pytest.mark.parametrize("prefer", ["accuracy", "balanced"])
@pytest.mark.parametrize("opt", ["adamw", "sgd"])
@pytest.mark.parametrize("dataset", [LANDSCAPES, PHOTOS], ids=lambda dataset: dataset.name)
def test_ten_runs_far_above_the_usual_rate_move_the_advice_to_the_best_of_them(dataset, opt, prefer):
    scores = {
        1e-5: 61.0, 2e-5: 74.2, 4.4e-5: 84.0, 6e-5: 86.1, 1e-4: 90.4,
        1.6e-4: 93.2, 3.2e-4: 94.9, 5e-4: 94.1, 1e-3: 90.7, 3e-3: 58.8,
    }  # fmt: skip
    advice = advise(dataset, [fine_tuned(dataset, *run, opt=opt) for run in scores.items()], opt, prefer=prefer)
    assert 1.6e-4 <= advice.best.lr <= 6.4e-4
    low, high = advice.ranges["lr"]
    assert 8e-5 <= low <= advice.best.lr <= high <= 1e-3
    assert advice.best.epochs >= 10, "an epoch is not saved on a guess"
    assert advice.best.expected.low <= 94.9 + 1
    assert abs(advice.best.expected.top1 - 94.9) < 3


@pytest.mark.parametrize("dataset", [LANDSCAPES, PHOTOS], ids=lambda dataset: dataset.name)
def test_two_runs_are_enough_to_leave_what_was_much_worse(dataset):
    advice = advise(dataset, [fine_tuned(dataset, 2e-5, 75.9), fine_tuned(dataset, 5e-4, 91.5)])
    assert 1.5e-4 <= advice.best.lr <= 1e-3
    low, high = advice.ranges["lr"]
    assert 2e-5 * 2 < low < high < 5e-4 * 10


def test_what_an_own_run_leaves_to_gain_bounds_what_is_promised_beyond_it():
    good = advise(LANDSCAPES, [fine_tuned(LANDSCAPES, 3e-4, 96.0), fine_tuned(LANDSCAPES, 2e-5, 80.0)]).best
    assert 1.5e-4 <= good.lr <= 6e-4
    assert good.expected.top1 <= 98


def test_one_good_run_beats_any_recipe():
    good = fine_tuned(LANDSCAPES, 2e-3, 96.0)
    assert advise(LANDSCAPES, [good]).best.lr == 2e-3


def test_after_a_short_look_the_whole_training_is_advised():
    advised = advise(LANDSCAPES, []).best
    values = {name: getattr(advised, name) for name in ("batch_size", "dropout", "weight_decay")}
    look = fine_tuned(LANDSCAPES, advised.lr, 60.0, epochs=max(1, advised.epochs // 8), **values)
    # Not to the epoch: without own runs the epochs lie between two answers, with them they are searched.
    assert advise(LANDSCAPES, [look]).best.epochs >= 0.8 * advised.epochs
    assert advise(LANDSCAPES, [look]).best.epochs >= 5 * look.epochs


@pytest.fixture(scope="module")
def surface(records, dataset):
    """The accuracy that a learning rate really has, the rest being best, and a run with it."""
    runs, _ = records(n_groups=6, runs_per_case=1)
    like = next(run for run in runs if run.dataset_id == dataset.dataset_id and run.model == "test_resnet")

    def top1(lr):
        # As the invented surface is made: the logit falls by the squared decades from the best learning rate.
        return 100 / (1 + np.exp(-(2.2 - 0.8 * np.log10(lr / 3e-3) ** 2)))

    def run(lr):
        rest = {"batch_size": 32, "epochs": 20, "dropout": 0.0, "weight_decay": 0.01}
        return replace(like, run_id=str(lr), lr=lr, final_metric=top1(lr), epochs_done=20, **rest)

    return top1, run


@pytest.mark.parametrize("rates", [(1e-4, 3e-4), (3e-4, 1e-3), (0.02, 0.06), (1e-4, 0.06)])
def test_the_advice_after_two_runs_keeps_what_it_promises(artefact, dataset, surface, rates):
    top1, run = surface
    own = [run(rate) for rate in rates]
    rest = {name: getattr(own[0], name) for name in ("batch_size", "epochs", "dropout", "weight_decay")}
    request = make_request(
        model="test_resnet", opt="adamw", pretrained=False, img_size=32, prefer="accuracy", fix=rest
    )  # fmt: skip
    prepared = prepare(artefact, request, dataset, RunList(own))
    advice = answer(artefact, prepared)
    best, noise = advice.best, prepared.noise
    assert top1(best.lr) >= max(one.final_metric for one in own) - noise
    assert top1(best.lr) >= best.expected.low - noise
    # What is called good is expected to lose no more than the noise, and does not stretch to what nobody tried.
    predict = find_grounds(artefact, prepared).conditioned.predict
    low, high = advice.ranges["lr"]
    for end in (low, high):
        columns = columns_of([best.configuration, replace(best.configuration, lr=end)])
        here, there = predict(columns).top1
        assert there >= here - noise - 1e-6
        assert top1(end) >= top1(best.lr) - 5


def test_what_comes_first_is_expected_to_be_best_and_what_is_not_known_comes_after(artefact, dataset, surface):
    _, run = surface
    own = [run(1e-4)]
    request = make_request(model="test_resnet", opt="adamw", pretrained=False, img_size=32, prefer="accuracy", top_k=3)
    prepared = prepare(artefact, request, dataset, RunList(own))
    advice = answer(artefact, prepared)
    expected = [one.expected.top1 for one in advice.suggestions]
    assert expected[0] >= max(expected) - prepared.noise
    assert len({one.configuration for one in advice.suggestions}) == 3


def test_real_runs_of_every_recorded_case_move_the_advice_to_the_best_of_them():
    evidence = load_fine_tuning()
    by_id = {dataset.dataset_id: dataset for dataset in evidence.datasets}
    of_case = {}
    for run in evidence.runs:
        of_case.setdefault((run.dataset_id, run.model, run.opt, run.img_size), []).append(run)
    judged = [runs for runs in of_case.values() if sum(run.final_metric is not None for run in runs) >= 10]
    assert len(judged) >= 10
    for runs in judged:
        own, dataset = runs[:12], by_id[runs[0].dataset_id]
        best = max(own, key=lambda run: run.final_metric or 0)
        request = make_request(
            model=best.model, opt=best.opt, pretrained=True, img_size=best.img_size, prefer="accuracy", top_k=1,
            max_epochs=max(run.epochs for run in own),  # longer trainings want lower rates
        )  # fmt: skip
        prepared = prepare(Advisor().artefact, request, dataset, RunList(own))
        if not prepared.novelty.published_decides:
            advised = answer(Advisor().artefact, prepared).best
            # What the evaluation split cannot tell from the best is as good.
            error = 100 * (best.final_metric / 100 * (1 - best.final_metric / 100) / dataset.n_eval) ** 0.5
            as_good = [run for run in own if (run.final_metric or 0) >= best.final_metric - error]
            assert any(1 / 6 <= advised.lr / run.lr <= 6 for run in as_good), dataset.name
            assert advised.expected.high >= best.final_metric - error, dataset.name
