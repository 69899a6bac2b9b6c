"""Recorded cases that tunings are replayed on: configurations with curves, forecast by models that never saw them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from advisor.describe.model import model_features
from advisor.learn.curve_model import CurveModel
from advisor.learn.curves import Curve, curve_of
from advisor.learn.table import Floats, build_table, case_of
from advisor.records.evidence import Evidence, load_evidence, load_fine_tuning
from advisor.records.schema import Epoch, Pretraining, Run
from advisor.space.hyperparameters import HYPERPARAMETERS
from advisor.tuning.outlook import WIDTH
from research.ablations.forecasts import Forecast, forecast
from research.curve_model.fitting import FOLDS, fit_curve_model, folds
from research.curve_model.rows import build_rows

LEVELS = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class RecordedCase:
    """The configurations of a case that were trained for the most epochs.

    Attributes
    ----------
    name, group : str
        What it is, and the source of its images, which nothing that decides has seen.
    epochs : int
        Of every configuration.
    hparams : mapping of str to ndarray of shape (m,)
        The configurations.
    short : ndarray of shape (m,)
        Points that the meta-model expects each to fall short.
    curves : ndarray of shape (m, epochs)
        Accuracy after every epoch of the first run of each; chance from where it came apart.
    expected, doubt : ndarray of shape (m, epochs)
        Where the curve model sees it end after every epoch, and a standard deviation; 0 after the last.
    value : ndarray of shape (m,)
        Score of each, the mean over its seeds: what it is worth.
    best, median, noise, unit : float
        The scale of regret, points between seeds, and the scale of the meta-model's errors.
    large : bool
        Whether at least 64 random configurations were recorded.
    start : Pretraining
        What training starts from.
    """

    name: str
    group: str
    epochs: int
    hparams: Mapping[str, Floats]
    short: Floats
    curves: Floats
    expected: Floats
    doubt: Floats
    value: Floats
    best: float
    median: float
    noise: float
    unit: float
    large: bool
    start: Pretraining

    def regret(self, value: float) -> float:
        """Return 0 for the best known, 1 for a typical random choice."""
        return (self.best - value) / (self.best - self.median)


_LARGE = 64


def recorded_cases() -> list[RecordedCase]:
    """Return every recorded case with more to choose than noise."""
    evidence = load_evidence(), load_fine_tuning()
    models = _curve_models(evidence)
    found = []
    for part, pretraining in zip(evidence, (Pretraining.NONE, Pretraining.IMAGENET), strict=True):
        table = build_table(part.runs, part.datasets, model_features)
        epochs: dict[str, list[Epoch]] = defaultdict(list)
        for epoch in part.epochs:
            epochs[epoch.run_id].append(epoch)
        runs: dict[object, Run] = {}
        for run in part.runs:
            if run.dataset_id and run.model and run.opt:
                runs.setdefault((case_of(run), *(float(getattr(run, name)) for name in HYPERPARAMETERS)), run)
        for one in forecast(table, pretraining):
            if one.pool.is_clear(one.noise):
                found.append(_case(one, runs, epochs, models[one.pool.group], pretraining))
    return found


def _curve_models(evidence: Sequence[Evidence]) -> dict[str, CurveModel]:
    """Return for every source a curve model that has not seen it."""
    rows = build_rows(evidence)
    found: dict[str, CurveModel] = {}
    for part in folds(rows.source, FOLDS):
        model = fit_curve_model(rows.take(~part))
        found |= dict.fromkeys(np.unique(rows.source[part]).tolist(), model)
    return found


def _case(
    one: Forecast,
    runs: Mapping[object, Run],
    epochs: Mapping[str, list[Epoch]],
    model: CurveModel,
    pretraining: Pretraining,
) -> RecordedCase:
    pool = one.pool
    most = pool.max_epochs
    at = np.flatnonzero(pool.hparams["epochs"] == most)
    curves, expected, doubt = (np.zeros((len(at), most)) for _ in range(3))
    parts: list[Curve] = []
    where: list[tuple[int, int]] = []
    for i, row in enumerate(at):
        key = (pool.case, *(float(pool.hparams[name][row]) for name in HYPERPARAMETERS))
        run = runs[key]
        chance = 100.0 / (run.n_classes or 2)
        top1 = [e.eval_top1 if e.eval_top1 is not None else np.nan for e in epochs[run.run_id]]
        curves[i] = [*top1, *[chance] * (most - len(top1))][:most]
        curves[i, -1] = chance if run.final_metric is None or run.status.value == "DIVERGED" else run.final_metric
        expected[i, :] = curves[i]
        for done in range(1, most):
            curve = curve_of(run, epochs[run.run_id][:done]) if done <= len(top1) else None
            if curve is not None and np.isfinite(curve.last):
                parts.append(curve)
                where.append((i, done - 1))
    low, middle, high = model.quantiles(parts, LEVELS).T
    for (i, j), a, b, c in zip(where, low, middle, high, strict=True):
        expected[i, j], doubt[i, j] = b, max((c - a) / WIDTH, 1e-3)
    return RecordedCase(
        name=" ".join(map(str, pool.case)),
        group=pool.group,
        epochs=most,
        hparams={name: pool.hparams[name][at] for name in HYPERPARAMETERS},
        short=one.short[at],
        curves=np.nan_to_num(curves, nan=0.0),
        expected=expected,
        doubt=doubt,
        value=pool.score[at],
        best=pool.best,
        median=pool.median,
        noise=one.noise,
        unit=one.scale,
        large=bool(pool.random.sum() >= _LARGE),
        start=pretraining,
    )
