"""Diagnoses of curves whose trouble is known, and of recorded runs."""

import math
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from advisor.advise.diagnose import diagnosis as diagnosing
from advisor.advise.diagnose.diagnosis import NOTHING_WRONG, diagnose, load_figures
from advisor.advise.diagnose.remedies import MAX_DROPOUT, RULES, UNITS, Change
from advisor.advise.diagnose.symptoms import symptoms_of
from advisor.api import Advisor
from advisor.learn.curves import least_loss
from advisor.records.evidence import load_evidence
from advisor.records.schema import Dataset, Epoch, Run, Source, Status, StoredSuggestion
from advisor.space.hyperparameters import HYPERPARAMETERS

RUN = Run(
    run_id="r", source=Source.API, status=Status.FINISHED, dataset_id="d", dataset_name="set", n_train=2000, n_eval=500,
    n_classes=10, model="test_vit", pretrained=False, img_size=32, opt="adamw", lr=1e-3, batch_size=64, epochs=10,
    dropout=0.0, weight_decay=0.05, label_smoothing=0.1, metric="eval_top1", epochs_done=10,
)  # fmt: skip
LEAST, CHANCE = least_loss(10, 0.1), math.log(10)


def curve(train, evaluation, top1):
    losses = [LEAST + left * (CHANCE - LEAST) for left in train]
    return [
        Epoch(run_id="r", epoch=i, train_loss=loss, eval_loss=worse * CHANCE, eval_top1=accuracy)
        for i, (loss, worse, accuracy) in enumerate(zip(losses, evaluation, top1, strict=True))
    ]


FALLING = [1 - 0.05 * i for i in range(10)]
LEARNED = [0.9, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.04, 0.03]
RISING = [20, 50, 65, 74, 78, 79.5, 79.8, 80, 80.1, 80.2]
CASES = {
    "diverging": (replace(RUN, lr=0.1), curve([1.0] * 10, [1.0] * 10, [10.0] * 10)),
    "batch noise": (RUN, curve(LEARNED, [0.5] * 10, [20, 40, 30, 50, 40, 55, 40, 60, 45, 58])),
    "too slow": (replace(RUN, lr=1e-5), curve(FALLING, FALLING, [10.0 + i / 10 for i in range(10)])),
    "underfitting": (RUN, curve(FALLING, FALLING, [20.0 + i / 10 for i in range(10)])),
    "schedule ended too early": (RUN, curve(LEARNED, LEARNED, [10, 20, 28, 35, 42, 50, 56, 62, 68, 74])),
    "overfitting": (RUN, curve(LEARNED, [0.9, 0.8, 0.7, 0.7, 0.7, 0.75, 0.8, 0.9, 1, 1], [40.0] * 10)),
    NOTHING_WRONG: (RUN, curve(LEARNED, LEARNED, RISING)),
}


def backed():
    """Figures in which every rule holds as its first candidate says it, whatever the evidence chose."""
    return {
        "most_epochs": 40,
        "rules": [
            {
                "rule": rule.name,
                "bounds": {
                    name: [bound if math.isfinite(bound) else None for bound in bounds]
                    for name, bounds in rule.candidates[0].bounds.items()
                },
                "change": {"name": rule.candidates[0].change.name, "direction": rule.candidates[0].change.direction},
                "holds": True, "pairs": 42, "wins": 0.8, "gain": [0.5, 3.0, 9.0], "over_random": 5.0, "steps": 2.0,
                "contexts": {"adamw from scratch": 42},
            }
            for rule in RULES
        ]
    }  # fmt: skip


@pytest.mark.parametrize("verdict", CASES)
def test_a_curve_is_named_after_its_trouble(verdict):
    run, epochs = CASES[verdict]
    assert diagnose(run, epochs, figures=backed()).verdict == verdict


def test_a_loss_above_that_of_guessing_is_no_divergence_where_most_images_are_right():
    run = replace(RUN, lr=0.1, pretrained=True, n_classes=4, epochs=3)
    losses = ((4.7, 1.7), (2.9, 2.1), (2.4, 1.8))
    epochs = [
        Epoch(run_id="r", epoch=i, train_loss=train, eval_loss=evaluation, eval_top1=70.0)
        for i, (train, evaluation) in enumerate(losses)
    ]
    assert symptoms_of(run, epochs).unlearned > 1
    assert "diverging" not in {finding.rule for finding in diagnose(run, epochs).findings}
    guessing = [replace(epoch, eval_top1=26.0) for epoch in epochs]
    assert diagnose(run, guessing).verdict == "diverging"


def test_no_more_epochs_are_advised_than_were_recorded():
    run, epochs = CASES["schedule ended too early"]
    shorter, longest = (diagnose(replace(run, epochs=n), epochs, figures=backed()) for n in (30, 40))
    assert (shorter.advice.current, shorter.advice.proposed) == (30, 40)
    assert longest.verdict == "schedule ended too early"
    assert longest.advice is None
    assert longest.notes == ("recorded runs end at 40 epochs: they do not tell whether more would help",)


@pytest.mark.parametrize("verdict", [name for name in CASES if name != NOTHING_WRONG])
def test_advice_changes_one_value_as_the_figures_say(verdict):
    run, epochs = CASES[verdict]
    figures = backed()
    entry = next(e for e in figures["rules"] if e["rule"] == verdict)
    advice = diagnose(run, epochs, figures=figures).advice
    assert (advice.rule, advice.name) == (verdict, entry["change"]["name"])
    assert (advice.proposed - advice.current) * entry["change"]["direction"] > 0
    assert advice.option.split()[0].startswith("--")
    assert f"{entry['pairs']} matching pairs" in advice.expectation


def test_a_rule_that_does_not_hold_describes_and_does_not_advise():
    run, epochs = CASES["overfitting"]
    figures = backed()
    next(e for e in figures["rules"] if e["rule"] == "overfitting")["holds"] = False
    diagnosis = diagnose(run, epochs, figures=figures)
    assert diagnosis.verdict == "overfitting"
    assert diagnosis.advice is None


def test_a_diverged_run_is_diverging_whatever_was_recorded():
    run = replace(RUN, lr=1.0, status=Status.DIVERGED)
    assert diagnose(run, [Epoch(run_id="r", epoch=0, train_loss=float("nan"))]).verdict == "diverging"


CURVES = [name for name in CASES if name != NOTHING_WRONG]


@pytest.mark.parametrize("status", [Status.RUNNING, Status.INTERRUPTED, Status.STALE])
@pytest.mark.parametrize("verdict", CURVES)
def test_a_cut_curve_is_not_read(verdict, status):
    run, epochs = CASES[verdict]
    diagnosis = diagnose(replace(run, status=status, epochs=100), epochs, figures=backed())
    assert (diagnosis.verdict, diagnosis.findings, diagnosis.advice) == ("cannot tell", (), None)
    assert any("its curve does not tell" in note for note in diagnosis.notes)


@pytest.mark.parametrize("verdict", CURVES)
def test_after_a_nan_nothing_lengthens_a_step(verdict):
    run, epochs = CASES[verdict]
    epochs = [*epochs[:5], *(replace(epoch, train_loss=math.nan) for epoch in epochs[5:])]
    diagnosis = diagnose(run, epochs, figures=backed())
    advice = diagnosis.advice
    assert diagnosis.verdict in ("diverged", "diverging")
    assert advice is None or (advice.name == "lr" and advice.proposed < advice.current)


def test_a_curve_with_gaps_is_not_read():
    run, epochs = CASES["underfitting"]
    gaps = [replace(epoch, train_loss=None) if epoch.epoch % 2 else epoch for epoch in epochs]
    diagnosis = diagnose(run, gaps, figures=backed())
    assert (diagnosis.verdict, diagnosis.advice, diagnosis.causes) == ("cannot tell", None, ())
    assert "the loss of 5 of 10 epochs is missing" in diagnosis.notes[0]
    rarely = [replace(e, eval_loss=None, eval_top1=None) if e.epoch % 2 else e for e in epochs]
    assert diagnose(run, rarely, figures=backed()).verdict == "underfitting"


def test_a_nan_at_a_high_rate_is_diverging_and_says_where():
    run, epochs = CASES["diverging"]
    [finding] = diagnose(run, [*epochs[:-1], replace(epochs[-1], eval_loss=math.nan)], figures=backed()).findings
    assert finding.rule == "diverging"
    assert "not a number (from epoch 9 on)" in finding.seen


def test_where_the_rate_did_not_come_down_the_last_epochs_do_not_ask_for_more():
    run, epochs = CASES["schedule ended too early"]
    constant = diagnose(run, [replace(epoch, lr=1e-3) for epoch in epochs], figures=backed())
    cosine = diagnose(run, [replace(epoch, lr=1e-3 / (epoch.epoch + 1)) for epoch in epochs], figures=backed())
    assert (constant.verdict, constant.advice) == (NOTHING_WRONG, None)
    assert any("had not come down" in note for note in constant.notes)
    assert cosine.verdict == "schedule ended too early"


def followed(**ranges):
    return StoredSuggestion(
        suggestion_id="s",
        created_at=datetime(2026, 1, 1, tzinfo=timezone.utc),
        dataset_id="d",
        model="test_vit",
        suggestion={"ranges": ranges},
    )


def test_one_curve_does_not_contradict_the_suggestion_that_the_run_followed():
    run, epochs = CASES["too slow"]
    run = replace(run, suggestion_id="s")
    good = diagnose(run, epochs, figures=backed(), suggestion=followed(lr=(5e-6, 2e-5)))
    assert (good.verdict, good.advice) == ("too slow", None)
    assert "the suggestion that the run followed" in good.notes[0]
    assert diagnose(run, epochs, figures=backed()).advice is None  # a suggestion that is no longer remembered
    own_rate = diagnose(run, epochs, figures=backed(), suggestion=followed(lr=(1e-4, 1e-3)))
    assert own_rate.advice.name == "lr"


@pytest.mark.parametrize(("low", "advised"), [(32, False), (8, True)])
def test_another_value_may_move_within_the_good_range(low, advised):
    run, epochs = CASES["underfitting"]
    suggestion = followed(batch_size=(low, 128))
    advice = diagnose(replace(run, suggestion_id="s"), epochs, figures=backed(), suggestion=suggestion).advice
    assert (advice is not None) == advised


def test_that_it_came_apart_is_evidence_against_a_suggestion():
    run, epochs = CASES["diverging"]
    run = replace(run, status=Status.DIVERGED, suggestion_id="s")
    advice = diagnose(run, epochs, figures=backed(), suggestion=followed(lr=(0.01, 1.0))).advice
    assert advice.proposed < advice.current


@pytest.mark.parametrize(("after", "advised"), [(43.0, False), (57.0, True), (60.0, True)])
def test_what_the_meta_model_expects_to_be_worse_is_not_advised(after, advised, monkeypatch):
    monkeypatch.setattr(diagnosing, "_predicted", lambda *_: (57.0, after))
    run, epochs = CASES["diverging"]
    dataset = Dataset(dataset_id="d", name="set", group="set", n_train=2000, n_eval=500, n_classes=10)
    diagnosis = diagnose(run, epochs, figures=backed(), artefact=object(), dataset=dataset)
    assert diagnosis.verdict == "diverging"
    assert (diagnosis.advice is not None) == advised
    assert any("expects 43.0 % of it instead of 57.0 %" in note for note in diagnosis.notes) != advised


def test_what_was_not_recorded_is_not_judged():
    diagnosis = diagnose(replace(RUN, lr=None), [])
    assert (diagnosis.verdict, diagnosis.advice) == ("cannot tell", None)
    assert any("fewer than two epochs" in note for note in diagnosis.notes)
    mixed = symptoms_of(replace(RUN, mixup=0.8), CASES["overfitting"][1])
    assert mixed.unlearned is None
    assert mixed.gap is None


def test_advice_for_a_context_without_pairs_says_so():
    run, epochs = CASES["underfitting"]
    diagnosis = diagnose(replace(run, opt="lion", lr=1e-4), epochs, figures=backed())
    assert any("take the advice as a hint" in note for note in diagnosis.notes)


@pytest.mark.parametrize("name", HYPERPARAMETERS)
@pytest.mark.parametrize("direction", [-1, 1])
def test_a_change_stays_possible(name, direction):
    for steps in (1.0, 3.0, 20.0):
        value = Change(name, direction).apply(RUN, steps)
        if value is None:
            continue
        assert (value - getattr(RUN, name)) * direction > 0
        if name == "batch_size":
            assert 1 <= value <= RUN.n_train
        if name == "dropout":
            assert 0 <= value <= MAX_DROPOUT
    assert set(UNITS) == set(HYPERPARAMETERS)


def test_there_is_no_room_below_a_dropout_of_0():
    assert Change("dropout", -1).apply(RUN, 2.0) is None


def test_recorded_runs_get_every_kind_of_verdict_and_predictions():
    evidence = load_evidence()
    epochs = {}
    for epoch in evidence.epochs:
        epochs.setdefault(epoch.run_id, []).append(epoch)
    datasets = {d.dataset_id: d for d in evidence.datasets}
    artefact = Advisor().artefact
    figures = load_figures()
    found = {}
    for run in evidence.runs:
        diagnosis = diagnose(run, epochs.get(run.run_id, []), figures=figures)
        found.setdefault(diagnosis.verdict, run)
    assert {rule.name for rule in RULES} | {NOTHING_WRONG} <= set(found)
    run = found["underfitting"]
    predicted = diagnose(
        run, epochs[run.run_id], figures=backed(), artefact=artefact, dataset=datasets[run.dataset_id]
    ).advice.predicted
    assert all(0 <= value <= 100 for value in predicted)


def test_the_figures_are_of_the_evidence_that_ships():
    figures, manifest = load_figures(), load_evidence().manifest
    assert figures["sha256"] == {name: manifest["sha256"][name] for name in figures["sha256"]}
    assert [entry["rule"] for entry in figures["rules"]] == [rule.name for rule in RULES]
    for entry in figures["rules"]:
        required = figures["required"]
        enough = entry["pairs"] >= required["pairs"]
        good = enough and entry["wins"] >= required["wins"] and entry["gain"][1] >= required["gain"]
        assert entry["holds"] == good


@pytest.mark.parametrize(("without", "said"), [(0.79, True), (0.76, True), (0.6, False), (None, False)])
def test_advice_that_helps_without_the_finding_too_says_so(without, said):
    figures = backed()
    for entry in figures["rules"]:
        entry["wins_without_the_symptom"] = without
    run, epochs = CASES["too slow"]
    words = diagnose(run, epochs, figures=figures).advice.expectation
    assert "80%" in words
    assert ("it tends to help anyway" in words) == said
