"""Explanations of advice learned from an invented surface whose optimum and shape are known."""

import json
from dataclasses import replace

import pytest
from rich.console import Console

from advisor.advise.explain.contributions import contributions
from advisor.advise.explain.explanation import OWN_RUNS, explain
from advisor.advise.explain.responses import Point, _response
from advisor.advise.output.explanation_text import ExplanationText
from advisor.advise.pipeline import answer
from advisor.advise.prepare import RunList, prepare
from advisor.advise.request import make_request
from advisor.api import Advisor
from advisor.cli.terminal.output import to_plain
from advisor.space.hyperparameters import HYPERPARAMETERS


def prepared(artefact, dataset, own_runs=(), **changes):
    asked = {"model": "test_resnet", "opt": "adamw", "pretrained": False, "img_size": 32, "prefer": "accuracy"}
    return prepare(artefact, make_request(**{**asked, **changes}), dataset, RunList(own_runs))


@pytest.fixture(scope="module")
def evidence(records):
    return records(n_groups=8)


@pytest.fixture(scope="module")
def artefact(fitted, evidence):
    return fitted(*evidence)


@pytest.fixture(scope="module")
def explanation(artefact, evidence):
    return explain(artefact, prepared(artefact, evidence[1][3]))


def test_there_is_a_response_to_each_hyperparameter_around_the_advice(explanation):
    assert [r.name for r in explanation.responses] == list(HYPERPARAMETERS)
    for response in explanation.responses:
        assert response.advised == getattr(explanation.suggestion.best, response.name)
        assert response.at(response.advised) == Point(response.advised, 0.0, 0.0)
        values = [point.value for point in response.points]
        assert values == sorted(set(values))
        low, high = response.sweet_spot
        assert low in values
        assert high in values
        assert any(point.spread > 0 for point in response.points)
        assert response.words


def test_the_known_shape_is_found(best_lr, explanation):
    lr, _, epochs, dropout, _ = explanation.responses
    assert lr.sweet_spot[0] <= 2 * best_lr
    assert lr.sweet_spot[1] >= best_lr / 2
    assert lr.points[0].points < -5
    assert "too slow" in lr.words
    assert "too much to descend" in lr.words
    assert epochs.points[0].points < -1
    assert dropout.sweet_spot[0] == 0
    assert "buys nothing" in dropout.words


def test_contributions_add_up_to_the_expectation(explanation):
    found = explanation.contributions
    assert found.start + sum(part.points for part in found.parts) == pytest.approx(found.expected, abs=0.2)
    assert found.expected == pytest.approx(explanation.suggestion.best.expected.top1, abs=0.6)
    assert [abs(p.points) for p in found.parts] == sorted((abs(p.points) for p in found.parts), reverse=True)


def test_own_runs_are_used_as_the_advice_uses_them(artefact, evidence, explanation):
    dataset, advised = evidence[1][3], explanation.suggestion.best
    worse = replace(
        evidence[0][0], run_id="own", dataset_id=dataset.dataset_id, model="test_resnet", final_metric=20.0,
        **advised.configuration.as_dict(),
    )  # fmt: skip
    own = [worse, replace(worse, run_id="own better", lr=advised.lr / 4, final_metric=70.0)]
    rest = {name: value for name, value in advised.configuration.as_dict().items() if name != "lr"}
    asked = prepared(artefact, dataset, own, fix=rest)
    found = explain(artefact, asked)
    assert found.suggestion.best == answer(artefact, asked).best

    lr = found.responses[0]
    assert lr.advised == found.suggestion.best.lr < advised.lr
    assert lr.at(advised.lr).points < -5
    assert lr.sweet_spot[1] < advised.lr
    assert explanation.responses[0].sweet_spot[1] >= advised.lr

    made_of = found.contributions
    assert made_of.start + sum(part.points for part in made_of.parts) == pytest.approx(made_of.expected, abs=0.2)
    assert made_of.expected == pytest.approx(found.suggestion.best.expected.top1, abs=0.1)
    assert OWN_RUNS in [part.what for part in made_of.parts]
    assert OWN_RUNS not in [part.what for part in explanation.contributions.parts]


def test_after_a_good_own_run_no_curve_promises_more_than_there_is(artefact, evidence, explanation):
    dataset, advised = evidence[1][3], explanation.suggestion.best
    early = replace(advised.configuration, epochs=2)
    good = replace(
        evidence[0][0], run_id="own", dataset_id=dataset.dataset_id, model="test_resnet", final_metric=99.0,
        **early.as_dict(),
    )  # fmt: skip
    found = explain(artefact, prepared(artefact, dataset, [good]))
    assert found.suggestion.best.epochs == 2
    assert max(point.points for response in found.responses for point in response.points) <= 2.5
    without = {response.name: response for response in explanation.responses}["epochs"]
    assert without.at(2).points < -2.5


def test_every_feature_of_the_shipped_meta_model_belongs_to_a_group(records, table_of):
    artefact = Advisor().artefact
    runs, datasets = records(n_groups=2, runs_per_case=4)
    table = table_of(runs, datasets)
    row = [[table.x[0, table.columns.index(c)] if c in table.columns else 0.0 for c in artefact.model.columns_]]
    named = {part.what for part in contributions(artefact.model, row).parts}
    assert {"the size and kind of the model", "how many images and classes there are"} <= named


def test_without_a_say_there_are_no_curves_and_it_is_said(artefact, evidence):
    silent = explain(artefact, prepared(artefact, evidence[1][3], opt="lion"))
    assert silent.responses == ()
    assert silent.contributions is None
    assert "not supported" in silent.no_response
    assert "no recorded runs" in silent.no_response
    assert silent.neighbours


def test_a_fixed_value_is_shown_beside_its_alternatives(artefact, evidence):
    found = explain(artefact, prepared(artefact, evidence[1][3], fix={"lr": 1e-4}, max_epochs=10))
    lr, _, epochs, _, _ = found.responses
    assert lr.advised == 1e-4
    assert max(point.points for point in lr.points) > 1
    assert epochs.points[-1].value <= 10


def test_a_flat_response_is_called_one():
    points = tuple(Point(value, points, 0.1) for value, points in ((0.0, 0.2), (0.1, 0.0), (0.2, -0.3)))
    response = _response("dropout", 0.1, points, noise=1.0)
    assert "no difference above the noise" in response.words
    assert response.open_low
    assert response.open_high


@pytest.mark.parametrize(
    ("name", "levels", "words"),
    [
        ("epochs", [-9.0, -4.0, 0.0], "still paying at 40"),
        ("epochs", [-9.0, 0.0, 0.1], "stop paying at 10"),
        ("weight_decay", [-3.0, 0.0, -4.0], "buys 3.0 points against none; more holds"),
        ("batch_size", [0.0, -0.5, -6.0], "larger makes too few steps: 40 loses 6.0"),
    ],
)
def test_words_say_where_it_pays(name, levels, words):
    points = tuple(Point(value, level, 0.5) for value, level in zip((5.0, 10.0, 40.0), levels, strict=True))
    assert words in _response(name, 10.0, points, noise=1.0).words


def test_the_document_is_json(explanation):
    document = json.loads(json.dumps(to_plain(explanation.to_document())))
    assert document["schema"] == "advisor.explanation/1"
    assert document["suggestion"]["schema"] == "advisor.suggestion/1"
    assert len(document["responses"]) == 5


@pytest.mark.parametrize("width", [50, 80, 160])
def test_the_text_fits_the_terminal(explanation, width):
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(ExplanationText(explanation))
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= width
    plots = [i for i, line in enumerate(lines) if "points of top-1 against" in line]
    words = next(i for i, line in enumerate(lines) if line.startswith("Learning rate:"))
    assert len(plots) == 5
    assert words < plots[0]


def test_noise_of_the_evidence_is_what_counts_as_a_difference(artefact, evidence):
    noisy = replace(artefact, noise=1000.0)
    found = explain(noisy, prepared(noisy, evidence[1][3]))
    assert all("no difference" in response.words for response in found.responses)
