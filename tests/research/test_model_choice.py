"""What models reach is learned and judged on datasets left out; the tables hold what was published."""

import csv
import hashlib
import math
import os
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from advisor.errors import AdvisorError
from advisor.learn.model_choice import Candidate, ModelChoice, from_scale, shipped_model_choice
from research.model_choice.fitting import TERMS, fit, variances_of
from research.model_choice.judging import (
    CAPS,
    IMAGENET,
    ON_AVERAGE,
    OURS,
    RANDOM,
    folds,
    held,
    judge,
    judge_half_recorded,
)
from research.model_choice.page import write_page
from research.model_choice.runs import TODAY, Reached, candidate_of, read_reached
from research.model_choice.tables import accuracies, at_native_side, main, speeds

FAMILY_EFFECTS = {"swell": 1.5, "plain": 0.0, "dire": -1.5}


@pytest.fixture(scope="module")
def reached() -> Reached:
    """Twelve datasets of unlike difficulty, and three families of three models each that differ in what they reach."""
    rng = np.random.default_rng(0)
    models = [
        Candidate(f"{family}_{i}.in1k", f"{family}_{i}", family, 78.0 + 2 * i)
        for family in FAMILY_EFFECTS
        for i in range(3)
    ]
    rows = [(f"set{d:02}", model, level) for d, level in enumerate(rng.normal(1, 0.8, 12)) for model in models]
    logits = [
        level + FAMILY_EFFECTS[model.family] + 0.5 * (model.imagenet_top1 - 80) / 10 + rng.normal(0, 0.2)
        for _, model, level in rows
    ]
    return Reached(
        dataset=np.array([name for name, _, _ in rows]),
        model=[model for _, model, _ in rows],
        num_params=np.array([1e6 * (1 + int(model.architecture[-1])) for _, model, _ in rows]),
        n_train=np.full(len(rows), 5_000.0),
        n_classes=np.full(len(rows), 20.0),
        top1=np.array([from_scale(value) for value in logits]),
        runs=3 * len(rows),
    )


def test_a_fit_finds_the_families_that_reach_more(reached):
    model = fit(reached)
    swell, plain, dire = (
        one.top1
        for one in model.expect(
            [Candidate(f"{f}_9.in1k", f"{f}_9", f, 80.0) for f in ("swell", "plain", "dire")], 5_000, 20
        )
    )
    assert swell > plain > dire
    assert dict(zip(TERMS, variances_of(reached), strict=True))["rest"] == pytest.approx(0.04, rel=0.5)


def test_choices_on_datasets_left_out_are_judged_beside_imagenet_and_luck(reached):
    judged = judge(folds(reached))
    assert set(judged) == set(CAPS)
    of = judged[math.inf]
    assert len(of[OURS].regret) == 12
    assert of[OURS].regret.mean() < 0.05
    assert of[OURS].regret.mean() < of[IMAGENET].regret.mean() < of[RANDOM].regret.mean()
    assert of[ON_AVERAGE].regret.mean() < 0.05
    assert np.nanmean(of[OURS].rho) > 0.9
    assert np.isnan(of[RANDOM].rho).all()


def test_of_families_never_recorded_less_is_known(reached):
    folded = folds(reached)
    whole, half = (
        judge(folded)[math.inf][OURS].regret.mean(),
        judge_half_recorded(folded, 6)[math.inf][OURS].regret.mean(),
    )
    assert whole < half


def test_intervals_hold_and_own_runs_make_them_narrower(reached):
    folded = folds(reached)
    (inside, width, off), (_, narrower, nearer) = held(folded, 0), held(folded, 3)
    assert 0.6 <= inside <= 1
    assert narrower < width
    assert nearer < off


def test_public_names_of_older_versions_are_those_of_today():
    assert candidate_of("xcit_nano_12_p8_384_dist").name == "xcit_nano_12_p8_384.fb_dist_in1k"
    assert candidate_of("volo_d1_384") == candidate_of("volo_d1_384.sail_in1k")
    assert all(candidate_of(name).imagenet_top1 > 60 for name in TODAY)


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(AdvisorError, match="too few runs"):
        read_reached(tmp_path)


def quicktune() -> Path:
    folder = Path(os.environ.get("ADVISOR_TEST_DATA", "")) / "quicktune" / "extended"
    if not (folder / "table.csv").is_file():
        pytest.skip("ADVISOR_TEST_DATA names no folder with quicktune/")
    return folder


def test_the_shipped_model_is_what_the_public_runs_give():
    found = read_reached(quicktune())
    again, shipped = fit(found), shipped_model_choice()
    assert (again.families, again.architectures) == (list(shipped.families), list(shipped.architectures))
    assert np.abs(again.mean - shipped.mean).max() < 0.01
    assert shipped.provenance["runs"] == found.runs
    assert "BSD" in shipped.provenance["notice"]


def test_the_page_says_what_was_judged(reached, tmp_path, monkeypatch):
    monkeypatch.setattr("research.model_choice.page.judge_half_recorded", lambda folded: judge_half_recorded(folded, 2))
    monkeypatch.setattr("research.model_choice.page.speed_errors", lambda folder: {"published speed": (9, 1.5, 2.0)})
    page = write_page(reached, fit(reached), tmp_path)
    assert f"{reached.runs} runs of 9 pretrained models" in page
    assert "3 families" in page
    assert page.count("| any |") == 6 + 1 + 3 + 1
    assert "| swell | +" in page


RESULTS = """\
model,img_size,top1,top1_err,param_count
resnet18.a1_in1k,288,73.160,26.840,11.69
resnet18.a1_in1k,224,71.490,28.510,11.69
resnet50.a1_in1k,288,81.220,18.780,25.56
a_network_of_mine.x,224,99.000,1.000,1.00
"""
SPEEDS = """\
model,train_samples_per_sec,train_step_time,train_batch_size,train_img_size,param_count
test_resnet,1000.0,1.0,512,224,11.69
"""


def test_of_each_weights_the_result_at_the_native_side_is_kept():
    rows = list(csv.DictReader(RESULTS.splitlines()))
    assert accuracies(rows) == [("resnet18.a1_in1k", 224, "71.490"), ("resnet50.a1_in1k", 288, "81.220")]
    assert speeds(csv.DictReader(SPEEDS.splitlines())) == {"test_resnet": (224, 1000.0)}
    assert at_native_side("resnet18", 112, 4000.0) == pytest.approx(1000.0)


def test_the_tables_name_what_they_were_read_from(tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "results-imagenet.csv").write_text(RESULTS)
    (tmp_path / "results" / "benchmark-train-amp-nhwc-pt112-cu113-rtx3090.csv").write_text(SPEEDS)
    counted = {"resnet18": 22_000_000}
    monkeypatch.setattr("research.model_choice.tables.saved_bytes", lambda name: counted[name])
    main(tmp_path / "results", tmp_path / "out")
    costs = list(csv.DictReader((tmp_path / "out" / "costs.csv").read_text().splitlines()))
    assert [(row["architecture"], row["saved_bytes"]) for row in costs] == [("resnet18", "22000000"), ("resnet50", "")]
    assert hashlib.sha256(RESULTS.encode()).hexdigest() in (tmp_path / "out" / "SOURCES.md").read_text()
    with pytest.raises(AdvisorError) as error:
        main(tmp_path, tmp_path / "out")
    assert "pytorch-image-models" in error.value.hint


def test_kept_bytes_are_counted_once_each():
    pytest.importorskip("timm")
    from research.model_choice.training_memory import saved_bytes

    small = saved_bytes("test_resnet")
    assert small == saved_bytes("test_resnet")
    shipped = csv.DictReader(
        (resources.files("advisor._meta_data") / "model_choice/costs.csv").read_text().splitlines()
    )
    assert {row["architecture"]: row["saved_bytes"] for row in shipped}["resnet18"]
    assert 100_000 < small < 100_000_000


def test_a_shipped_file_that_changed_is_refused(tmp_path):
    shipped_model_choice().save(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(path.read_text().replace("BSD", "MIT"))
    with pytest.raises(AdvisorError, match="not the file that was fitted"):
        ModelChoice.load(tmp_path)
