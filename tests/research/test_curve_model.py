from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advisor.learn.curve_model import CurveModel
from advisor.learn.curves import COLUMNS, Curve
from advisor.records.evidence import EPOCHS, RUNS, load_evidence
from advisor.records.schema import Run
from research.curve_model.__main__ import provenance
from research.curve_model.candidates import CANDIDATES, extrapolate
from research.curve_model.fitting import LEVELS, UNTIL, fit_curve_model, folds
from research.curve_model.judging import (
    HIGH,
    LOW,
    MIDDLE,
    SURE,
    coming_apart,
    figures,
    forecasts,
    given_up,
    near_chance,
    subsets,
)
from research.curve_model.judging import LEVELS as JUDGED
from research.curve_model.page import write_page
from research.curve_model.rows import Rows, accuracies_alone, build_rows

SHIPPED = Path(__file__).parents[2] / "meta_data" / "curves"
SOURCES, RUNS_A_SOURCE = 10, 30


@pytest.fixture(scope="module")
def evidence():
    """Some runs of each of ten sources, those that stopped early among them."""
    whole = load_evidence()
    source_of = {dataset.dataset_id: dataset.group for dataset in whole.datasets}
    by_source: dict[str, list[Run]] = {}
    for run in whole.runs:
        by_source.setdefault(source_of[str(run.dataset_id)], []).append(run)
    chosen = []
    for name in sorted(by_source)[:SOURCES]:
        stopped = [run for run in by_source[name] if 0 < run.epochs_done < (run.epochs or 0)]
        chosen += [*stopped[:2], *by_source[name][:: len(by_source[name]) // RUNS_A_SOURCE]]
    return replace(whole, runs=tuple(chosen))


@pytest.fixture(scope="module")
def rows(evidence):
    return build_rows([evidence])


def test_runs_are_cut_before_their_end(rows):
    assert all(0 < curve.done < curve.planned for curve in rows.curves)
    assert set(rows.cut) == {0.2, 0.4, 0.6, 0.8}
    np.testing.assert_array_equal(rows.last, [curve.top1[-1] for curve in rows.curves])


def test_a_run_that_stopped_early_ended_at_chance(evidence):
    stopped = [run for run in evidence.runs if 0 < run.epochs_done < (run.epochs or 0)]
    of_stopped = build_rows([replace(evidence, runs=tuple(stopped))])
    assert len(of_stopped)
    np.testing.assert_allclose(of_stopped.final, of_stopped.chance)


def test_some_rows_are_fitted_to_without_what_a_run_may_not_tell(rows):
    hidden = np.isnan(rows.x_hidden) & ~np.isnan(rows.x)
    assert 0.02 < hidden.mean() < 0.3
    last = COLUMNS.index("last")
    np.testing.assert_array_equal(rows.x_hidden[:, last], rows.x[:, last])


def test_a_source_is_left_out_whole(rows):
    parts = list(folds(rows.source, 4))
    np.testing.assert_array_equal(np.sum(parts, axis=0), 1)
    for part in parts:
        assert not set(rows.source[part]) & set(rows.source[~part])


def test_the_same_rows_give_the_same_model(rows, tmp_path):
    for name in ("one", "other"):
        fit_curve_model(rows).save(tmp_path / name)
    for name in ("gain.txt", "error.txt", "manifest.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    assert CurveModel.load(tmp_path / "one").errors.shape == (len(UNTIL) + 1, len(LEVELS))


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_is_calibrated_on_sources_left_out(rows, name):
    (found,) = forecasts(rows, CANDIDATES[name], rows)
    assert (np.diff(found, axis=1) >= 0).all()
    held = figures(rows, found, np.ones(len(rows), dtype=bool)).held
    assert 0.6 < held < 0.95


def test_an_exponential_is_found_again():
    def at(epoch):
        return 80 - 60 * np.exp(-3 * epoch / 20)

    curve = at(np.arange(1, 11))
    assert extrapolate(np.array([curve]), 20)[0] == pytest.approx(at(20), abs=3)
    assert extrapolate(np.array([[33.0]]), 20)[0] == 33


def invented(final, case, source="a"):
    """Rows of runs of five planned epochs after the first."""
    n = len(final)
    curves = [Curve(planned=5, top1=np.array([50.0]), n_classes=10) for _ in range(n)]
    return Rows(
        curves=curves,
        x=np.array([curve.features() for curve in curves]),
        x_hidden=np.array([curve.features() for curve in curves]),
        last=np.full(n, 50.0),
        chance=np.full(n, 10.0),
        final=np.array(final, dtype=float),
        source=np.full(n, source),
        cell=np.full(n, f"{source} none"),
        case=np.array(case),
        run=np.arange(n),
        cut=np.full(n, 0.2),
    )


def forecast_of(middle, spread=1.0):
    found = np.zeros((len(middle), len(JUDGED)))
    for at, distance in ((LOW, -spread), (MIDDLE, 0), (HIGH, spread), (SURE, 2 * spread)):
        found[:, at] = np.array(middle) + distance
    return found


def test_figures_are_what_they_say():
    rows = invented([90, 80, 70, 60], [0, 0, 1, 1])
    everything = np.ones(4, dtype=bool)
    found = figures(rows, forecast_of([90, 80, 60, 70]), everything)
    assert found.pairs == 0.5  # the first case told, the second the wrong way round
    assert (found.off, found.width, found.held) == (5, 2, 0.5)
    assert found.score == 2 + 10 * 9 / 2


def test_a_tie_is_half_told_and_equal_ends_are_no_pair():
    everything = np.ones(3, dtype=bool)
    assert figures(invented([90, 80, 80.5], [0, 0, 0]), forecast_of([50, 50, 50]), everything).pairs == 0.5


def test_giving_up_is_judged_by_the_best_of_others():
    rows = invented([90, 60, 60, 60, 60], [0] * 5)
    everything = np.ones(5, dtype=bool)
    found = given_up(rows, forecast_of(rows.final), everything)
    assert (found.runs, found.worse, found.told, found.wrong) == (5, 0.8, 1.0, 0.0)
    wrong = given_up(rows, forecast_of([0, 95, 95, 95, 95]), everything)
    assert (wrong.told, wrong.wrong) == (0.0, 1.0)


def test_signs_of_coming_apart_are_those_of_the_command(rows):
    found = coming_apart(rows)
    assert 0 < found.mean() < 0.2
    assert near_chance(rows)[found].mean() > near_chance(rows)[~found].mean()


def test_the_page_holds_every_candidate(rows):
    found = {name: np.zeros((len(rows), len(JUDGED))) for name in CANDIDATES}
    page = write_page(rows, fit_curve_model(rows), found, np.zeros((len(rows), len(JUDGED))))
    assert all(name in page for name in CANDIDATES)
    assert "nan" not in page


def test_unknown_fields_are_hidden(rows):
    alone = accuracies_alone(rows)
    known = ~np.isnan(alone.x).all(axis=0)
    assert "last" in np.array(COLUMNS)[known]
    assert not {"log_lr", "loss", "eval_loss", "log_n_train"} & set(np.array(COLUMNS)[known])


def test_what_ships_was_fitted_to_the_shipped_curves_and_its_intervals_hold():
    shipped, evidence = CurveModel.load(SHIPPED), load_evidence()
    checksums = {name: evidence.manifest["sha256"][name] for name in (RUNS, EPOCHS)}
    assert shipped.provenance["sha256"][0] == checksums, "make -C research curves"
    assert 0.75 <= shipped.provenance["judged"]["all"]["held"] <= 0.85


def test_provenance_says_how_forecasts_did(evidence, rows):
    (found,) = forecasts(rows, CANDIDATES["the last accuracy"], rows)
    judged = provenance((evidence,), rows, found)["judged"]
    assert judged.keys() == subsets(rows, 0.2).keys()
