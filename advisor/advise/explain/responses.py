"""How the expected outcome responds to each of the hyperparameters on one dataset, the others staying as advised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from advisor.advise.search.bounds import Bounds
from advisor.advise.search.candidates import even_cover
from advisor.advise.search.predictor import Predict
from advisor.learn.metamodel import MetaModel
from advisor.learn.nearby_lr import at_nearby_lr, average_nearby
from advisor.learn.own_runs import posterior_scale
from advisor.learn.table import Floats
from advisor.learn.targets import regret_scale
from advisor.space.configuration import Configuration
from advisor.space.hyperparameters import HYPERPARAMETERS, format_number, two_figures

ToMatrix = Callable[[Mapping[str, Floats]], Floats]
"""From columns of the hyperparameters to the features of the meta-model."""

_FAR = 6
"""Factors of two around the advised learning rate that are looked at."""


@dataclass(frozen=True)
class Point:
    """One value: points of top-1 above (below, if negative) the advice, and the spread between the members."""

    value: float
    points: float
    spread: float


@dataclass(frozen=True)
class Response:
    """The response to one of the hyperparameters.

    Attributes
    ----------
    name : str
        Which of the hyperparameters.
    advised : float
        The advised value; its points are 0.
    points : tuple of Point
        By rising value, the advised one among them.
    sweet_spot : (low, high)
        Where the expected accuracy stays within the noise of the best value.
    open_low, open_high : bool
        Whether the sweet spot ends only where the recorded values, or the limits, end.
    words : str
        What the curve says.
    """

    name: str
    advised: float
    points: tuple[Point, ...]
    sweet_spot: tuple[float, float]
    open_low: bool
    open_high: bool
    words: str

    def at(self, value: float) -> Point:
        """Return the point nearest to a value."""
        return min(self.points, key=lambda point: abs(point.value - value))


def respond(
    model: MetaModel,
    to_matrix: ToMatrix,
    bounds: Bounds,
    advised: Configuration,
    *,
    noise: float,
    conditioned: Predict | None = None,
) -> tuple[Response, ...]:
    """Return the response to each of the hyperparameters.

    Parameters
    ----------
    model : MetaModel
        The fitted model; the spread is the standard deviation between its members, each fitted to other sources.
    to_matrix : callable
        From columns of the hyperparameters to features, in the context that is asked about.
    bounds : mapping of str to (low, high)
        What the evidence covers, cut to the limits.
    advised : Configuration
        The advice.
    noise : float
        Points by which equal runs with other seeds differ: less than that is no difference.
    conditioned : callable, optional
        Predictions given own runs, where there are any: the curves are then theirs. What the members disagree on
        is shown only as far as those runs leave it open.
    """
    scale = regret_scale if conditioned is None else posterior_scale
    unit = scale(model.predict(to_matrix(even_cover(bounds))).top1)
    responses = []
    for name in HYPERPARAMETERS:
        values = _grid(name, bounds[name], getattr(advised, name))
        columns = {n: np.full(len(values), float(value)) for n, value in advised.as_dict().items()}
        columns[name] = values
        regret = average_nearby(model.predict_regret(to_matrix(at_nearby_lr(columns))))
        here = int(np.flatnonzero(values == getattr(advised, name))[0])
        gains = -(regret - regret[:, [here]]) * unit
        means, spreads = gains.mean(axis=0), gains.std(axis=0)
        if conditioned is not None:
            top1, left_open = _expected_after(conditioned, columns)
            means, spreads = top1 - top1[here], np.minimum(spreads, left_open * unit)
        points = tuple(
            Point(float(value), round(float(mean), 2), round(float(spread), 2))
            for value, mean, spread in zip(values, means, spreads, strict=True)
        )
        responses.append(_response(name, float(getattr(advised, name)), points, noise))
    return tuple(responses)


def _expected_after(conditioned: Predict, columns: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """Return the accuracy expected after own runs, averaged over nearby learning rates, and what they leave open.

    The accuracy, as it ends at 100 %: after a good run hardly anything is left to gain.
    """
    near = conditioned(at_nearby_lr(columns))
    return average_nearby(near.top1), average_nearby(near.spread)


def _grid(name: str, bound: tuple[float, float], advised: float) -> Floats:
    low, high = bound
    if name == "lr":
        values = np.array([two_figures(v) for v in advised * 2.0 ** np.arange(-_FAR, _FAR + 0.5, 0.5)])
    elif name == "batch_size":
        values = 2.0 ** np.arange(0, 17)
    elif name == "epochs":
        values = np.unique(np.round(np.geomspace(1, 2000, 34)))
    elif name == "dropout":
        values = np.round(np.arange(0, 1, 0.1), 1)
    else:
        values = np.array([0, 1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1])
    inside = values[(values >= low * 0.999) & (values <= high * 1.001)]
    # The advised value itself, exactly, instead of one that differs from it by rounding only.
    apart = inside[np.abs(inside - advised) > 1e-6 * max(abs(advised), 1e-9)]
    return np.sort(np.append(apart, advised))


def _response(name: str, advised: float, points: tuple[Point, ...], noise: float) -> Response:
    accuracy = np.array([point.points for point in points])
    best = int(accuracy.argmax())
    low = high = best
    while low > 0 and accuracy[low - 1] >= accuracy[best] - noise:
        low -= 1
    while high < len(points) - 1 and accuracy[high + 1] >= accuracy[best] - noise:
        high += 1
    spot = (points[low].value, points[high].value)
    open_low, open_high = low == 0, high == len(points) - 1
    words = _words(name, points, (low, best, high), noise)
    return Response(name, advised, points, spot, open_low, open_high, words)


_TOO_LOW = {"lr": "lower is too slow", "batch_size": "smaller is too noisy", "epochs": "fewer leave accuracy behind"}
_TOO_HIGH = {
    "lr": "higher is too much to descend",
    "batch_size": "larger makes too few steps",
    "epochs": "more do harm",
    "dropout": "more holds the model back",
    "weight_decay": "more holds the model back",
}


def _words(name: str, points: tuple[Point, ...], where: tuple[int, int, int], noise: float) -> str:
    low, best, high = where
    last = len(points) - 1
    if low == 0 and high == last:
        most = points[best].points - min(point.points for point in points)
        return f"makes no difference above the noise of {noise:.1f} points here (at most {most:.1f})"
    parts = [_spot(name, points, low, high)]
    if name not in _TOO_LOW:
        gained = points[best].points - points[0].points
        unsure = ", though the members disagree" if points[0].spread > gained else ""
        parts.append(f"it buys {gained:.1f} points against none{unsure}" if low > 0 else "it buys nothing here")
    elif low > 0:
        parts.append(f"{_TOO_LOW[name]}: {_cost(points, 0, best)}")
    if high < last:
        parts.append(f"{_TOO_HIGH[name]}: {_cost(points, last, best)}")
    return "; ".join(parts)


def _spot(name: str, points: tuple[Point, ...], low: int, high: int) -> str:
    first, last = format_number(points[low].value), format_number(points[high].value)
    if name == "epochs" and high == len(points) - 1:
        if low == high:
            return f"still paying at {last}, the most that is allowed or was recorded"
        return f"they stop paying at {first}: what more of them add is within the noise"
    if first == last:
        return f"sweet spot at {first}"
    return f"sweet spot {first} to {last}"


def _cost(points: tuple[Point, ...], at: int, best: int) -> str:
    lost = points[best].points - points[at].points
    unsure = ", though the members disagree" if points[at].spread > lost else ""
    return f"{format_number(points[at].value)} loses {lost:.1f} points{unsure}"
