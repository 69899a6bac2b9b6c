import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advisor.advise.recipes.fine_tuning import describe_fine_tuning
from advisor.advise.recipes.recipes import shipped_recipes
from advisor.describe.model import describe_model
from advisor.errors import AdvisorError
from advisor.learn.response import FineTuning, ResponseModel
from research.response_model.artefact import fit_response_model, recipes_digest
from research.response_model.evaluation import GEO, SOUPS, own_factor, tuned_rates, without
from research.response_model.fitting import coefficients, design, fit, weights_of
from research.response_model.judging import interval, median_factor, mixture, pairs_of, values
from research.response_model.page import write_page
from research.response_model.runs import PublicRuns, read_public_runs

ROOT = Path(__file__).parents[2]
GRID = np.array([1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2])


def synthetic(optimum, *, n=900, n_datasets=6, seed=0):
    """Runs whose accuracy falls with the squared distance from an optimum, which is a function of the case."""
    rng = np.random.default_rng(seed)
    cases = [
        FineTuning(
            n_train=int(rng.choice([1_500, 10_000, 60_000])),
            num_params=int(rng.choice([2_000_000, 20_000_000, 200_000_000])),
            img_size=224,
            pretrain_img_size=224,
            kind="convolution",
            opt=str(rng.choice(["adamw", "adamp", "adam", "sgd"])),
            batch_size=int(rng.choice([8, 32, 128])),
            recipe_lr=1e-4,
        )
        for _ in range(n)
    ]
    lr = rng.choice(GRID, n)
    away = np.log10(lr) - np.log10([optimum(case) for case in cases])
    logit = 2 - 2.0 * away**2 + rng.normal(0, 0.2, n)
    return PublicRuns(
        cases=cases,
        dataset=rng.choice([f"set{i}" for i in range(n_datasets)], n),
        model=np.array([f"model{case.num_params}" for case in cases]),
        lr=lr,
        weight_decay=rng.choice([0.0, 1e-4, 1e-2], n),
        accuracy=1 / (1 + np.exp(-logit)),
        best_epoch=np.full(n, 20.0),
        settings=rng.normal(size=(n, 2)),
    )


def test_a_fit_recovers_a_known_optimum():
    def optimum(case):
        return 4e-4 * (case.batch_size / 32) ** 0.5 * (3 if case.opt == "sgd" else 1)

    runs = synthetic(optimum)
    model, _ = fit_response_model(runs, ridges=(0.1,), draws=8)
    for case in runs.cases[:40]:
        found = model.optimum(case)
        assert math.exp(found.median) == pytest.approx(optimum(case), rel=0.25)
        assert abs(found.median - math.log(optimum(case))) < 4 * found.spread + 0.1


def test_a_strong_penalty_keeps_the_recipes():
    runs = synthetic(lambda case: 1e-3)
    row = fit(design(runs), np.ones(len(runs)), ridge=1e6)
    assert np.abs(row[: design(runs).parts["optimum"].shape[1]]).max() < 0.01


def test_the_gradient_is_that_of_the_loss(monkeypatch):
    from scipy.optimize import check_grad

    runs = synthetic(lambda case: 3e-4, n=60)
    captured = {}

    def minimize(loss, start, **_):
        captured["loss"] = loss
        raise StopIteration

    monkeypatch.setattr("scipy.optimize.minimize", minimize)
    with pytest.raises(StopIteration):
        fit(design(runs), np.ones(len(runs)), ridge=1.0)
    loss = captured["loss"]
    size = sum(part.shape[1] for part in design(runs).parts.values())
    at = np.random.default_rng(1).normal(0, 0.3, size)
    assert check_grad(lambda row: loss(row)[0], lambda row: loss(row)[1], at) < 1e-3 * np.linalg.norm(loss(at)[1])


def test_the_value_of_an_adviser_is_that_of_its_rates():
    """In runs that were drawn uniformly, even if the model of the outcome knows nothing."""
    runs = synthetic(lambda case: 5e-4, n=4000)
    ignorant = np.full((len(runs), len(GRID)), runs.accuracy.mean())
    for lr in GRID:
        value = values(runs, np.full(len(runs), lr), GRID, ignorant).mean()
        assert value == pytest.approx(runs.accuracy[runs.lr == lr].mean(), abs=0.02)
    assert values(runs, None, GRID, ignorant).mean() == pytest.approx(runs.accuracy.mean(), abs=0.02)


def test_a_rate_between_two_is_their_mixture():
    found = mixture(np.array([1e-5, 1e-7, 1.0, math.sqrt(5e-4 * 1e-3)]), GRID)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found[0, 0] == found[1, 0] == found[2, -1] == 1
    np.testing.assert_allclose(found[3, 3:5], 0.5)


def test_pairs_share_dataset_model_and_optimizer():
    runs = synthetic(lambda case: 1e-3, n=80)
    pairs = pairs_of(runs)
    assert (runs.accuracy[pairs.better] > runs.accuracy[pairs.worse]).all()
    assert (runs.dataset[pairs.better] == runs.dataset[pairs.worse]).all()
    assert (runs.opt[pairs.better] == runs.opt[pairs.worse]).all()
    assert pairs.ordered(runs.accuracy).mean() == 1
    assert pairs.ordered(np.zeros(80)).mean() == 0.5


def test_intervals_and_factors():
    low, high = interval(np.array([1.0, 1.0, 3.0, 3.0]), np.array(["a", "a", "b", "b"]))
    assert (low, high) == (1, 3)
    assert median_factor([1e-3, 1e-4, 1e-3], [2e-3, 2e-4, 5e-4]) == pytest.approx(2)


def test_a_source_is_left_out_where_it_is_judged():
    recipes = without(shipped_recipes(), GEO, SOUPS)
    assert not {GEO, SOUPS} & {recipe.source for recipe in recipes.recipes}
    tuned = tuned_rates(ROOT / "meta_data" / "recipes.csv", recipes)
    assert len(tuned) == 55
    assert len({t.backbone for t in tuned}) == 18
    assert {t.case.n_train for t in tuned} == {4_000, 6_500}
    assert 1.5 < own_factor(tuned) < 3


def test_recipes_are_asked_about_hybrids_as_about_convolutional_networks():
    hybrid, convolution = (
        describe_fine_tuning(describe_model(name), shipped_recipes(), opt="adamw", n_train=2_000, batch_size=32)
        for name in ("mobilevit_s", "efficientnet_b0")
    )
    assert hybrid.kind == "hybrid"
    assert hybrid.recipe_lr == pytest.approx(convolution.recipe_lr, rel=0.1)


def test_the_shipped_model_starts_at_the_shipped_recipes():
    shipped = ResponseModel.load(ROOT / "meta_data" / "response")
    assert shipped.provenance["recipes_sha256"] == recipes_digest(), "make -C research response"


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(AdvisorError, match="too few complete runs"):
        read_public_runs(tmp_path, shipped_recipes())


@pytest.mark.skipif("ADVISOR_TEST_DATA" not in os.environ, reason="needs ADVISOR_TEST_DATA with the public runs")
def test_the_shipped_model_is_what_the_public_runs_give():
    recipes = shipped_recipes()
    runs = read_public_runs(Path(os.environ["ADVISOR_TEST_DATA"]) / "quicktune" / "extended", recipes)
    assert len(runs) == 2529
    assert (runs.of("share_trained") == 0).sum() == 624
    assert (runs.of("share_trained") == 1).sum() == 299
    shipped = ResponseModel.load(ROOT / "meta_data" / "response")
    again = coefficients(fit(design(runs), weights_of(runs), shipped.provenance["ridge"]))
    for part in ("optimum", "below", "above"):
        np.testing.assert_allclose(getattr(again, part), getattr(shipped.coefficients, part), atol=0.02)


def test_the_page_of_few_runs_can_be_written(monkeypatch):
    monkeypatch.setattr("research.response_model.judging._TREES", 10)
    runs = synthetic(lambda case: 4e-4, n=300)
    named = replace(runs, model=np.array(["resnet18"] * len(runs)))
    model, fits = fit_response_model(named, ridges=(1.0,), draws=3)
    page = write_page(named, model, fits, shipped_recipes())
    assert "300 complete runs of 1 models on 6 datasets" in page.replace("\n", " ")
    assert "{{" not in page
