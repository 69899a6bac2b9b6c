"""Conditions expectations on a user's own runs: what was measured on the dataset at hand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from advisor.advise.recipes.published import Published
from advisor.advise.request import Prefer, Request
from advisor.advise.search.bounds import Bounds, allowed_bounds
from advisor.advise.search.candidates import even_cover
from advisor.advise.search.predictor import Hparams, Predict
from advisor.advise.search.search import SearchResult, retries, search
from advisor.learn.metamodel import LEVEL, Prediction
from advisor.learn.own_runs import EXPLORATION_WEIGHT, OwnRunsPosterior, posterior_scale
from advisor.learn.table import Floats
from advisor.learn.usable_runs import is_comparable, is_evidence, score_of
from advisor.records.schema import Dataset, Run
from advisor.space.configuration import Configuration, columns_of, to_unit_scale
from advisor.space.hyperparameters import HYPERPARAMETERS

_MATTERS = np.array([1.0, 0.3, 0.0, 0.1, 0.05])
"""How much each hyperparameter matters to what is published, in their order: the learning rate, less the batch size,
hardly the others. Of the epochs recipes do not say what fewer cost."""
_STAYS = ("epochs", "dropout", "weight_decay")
_POINTS = 10.0
"""Points that a value at the end of a published range is taken to lose: a guess, soon outweighed by own scores."""


def matching_runs(runs: Iterable[Run], request: Request, dataset: Dataset) -> list[Run]:
    """Return the runs of the case that a request is about: its dataset, model, optimizer and kind of weights."""
    return [
        run
        for run in runs
        if run.dataset_id == dataset.dataset_id
        and is_evidence(run)
        and is_comparable(run, dataset)
        and str(run.model).partition(".")[0] == request.model.name
        and (run.opt, run.pretraining) == (request.opt, request.pretraining)
    ]


def configuration_of(run: Run) -> Configuration:
    """Return the hyperparameters that a run was trained with."""
    return Configuration(**{name: getattr(run, name) for name in HYPERPARAMETERS})


@dataclass(frozen=True)
class Observation:
    """What a run was trained with, and its score in percent."""

    configuration: Configuration
    score: float


class ConditionedPrediction:
    """Predictions conditioned on own runs.

    Where runs were measured, and near them, their scores count; elsewhere the meta-model's order holds, on the level
    that the runs showed. What is not known yet is taken to be a little better than expected.

    Parameters
    ----------
    predict : Predict
        The meta-model's predictions.
    own : list of Run
        At least one; see ``matching_runs``.
    bounds : mapping of str to (low, high)
        The box that is searched: the scale of regrets in points is taken from an even cover of it.
    n_classes : int
        Classes of the dataset.
    noise : float
        Points by which equal runs with other seeds differ.

    Attributes
    ----------
    noise : float
        As given.
    """

    def __init__(self, predict: Predict, own: Sequence[Run], bounds: Bounds, n_classes: int, noise: float) -> None:
        self.noise = noise
        self._predict = predict
        self._trained = [Observation(configuration_of(run), score_of(run, n_classes)) for run in own]
        self._unit = posterior_scale(predict(even_cover(bounds)).top1)
        hparams = columns_of([one.configuration for one in self._trained])
        score = np.array([one.score for one in self._trained])
        self._process = OwnRunsPosterior(noise, self._unit).fit(hparams, predict.regret(hparams) * self._unit, score)

    def __call__(self, hparams: Hparams) -> Prediction:
        """Return everything that is expected."""
        regret, mean, deviation = self._moved(hparams)
        half = NormalDist().inv_cdf(0.5 + LEVEL / 2) * np.sqrt(deviation**2 + self.noise**2)
        return Prediction(
            regret=regret,
            spread=deviation / self._unit,
            top1=np.clip(mean, 0, 100),
            low=np.clip(mean - half, 0, 100),
            high=np.clip(mean + half, 0, 100),
        )

    def regret(self, hparams: Hparams) -> Floats:
        """Return the expected regret only."""
        return self._moved(hparams)[0]

    def deviation(self, hparams: Hparams) -> Floats:
        """Return the standard deviation of the expected accuracy, in points."""
        return self._moved(hparams)[2]

    def best_within(self, allowed: Bounds) -> Observation | None:
        """Return the own run with the best score whose hyperparameters are all allowed."""

        def fits(one: Observation) -> bool:
            values = one.configuration.as_dict()
            return all(low <= values[name] <= high for name, (low, high) in allowed.items())

        return max(filter(fits, self._trained), key=lambda one: one.score, default=None)

    def _moved(self, hparams: Hparams) -> tuple[Floats, Floats, Floats]:
        """Return the regret, the expected accuracy and its standard deviation."""
        mean, deviation = self._process.predict(hparams, self._predict.regret(hparams) * self._unit)
        return (self._process.centre_ - mean - EXPLORATION_WEIGHT * deviation) / self._unit, mean, deviation


def search_conditioned(
    conditioned: ConditionedPrediction,
    allowed: Bounds,
    bounds: Bounds,
    *,
    prefer: Prefer,
    top_k: int,
    caution: float = 0.0,
) -> SearchResult:
    """Find the configurations to suggest to someone with own runs.

    The first is that of the best own run again, unless another one is expected to beat what it reached by more than
    equal runs differ, or fewer epochs are preferred: who has a good run is not to lose it. What is promising because it
    is not known yet comes after it.

    Parameters
    ----------
    conditioned : ConditionedPrediction
        What is expected.
    allowed : mapping of str to (low, high)
        What the user's limits allow, beyond the box too: own runs may lie there.
    bounds, prefer, top_k
        See ``search``.
    caution : float
        Standard deviations by which what is expected must exceed the best own run, beside the noise.

    Returns
    -------
    SearchResult
    """
    found = search(conditioned, bounds, prefer=prefer, noise=conditioned.noise, top_k=top_k)
    best = conditioned.best_within(allowed)
    if prefer == "speed" or best is None:
        return found
    expected = conditioned(columns_of(list(found.configurations[:1])))
    sure = expected.top1[0] - caution * conditioned.deviation(columns_of(list(found.configurations[:1])))[0]
    if sure > best.score + conditioned.noise:
        return found
    configurations = tuple(dict.fromkeys([best.configuration, *found.configurations]))[:top_k]
    values = best.configuration.as_dict()
    ranges = {name: (min(low, values[name]), max(high, values[name])) for name, (low, high) in found.ranges.items()}
    return SearchResult(configurations, ranges)


class _AsPublished:
    """What is published, as predictions: the best in the middle, less toward the ends of its ranges, epochs aside."""

    def __init__(self, published: Published, best_score: float) -> None:
        # After a good run little is left to gain, whatever it was trained with.
        self._points = min(_POINTS, (100 - best_score) / 2)
        self._middle = to_unit_scale(columns_of([published.configurations[0]]))
        low, high = ({n: np.array([ends[i]]) for n, ends in published.ranges.items()} for i in (0, 1))
        self._widths = np.maximum((to_unit_scale(high) - to_unit_scale(low)) / 2, 1.0)

    def __call__(self, hparams: Hparams) -> Prediction:
        """Return the regret, and levels that differ by as much."""
        regret = self.regret(hparams)
        level = 100 - self._points * regret
        return Prediction(regret, np.zeros_like(regret), level, level, level)

    def regret(self, hparams: Hparams) -> Floats:
        """Return 0 in the middle, 0.8 at the end of one range and 2 far away, as regrets are clipped."""
        squares = np.square((to_unit_scale(hparams) - self._middle) / self._widths) @ _MATTERS
        return np.asarray(2 * (1 - np.exp(-squares / 2)))


class Mixed:
    """Predictions between two, of which the first states accuracies.

    Parameters
    ----------
    first, second : Predict
        What is mixed.
    share : float
        Of the second, 0 to 1.
    """

    def __init__(self, first: Predict, second: Predict, share: float) -> None:
        self._first, self._second, self._share = first, second, share

    def __call__(self, hparams: Hparams) -> Prediction:
        """Return everything that is expected."""
        return replace(self._first(hparams), regret=self.regret(hparams))

    def regret(self, hparams: Hparams) -> Floats:
        """Return the expected regret only."""
        first, second = self._first.regret(hparams), self._second.regret(hparams)
        return np.asarray((1 - self._share) * first + self._share * second)


@dataclass(frozen=True)
class Conditioned:
    """What is advised to someone with own runs, and what is expected of any values."""

    found: SearchResult
    predict: ConditionedPrediction


def condition(
    own: Sequence[Run],
    learned: Predict | None,
    published: Published | None,
    share: float,
    *,
    box: Bounds | None,
    request: Request,
    dataset: Dataset,
    noise: float,
) -> Conditioned:
    """Find what to suggest to someone with own runs, whatever the advice would rest on without them.

    What was learned and what is published are the prior, by their shares; the runs decide the more, the nearer they
    are. The search may go beyond both: to what was tried, and a factor of two further in learning rate.

    Parameters
    ----------
    own : sequence of Run
        At least one; see ``matching_runs``.
    learned : Predict, optional
        The meta-model in the context of the request.
    published : Published, optional
        What recipes, public runs and the rule advise. At least one of the two is there.
    share : float
        Of what is published, 0 to 1.
    box : mapping of str to (low, high), optional
        What the meta-model's evidence covers.
    request : Request
        What is asked; its limits hold.
    dataset : Dataset
        The described dataset.
    noise : float
        Points by which equal runs with other seeds differ.
    """
    prior: Predict
    if published is None:
        assert learned is not None
        prior = learned
    else:
        prior = _AsPublished(published, max(score_of(run, dataset.n_classes) for run in own))
        prior = prior if learned is None else Mixed(learned, prior, share)
    reach: dict[str, tuple[float, float]] = {}
    for name in HYPERPARAMETERS:
        ends = [*box[name]] if box is not None else []
        if published is not None and (box is None or name not in _STAYS):
            ends += published.ranges[name]
        tried = [float(getattr(run, name)) for run in own]
        if name in _STAYS and learned is None and published is not None:
            # Recipes say nothing of what other values cost, and a handful of runs does not either.
            ends = tried = [getattr(published.configurations[0], name)]
        reach[name] = (min(*tried, *ends), max(*tried, *ends))
    tried = [float(run.lr or 0) for run in own]
    reach["lr"] = (min(reach["lr"][0], min(tried) / 2), max(reach["lr"][1], max(tried) * 2))
    bounds = allowed_bounds(reach, request.limits, dataset.n_train)
    allowed = allowed_bounds(None, request.limits, dataset.n_train)
    predict = ConditionedPrediction(prior, own, bounds, dataset.n_classes, noise)
    # Without the meta-model the prior is a guess: one good run beats it.
    prefer: Prefer = request.prefer if learned is not None else "accuracy"
    caution = 0.0 if learned is not None else 1.0
    found = search_conditioned(predict, allowed, bounds, prefer=prefer, top_k=request.top_k, caution=caution)
    if request.pretrained:
        best = found.configurations[0]
        others = retries(predict, best, bounds, request.top_k - 1)
        found = replace(found, configurations=(best, *others))
    return Conditioned(found, predict)


def describe_own_runs(own: Sequence[Run], again: bool, noise: float) -> str:
    """Say how many own runs the advice uses, the best of them, and whether what comes first is one of them again."""
    best = max(own, key=lambda run: run.final_metric if run.final_metric is not None else -math.inf)
    runs = "one run" if len(own) == 1 else f"{len(own)} runs"
    top = "" if best.final_metric is None else f", the best of which reached {best.final_metric:.1f} %"
    kept = f"; what was trained comes first again: nothing is expected to beat it by more than {noise:.1f} points"
    return f"uses {runs} of yours on this dataset{top}{kept if again else ''}"
