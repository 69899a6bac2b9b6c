"""Fits the response model: penalised likelihood by L-BFGS, the penalty chosen by leaving datasets out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.learn.response import CLIPS, PARTS, Coefficients, decay_features, features, part_names
from advisor.learn.table import Floats
from research.response_model.runs import PublicRuns

N_DRAWS = 30
RIDGES = (2.0, 4.0, 8.0, 16.0, 32.0)
"""Penalties on the squared move of the optimum away from the recipes', among which leaving datasets out chooses."""
_RIDGE: Mapping[str, float] = {"below": 3.0, "above": 3.0, "level": 0.3, "decay": 1.0, "model": 0.5}
"""How strongly the coefficients of the other parts are pulled to where they start."""
MOSTLY_FROZEN, MOSTLY_FROZEN_WEIGHT = 0.59, 0.3
"""Runs that train a smaller share of the layers count so much: advice is for whole networks."""
_CURVATURE = -1.0
"""Where the logarithm of both curvatures starts: e^-1 of a logit a squared decade."""
_DECAY = -2.0


@dataclass(frozen=True)
class Design:
    """The runs as matrices.

    Attributes
    ----------
    parts : dict of str to ndarray of shape (n, d)
        Features by part; ``decay`` and ``model`` (indicators) too.
    distance : ndarray of shape (n,)
        Decades from the recipes' learning rate to that of the run.
    target : ndarray of shape (n,)
        Relative accuracy.
    """

    parts: Mapping[str, Floats]
    distance: Floats
    target: Floats


def design(runs: PublicRuns) -> Design:
    """Return the runs as matrices."""
    names = part_names()
    found = [features(case) for case in runs.cases]
    parts = {part: np.array([[f[part][name] for name in names[part]] for f in found]) for part in PARTS}
    decays = [decay_features(wd, case.opt) for wd, case in zip(runs.weight_decay, runs.cases, strict=True)]
    parts["decay"] = np.array([[d[name] for name in names["decay"]] for d in decays])
    parts["model"] = np.asarray(runs.model[:, None] == np.unique(runs.model), dtype=np.float64)
    return Design(
        parts=parts,
        distance=np.log10(np.clip(runs.lr, *CLIPS["lr"])) - np.log10(runs.of("recipe_lr")),
        target=np.clip(runs.accuracy, 0.0, 1.0),
    )


_ORDER = (*PARTS, "decay", "model")


def _start(data: Design) -> dict[str, Floats]:
    start = {part: np.zeros(data.parts[part].shape[1]) for part in _ORDER}
    for side in ("below", "above"):
        start[side][0] = _CURVATURE
    start["decay"][:] = _DECAY
    return start


def _row(parts: Mapping[str, Floats]) -> Floats:
    return np.concatenate([parts[part] for part in _ORDER])


def fit(
    data: Design, weights: Floats, ridge: float, start: Floats | None = None, centre: Floats | None = None
) -> Floats:
    """Return all coefficients in a row, those of the models last.

    Parameters
    ----------
    data : Design
        The runs.
    weights : ndarray of shape (n,)
        How often each counts.
    ridge : float
        Penalty on the move of the optimum, one of ``RIDGES``.
    start : ndarray, optional
        Coefficients to begin at.
    centre : ndarray, optional
        Coefficients that the penalty pulls to; by default those of the recipes.
    """
    from scipy.optimize import minimize

    centre_parts = _start(data)
    centre = _row(centre_parts) if centre is None else centre
    strength = {**_RIDGE, "optimum": ridge}
    penalty = np.concatenate([np.full(len(centre_parts[part]), strength[part]) for part in _ORDER])
    rows = weights > 0
    parts = {part: matrix[rows] for part, matrix in data.parts.items()}
    distance, target, weight = data.distance[rows], data.target[rows], weights[rows]
    ends = np.cumsum([len(centre_parts[part]) for part in _ORDER])[:-1]

    def loss(row: Floats) -> tuple[float, Floats]:
        at = dict(zip(_ORDER, np.split(row, ends), strict=True))
        away = distance - parts["optimum"] @ at["optimum"]
        under, over = np.minimum(away, 0), np.maximum(away, 0)
        steep = {side: np.exp(np.clip(parts[side] @ at[side], -8, 8)) for side in ("below", "above")}
        cost = np.exp(at["decay"])
        eta = parts["level"] @ at["level"] + parts["model"] @ at["model"]
        eta = eta - steep["below"] * under**2 - steep["above"] * over**2 - parts["decay"] @ cost
        # Cross-entropy of a share, written so that nothing overflows.
        value = weight @ (np.logaddexp(0, eta) - target * eta)
        slope = weight * (1 / (1 + np.exp(-np.clip(eta, -500, 500))) - target)
        gradient = {
            "optimum": parts["optimum"].T @ (slope * 2 * (steep["below"] * under + steep["above"] * over)),
            "below": -parts["below"].T @ (slope * steep["below"] * under**2),
            "above": -parts["above"].T @ (slope * steep["above"] * over**2),
            "level": parts["level"].T @ slope,
            "decay": -(parts["decay"].T @ slope) * cost,
            "model": parts["model"].T @ slope,
        }
        off = row - centre
        return float(value + penalty @ off**2 / 2), np.concatenate([gradient[p] for p in _ORDER]) + penalty * off

    found = minimize(loss, centre if start is None else start, jac=True, method="L-BFGS-B", options={"maxiter": 400})
    return np.asarray(found.x)


def coefficients(row: Floats) -> Coefficients:
    """Return the coefficients of a row; what single models are better or worse is left out."""
    names, found, start = part_names(), {}, 0
    for part in (*PARTS, "decay"):
        found[part] = row[start : start + len(names[part])]
        start += len(names[part])
    return Coefficients(**found)


def predicted(data: Design, row: Floats) -> Floats:
    """Return the logit that coefficients give to each run of a design."""
    c = coefficients(row)
    models = row[len(row) - data.parts["model"].shape[1] :]
    level = data.parts["level"] @ c.level + data.parts["model"] @ models
    return np.asarray(level + curve(data, c) - data.parts["decay"] @ np.exp(c.decay))


def curve(data: Design, c: Coefficients) -> Floats:
    """Return what the learning rate alone does to the logit of each run, at most 0."""
    away = data.distance - data.parts["optimum"] @ c.optimum
    steep = np.where(away > 0, np.exp(data.parts["above"] @ c.above), np.exp(data.parts["below"] @ c.below))
    return np.asarray(-steep * away**2)


def weights_of(runs: PublicRuns) -> Floats:
    """Return how much each run counts."""
    return np.where(runs.of("share_trained") < MOSTLY_FROZEN, MOSTLY_FROZEN_WEIGHT, 1.0)


@dataclass(frozen=True)
class Fits:
    """What was fitted with one penalty.

    Attributes
    ----------
    ridge : float
        The penalty.
    whole : ndarray
        Coefficients fitted to all runs.
    without : dict of str to ndarray
        Coefficients fitted without each dataset, by its name.
    error : float
        Mean over datasets of the cross-entropy of each by the fit without it.
    """

    ridge: float
    whole: Floats
    without: Mapping[str, Floats]
    error: float


def leave_datasets_out(data: Design, dataset: NDArray[np.str_], weights: Floats, ridge: float) -> Fits:
    """Return the coefficients fitted without each dataset in turn, and how they did on it."""
    whole = fit(data, weights, ridge)
    without = {str(name): fit(data, weights * (dataset != name), ridge, whole) for name in np.unique(dataset)}
    return Fits(ridge, whole, without, mean_error(data, dataset, without, weights))


def mean_error(data: Design, dataset: NDArray[np.str_], without: Mapping[str, Floats], weights: Floats) -> float:
    """Return the mean over datasets of the weighted cross-entropy of each by the fit without it."""
    errors = []
    for name, row in without.items():
        out = dataset == name
        eta, target = predicted(data, row)[out], data.target[out]
        errors.append(np.average(np.logaddexp(0, eta) - target * eta, weights=weights[out]))
    return float(np.mean(errors))


def bootstrap(
    data: Design, dataset: NDArray[np.str_], weights: Floats, ridge: float, start: Floats, n: int = N_DRAWS
) -> list[Coefficients]:
    """Return coefficients fitted to datasets drawn with replacement.

    What the penalty pulls to is drawn too, with the variance that the penalty stands for. With one centre for all draws
    a strong penalty would pass for certainty.
    """
    rng, names = np.random.default_rng(0), np.unique(dataset)
    draws = []
    for _ in range(n):
        drawn, times = np.unique(rng.choice(names, len(names)), return_counts=True)
        often = dict(zip(drawn, times, strict=True))
        centre = _start(data)
        centre["optimum"] = rng.normal(0, ridge**-0.5, len(centre["optimum"]))
        counted = weights * [often.get(name, 0) for name in dataset]
        draws.append(coefficients(fit(data, counted, ridge, start, _row(centre))))
    return draws
