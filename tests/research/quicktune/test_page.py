"""Choices of model and values together, on an invented cut of runs and on the public ones."""

import os
from pathlib import Path

import numpy as np
import pytest

from advisor.errors import AdvisorError
from advisor.records.schema import Run, Source, Status
from research.quicktune import page as quicktune_page
from research.quicktune.joint_methods import (
    BY_HAND,
    believe,
    best_first,
    by_trees,
    chosen_beliefs,
    complementary,
    of_unlike_models,
    process_weights,
)
from research.quicktune.joint_runs import joint_runs, read_joint_runs
from research.quicktune.joint_values import with_model_given

MODELS = {"resnet18": 60.0, "vit_tiny_patch16_224": 50.0, "mobilenetv3_small_100": 40.0}


def invented(n_datasets=5, runs_each=36):
    """Runs in which a model and a learning rate of 1e-3 are best everywhere, on datasets of unlike difficulty."""
    rng = np.random.default_rng(0)
    runs = []
    for d in range(n_datasets):
        for i in range(runs_each):
            model = list(MODELS)[i % len(MODELS)]
            lr = float(10 ** rng.uniform(-5, -1))
            score = MODELS[model] - 12 * abs(np.log10(lr) + 3) - 5 * d + rng.normal(0, 0.5)
            runs.append(
                Run(
                    run_id=f"{d}-{i}", source=Source.QUICKTUNE, status=Status.FINISHED, dataset_name=f"set-{d}",
                    n_train=1000 * (d + 1), n_classes=10, model=model, pretrained=True, opt="adamw", lr=lr,
                    batch_size=32, epochs=50, dropout=0.0, weight_decay=0.01, metric="eval_top1",
                    best_metric=float(score), final_metric=float(score), epochs_done=50,
                    extra={"linear_probing": float(i % 2)},
                )
            )  # fmt: skip
    return joint_runs(runs)


@pytest.fixture(scope="module")
def runs():
    return invented()


def test_regret_is_0_for_the_best_and_1_for_the_worst_of_a_dataset(runs):
    for name in np.unique(runs.dataset):
        rows = runs.dataset == name
        assert runs.regret[rows][runs.score[rows].argmax()] == 0
        assert runs.regret[rows][runs.score[rows].argmin()] == 1


def test_what_one_dataset_says_of_the_others_is_found_by_trees_and_by_the_process(runs):
    out = runs.dataset == "set-3"
    beliefs = believe(runs, BY_HAND)
    for expected in (by_trees(runs, runs.regret, out, 0, members=2), beliefs.mean[out]):
        assert runs.regret[out][best_first(expected)[0]] < 0.15
        assert np.corrcoef(expected, runs.score[out])[0, 1] > 0.8


def test_the_process_sees_nothing_of_the_dataset_that_is_left_out(runs):
    before = believe(runs, BY_HAND)
    out = runs.dataset == "set-2"
    runs.score[out], kept = runs.score[out][::-1].copy(), runs.score[out].copy()
    try:
        after = believe(runs, BY_HAND)
    finally:
        runs.score[out] = kept
    np.testing.assert_allclose(after.mean[out], before.mean[out], atol=1e-8)
    np.testing.assert_allclose(after.covariance["set-2"], before.covariance["set-2"], atol=1e-8)
    assert not np.allclose(after.mean[~out], before.mean[~out])


def test_weights_are_chosen_on_the_other_datasets(runs):
    beliefs, chosen = chosen_beliefs(runs, process_weights(3))
    assert len(chosen) == 5
    for name, which in zip(np.unique(runs.dataset), chosen, strict=True):
        rows = runs.dataset == name
        np.testing.assert_allclose(beliefs.mean[rows], believe(runs, process_weights(3)[which]).mean[rows])


def test_three_picks_complement_each_other():
    """The second best shares the fate of the best; a third that does not is worth more beside it."""
    expected = np.array([1.0, 0.95, 0.6, -3.0])
    covariance = np.eye(4)
    covariance[0, 1] = covariance[1, 0] = 0.999
    assert complementary(expected, covariance, seed=0)[:2] == [0, 2]
    assert best_first(expected) == [0, 1, 2]
    assert of_unlike_models(expected, ["a", "a", "b", "b"]) == [0, 2, 1]
    assert of_unlike_models(expected, ["a", "b", "a", "c"]) == [0, 1, 3]


def test_with_the_model_given_the_process_tells_the_better_values(runs):
    given = with_model_given(runs, believe(runs, BY_HAND).mean)
    # Twelve runs of each model, every second one with a frozen network.
    assert given["pairs"] == 5 * 3 * 2 * (6 * 5 // 2)
    assert given["process"] > 0.75
    assert given["gain"] == pytest.approx(given["process"] - given["published"])
    assert given["low"] <= given["gain"] <= given["high"]
    known = with_model_given(runs, runs.score)
    assert known["process"] == 1


def test_the_page_shows_every_method_the_choices_and_the_decision(runs, monkeypatch):
    monkeypatch.setattr("research.quicktune.joint_methods.N_TREES", 20)
    beliefs, _ = chosen_beliefs(runs, process_weights(2))
    judged = quicktune_page.judge(runs, beliefs, seeds=2)
    text = quicktune_page.page(runs, beliefs, judged)
    for method in judged[0]["set-0"]:
        assert f"| {method} |" in text
    assert text.count("| resnet18 |") >= 1
    assert "random search, 10 | " in text
    chosen = quicktune_page.regrets(runs, judged)[quicktune_page.CHOSEN][0].mean()
    assert f"first pick {chosen:.3f}, wanted 0.08: {'met' if chosen <= 0.08 else 'missed'}" in text
    assert "so no second artefact is made" in text or "none is made yet" in text
    first, three = quicktune_page.regrets(runs, judged)["trees and process added"]
    assert first.shape == (2, 5)
    assert (three <= first).all()
    assert f"| trees and process added | {first.mean():.3f} |" in text


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(AdvisorError, match="holds no runs"):
        read_joint_runs(tmp_path)


@pytest.mark.skipif("ADVISOR_TEST_DATA" not in os.environ, reason="needs ADVISOR_TEST_DATA with the public runs")
def test_the_public_runs_give_the_known_regret_of_random_search():
    runs = read_joint_runs(Path(os.environ["ADVISOR_TEST_DATA"]) / "quicktune" / "extended")
    assert len(runs) == 3110
    assert len(np.unique(runs.dataset)) == 26
    known = {1: 0.55, 5: 0.18, 10: 0.094, 25: 0.039}
    for k, value in quicktune_page.random_search(runs).items():
        assert value == pytest.approx(known[k], abs=0.005)
