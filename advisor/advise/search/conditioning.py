"""Conditions expectations on a user's own runs: what was measured on the dataset at hand, or on what is like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from advisor.advise.recipes.public_runs import advise_without_evidence
from advisor.advise.recipes.published import Published
from advisor.advise.request import Prefer, Request
from advisor.advise.search.bounds import Bounds, allowed_bounds
from advisor.advise.search.own_runs import configuration_of
from advisor.advise.search.predictor import Hparams, Predict
from advisor.advise.search.priors import AsLearned, AsPublished, Mixed, Prior
from advisor.advise.search.related_runs import OTHER_OPTIMIZER, RelatedCase
from advisor.advise.search.search import SearchResult, distinct, retries, search
from advisor.learn.metamodel import LEVEL, Prediction
from advisor.learn.own_runs import EXPLORATION_WEIGHT, OwnRunsPosterior, RelatedScores
from advisor.learn.table import Floats
from advisor.learn.usable_runs import score_of
from advisor.records.schema import Dataset, Run
from advisor.space.configuration import Configuration, columns_of
from advisor.space.hyperparameters import HYPERPARAMETERS, TABLE

_UNPRICED = ("epochs", "dropout", "weight_decay")
"""Where what is published decides, these stay between its values and those of the best own run."""
_CAUTION = 0.5
"""Standard deviations by which what is published must be expected to beat an own run."""
_GRID = 25
"""Values of each hyperparameter that a range is read off."""
_TRIED_REACH = 2.0
"""A search goes so many times further in learning rate than own runs did."""


@dataclass(frozen=True)
class Observation:
    """What a run was trained with, and its score in percent."""

    configuration: Configuration
    score: float


class ConditionedPrediction:
    """Predictions conditioned on own runs.

    Where runs were measured, and near them, their scores count; elsewhere the order of what was expected without them
    holds, on the level that the runs showed.

    Parameters
    ----------
    prior : Prior
        What is expected without them.
    own : sequence of Run
        Runs of the case, see ``matching_runs``. May be empty where there are related ones.
    n_classes : int
        Classes of the dataset.
    noise : float
        Points by which equal runs with other seeds differ.
    related : sequence of RelatedScores
        What runs of other cases showed.

    Attributes
    ----------
    noise : float
        As given.
    """

    def __init__(
        self,
        prior: Prior,
        own: Sequence[Run],
        n_classes: int,
        noise: float,
        related: Sequence[RelatedScores] = (),
    ) -> None:
        self.noise = noise
        self._prior = prior
        self._trained = [Observation(configuration_of(run), score_of(run, n_classes)) for run in own]
        hparams = columns_of([one.configuration for one in self._trained])
        score = np.array([one.score for one in self._trained])
        short = prior.short(hparams) if self._trained else np.zeros(0)
        self._posterior = OwnRunsPosterior(noise, prior.unit, prior.lengths).fit(hparams, short, score, related)

    def __call__(self, hparams: Hparams) -> Prediction:
        """Return everything that is expected."""
        mean, deviation = self._moved(hparams)
        half = NormalDist().inv_cdf(0.5 + LEVEL / 2) * np.sqrt(deviation**2 + self.noise**2)
        return Prediction(
            regret=self._as_regret(mean),
            spread=deviation / self._prior.unit,
            top1=np.clip(mean, 0, 100),
            low=np.clip(mean - half, 0, 100),
            high=np.clip(mean + half, 0, 100),
        )

    def regret(self, hparams: Hparams) -> Floats:
        """Return the expected regret only."""
        return self._as_regret(self._moved(hparams)[0])

    def optimistic_regret(self, hparams: Hparams) -> Floats:
        """Return the regret if what is not known yet is a little better than expected."""
        mean, deviation = self._moved(hparams)
        return self._as_regret(mean + EXPLORATION_WEIGHT * deviation)

    def at_least(self, hparams: Hparams, caution: float) -> Floats:
        """Return the expected accuracy less so many of its standard deviations."""
        mean, deviation = self._moved(hparams)
        return np.asarray(np.clip(mean, 0, 100) - caution * deviation)

    def best_within(self, allowed: Bounds) -> Observation | None:
        """Return the own run with the best score whose hyperparameters are all allowed."""

        def fits(one: Observation) -> bool:
            values = one.configuration.as_dict()
            return all(low <= values[name] <= high for name, (low, high) in allowed.items())

        return max(filter(fits, self._trained), key=lambda one: one.score, default=None)

    def _moved(self, hparams: Hparams) -> tuple[Floats, Floats]:
        """Return the expected accuracy and its standard deviation."""
        return self._posterior.predict(hparams, self._prior.short(hparams))

    def _as_regret(self, top1: Floats) -> Floats:
        return np.asarray((self._posterior.centre_ - top1) / self._prior.unit)


class _Optimistic:
    """Conditioned predictions that take what is not known yet to be a little better than expected."""

    def __init__(self, conditioned: ConditionedPrediction) -> None:
        self._conditioned = conditioned

    def __call__(self, hparams: Hparams) -> Prediction:
        return replace(self._conditioned(hparams), regret=self.regret(hparams))

    def regret(self, hparams: Hparams) -> Floats:
        return self._conditioned.optimistic_regret(hparams)


@dataclass(frozen=True)
class Conditioned:
    """What is expected given own runs, and where it is searched for what to suggest.

    Attributes
    ----------
    predict : ConditionedPrediction
        What is expected of any values.
    bounds : mapping of str to (low, high)
        The box that is searched, within the limits.
    allowed : mapping of str to (low, high)
        What the limits allow beyond the box too: own runs may lie there.
    published_decides : bool
        Whether the prior is for the larger part what is published: a guess, which one good run beats.
    """

    predict: ConditionedPrediction
    bounds: Bounds
    allowed: Bounds
    published_decides: bool

    def search(self, request: Request) -> SearchResult:
        """Find what to suggest; see ``search_conditioned``."""
        prefer: Prefer = "accuracy" if self.published_decides else request.prefer
        found = search_conditioned(
            self.predict,
            self.allowed,
            self.bounds,
            prefer=prefer,
            top_k=1 if request.pretrained else request.top_k,
            caution=_CAUTION if self.published_decides else 0.0,
        )
        if request.pretrained:
            best = found.configurations[0]
            others = retries(self.predict, best, self.bounds, request.top_k - 1)
            found = replace(found, configurations=(best, *others))
        return found


@dataclass(frozen=True)
class Expectations:
    """What is expected before any own run counts, and where it is searched.

    Attributes
    ----------
    prior : Prior
        What was learned and what is published, by their shares.
    related : sequence of RelatedScores
        What runs of other cases showed.
    bounds, allowed, published_decides
        See ``Conditioned``.
    """

    prior: Prior
    related: Sequence[RelatedScores]
    bounds: Bounds
    allowed: Bounds
    published_decides: bool


def expect(
    own: Sequence[Run],
    related: Sequence[RelatedCase],
    learned: Predict | None,
    published: Published | None,
    share: float,
    *,
    box: Bounds | None,
    request: Request,
    dataset: Dataset,
) -> Expectations:
    """Return what own runs are to be held against; they tell where to search. The parameters are ``condition``'s."""
    best = max(own, key=lambda run: score_of(run, dataset.n_classes), default=None)
    best_score = None if best is None else score_of(best, dataset.n_classes)
    as_published = None if published is None else AsPublished(published, best_score)
    published_decides = published is not None and (learned is None or share >= 0.5)
    scores = [_translate(case, published) for case in related]
    reach: dict[str, tuple[float, float]] = {}
    for name in HYPERPARAMETERS:
        tried = [float(getattr(run, name)) for run in own]
        if name in _UNPRICED and published_decides:
            assert published is not None
            values = [float(getattr(published.configurations[0], name))]
            values += [] if best is None else [float(getattr(best, name))]
        else:
            values = tried + ([*box[name]] if box is not None else [])
            if published is not None and (box is None or name not in _UNPRICED):
                values += published.ranges[name]
        if name == "lr":
            values += [end for rate in tried for end in (rate / _TRIED_REACH, rate * _TRIED_REACH)]
            values += [rate for case in scores for rate in case.hparams["lr"]]
        reach[name] = (min(values), max(values))
    bounds = allowed_bounds(reach, request.limits, dataset.n_train)
    allowed = allowed_bounds(None, request.limits, dataset.n_train)
    prior = _prior(learned, as_published, share, bounds, best_score)
    return Expectations(prior, scores, bounds, allowed, published_decides)


def condition(
    own: Sequence[Run],
    related: Sequence[RelatedCase],
    learned: Predict | None,
    published: Published | None,
    share: float,
    *,
    box: Bounds | None,
    request: Request,
    dataset: Dataset,
    noise: float,
) -> Conditioned:
    """Condition what is expected on own runs, whatever the advice would rest on without them.

    What was learned and what is published are the prior, by their shares; the runs decide the more, the nearer they
    are. The search may go beyond both: to what was tried, and a factor of two further in learning rate.

    Parameters
    ----------
    own : sequence of Run
        Runs of the case, see ``matching_runs``.
    related : sequence of RelatedCase
        Runs of other cases. At least one of the two is there.
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
    expected = expect(own, related, learned, published, share, box=box, request=request, dataset=dataset)
    predict = ConditionedPrediction(expected.prior, own, dataset.n_classes, noise, expected.related)
    return Conditioned(predict, expected.bounds, expected.allowed, expected.published_decides)


def _prior(
    learned: Predict | None, as_published: AsPublished | None, share: float, bounds: Bounds, best_score: float | None
) -> Prior:
    """Return what is expected without own runs, but for how much the best of them leaves to gain."""
    if learned is None:
        assert as_published is not None
        return as_published
    if as_published is None:
        return AsLearned(learned, bounds)
    # In full where what is published decides, not at all like the evidence: nothing jumps between.
    return Mixed(AsLearned(learned, bounds, best_score, min(1.0, 2 * share)), as_published, share)


def _translate(case: RelatedCase, published: Published | None) -> RelatedScores:
    """Return what the runs of a related case showed, brought to the case at hand.

    What is published for another optimizer lies at other learning rates: there they count relative to it.
    """
    there = advise_without_evidence(case.request, case.dataset.n_train, layer_decay=False)
    factor = 1.0
    if published is not None and OTHER_OPTIMIZER in case.differences:
        factor = published.configurations[0].lr / there.configurations[0].lr
    hparams = columns_of([configuration_of(run) for run in case.runs])
    score = np.array([score_of(run, case.dataset.n_classes) for run in case.runs])
    prior = AsPublished(there, score.max())
    short = prior.short(hparams)
    return RelatedScores({**hparams, "lr": hparams["lr"] * factor}, short, score, prior.unit, case.correlation)


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
    noise = conditioned.noise
    configurations = [*search(conditioned, bounds, prefer=prefer, noise=noise, top_k=1).configurations]
    best = conditioned.best_within(allowed)
    if prefer != "speed" and best is not None:
        [sure] = conditioned.at_least(columns_of(configurations), caution)
        if sure <= best.score + noise:
            configurations.insert(0, best.configuration)
    if top_k > 1:
        # One more than wanted: one of them may be like the first.
        promising = search(_Optimistic(conditioned), bounds, prefer=prefer, noise=noise, top_k=top_k + 1)
        configurations += promising.configurations
    order = list(range(len(configurations)))
    chosen = distinct(columns_of(configurations), order, top_k)
    return SearchResult(
        tuple(configurations[row] for row in chosen), _ranges(conditioned, configurations[0], bounds, caution)
    )


def _ranges(
    conditioned: ConditionedPrediction, best: Configuration, bounds: Bounds, caution: float
) -> dict[str, tuple[float, float]]:
    """Return how far each hyperparameter can go, the others staying, until more than the noise is expected to be lost.

    Own runs are all near each other: what holds far from them, where all differ at once, is not what they showed.
    """
    along: dict[str, Floats] = {}
    for name, value in best.as_dict().items():
        low, high = bounds[name]
        grid = np.linspace(low, high, _GRID)
        if TABLE[name].by_factors:
            grid = np.geomspace(max(low, TABLE[name].least), max(high, TABLE[name].least), _GRID)
        inside = [one for one in map(TABLE[name].rounded, grid.tolist()) if low <= one <= high]
        along[name] = np.unique([*inside, low, high, value])
    # All at once: what a prediction costs is mostly that it is asked.
    counts = [len(values) for values in along.values()]
    columns = {name: np.full(sum(counts), float(value)) for name, value in best.as_dict().items()}
    ends = np.cumsum(counts)
    for (name, values), end in zip(along.items(), ends, strict=True):
        columns[name][end - len(values) : end] = values
    top1 = np.split(conditioned.at_least(columns, caution), ends[:-1])
    ranges = {}
    for (name, value), expected in zip(best.as_dict().items(), top1, strict=True):
        values = along[name]
        here = int(np.searchsorted(values, value))
        good = expected >= expected[here] - conditioned.noise
        first = here - int(np.argmin([*good[here::-1], False])) + 1
        last = here + int(np.argmin([*good[here:], False])) - 1
        ranges[name] = (float(values[first]), float(values[last]))
    return ranges
