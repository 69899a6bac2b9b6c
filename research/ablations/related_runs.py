"""What runs of related cases add, replayed: other models, optimizers and sizes on the dataset, like datasets.

In the related cases the first configurations that the same expectation would try there are known. Then the advice for
the case at hand is followed with and without them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.advise.recipes.public_runs import advise_without_evidence
from advisor.advise.request import make_request
from advisor.advise.search.priors import AsPublished
from advisor.advise.search.related_runs import (
    LIKE_DATASET,
    OTHER_MODEL,
    OTHER_OPTIMIZER,
    OTHER_SIZE,
    correlation_of,
)
from advisor.evaluate.adaptive import follow
from advisor.evaluate.summary import bootstrap_interval, mean_by_group
from advisor.learn.novelty import DatasetDistances
from advisor.learn.own_runs import EXPLORATION_WEIGHT, OwnRunsPosterior, RelatedScores
from advisor.learn.table import Floats
from advisor.records.schema import Dataset, Pretraining
from research.ablations.forecasts import Forecast

KNOWN = 5
"""Runs of each related case that are known."""
MOST_CASES = 3
"""Related cases of which runs are known."""
TRIALS = (0, 1, 3, 5)
"""Own runs after the first suggestion."""
_LIKE, _SAME_SOURCE = "a like dataset, of another source", "a like dataset, of the same source"


@dataclass(frozen=True)
class Kind:
    """A kind of related case: what it is called, and whether one case is of this kind to another."""

    name: str
    differences: tuple[str, ...]
    holds: Callable[[Forecast, Forecast], bool]


def _differences(one: Forecast, other: Forecast) -> set[str]:
    mine, its = one.pool.case._asdict(), other.pool.case._asdict()
    return {field for field, value in mine.items() if its[field] != value}


def _differ_in(*fields: str) -> Callable[[Forecast, Forecast], bool]:
    return lambda one, other: _differences(one, other) == {*fields}


def _is_like(one: Forecast, other: Forecast, same_source: bool) -> bool:
    differences = _differences(one, other)
    return {"dataset_id"} <= differences <= {"dataset_id", "img_size"} and (
        (one.pool.group == other.pool.group) == same_source
    )


KINDS = (
    Kind(OTHER_MODEL, (OTHER_MODEL,), _differ_in("model")),
    Kind(OTHER_OPTIMIZER, (OTHER_OPTIMIZER,), _differ_in("opt")),
    Kind(f"{OTHER_MODEL} and {OTHER_OPTIMIZER}", (OTHER_MODEL, OTHER_OPTIMIZER), _differ_in("model", "opt")),
    Kind(OTHER_SIZE, (OTHER_SIZE,), _differ_in("img_size")),
    Kind(f"{OTHER_MODEL} and {OTHER_SIZE}", (OTHER_MODEL, OTHER_SIZE), _differ_in("model", "img_size")),
    Kind(_SAME_SOURCE, (LIKE_DATASET,), lambda one, other: _is_like(one, other, same_source=True)),
    Kind(_LIKE, (LIKE_DATASET,), lambda one, other: _is_like(one, other, same_source=False)),
)


UNLEARNED_KINDS = KINDS[:-1]
"""Without the cases that a meta-model which left one source out has learned from."""


def as_published(case: Forecast) -> Forecast | None:
    """Return a case as what is published expects it; None for weights that nothing is published of."""
    which, pool = case.pool.case, case.pool
    if which.pretraining is Pretraining.OTHER:
        return None
    request = make_request(
        model=which.model,
        opt=which.opt,
        pretrained=which.pretrained,
        img_size=which.img_size,
        max_epochs=pool.max_epochs,
        prefer="accuracy",
        top_k=1,
    )
    prior = AsPublished(advise_without_evidence(request, pool.n_train, layer_decay=False))
    return replace(case, members=prior.short(pool.hparams)[None], scale=prior.unit, lengths=prior.lengths)


class Comparison:
    """Replays cases with and without runs of related ones.

    Parameters
    ----------
    cases : sequence of Forecast
        All cases, with what is expected of them.
    datasets : sequence of Dataset
        What they are on.
    """

    def __init__(self, cases: Sequence[Forecast], datasets: Sequence[Dataset]) -> None:
        self.cases = cases
        self._features = {dataset.dataset_id: dataset.features for dataset in datasets}
        self._distances = DatasetDistances.of(datasets)
        self._known: dict[int, NDArray[np.int64]] = {}

    def rows(self, kinds: Sequence[Kind] = KINDS) -> list[dict[str, Any]]:
        """Return a row a kind that some case with more to choose than noise has related cases of."""
        rows = []
        for kind in kinds:
            judged = [(case, self._related(case, kind)) for case in self.cases if case.pool.is_clear(case.noise)]
            judged = [(case, related) for case, related in judged if related]
            if not judged:
                continue
            groups = np.array([case.pool.group for case, _ in judged])
            without, used = (
                np.array([_regrets(case, related if use else []) for case, related in judged]) for use in (False, True)
            )
            row: dict[str, Any] = {"kind": kind.name, "cases": len(judged), "groups": len(set(groups))}
            for i, k in enumerate(TRIALS):
                low, high = bootstrap_interval((used - without)[:, i], groups)
                row[str(k)] = {
                    "without": float(mean_by_group(without[:, i], groups).mean()),
                    "with": float(mean_by_group(used[:, i], groups).mean()),
                    "low": low,
                    "high": high,
                }
            rows.append(row)
        return rows

    def _related(self, case: Forecast, kind: Kind) -> list[RelatedScores]:
        found = [other for other in self.cases if kind.holds(case, other)]
        here = self._features[case.pool.case.dataset_id]
        away = {id(o): self._distances.between(here, self._features[o.pool.case.dataset_id]) for o in found}
        nearest = sorted(found, key=lambda other: away[id(other)])[:MOST_CASES]
        return [self._scores(case, other, correlation_of(kind.differences, away[id(other)])) for other in nearest]

    def _scores(self, case: Forecast, other: Forecast, correlation: float) -> RelatedScores:
        if id(other) not in self._known:
            self._known[id(other)] = np.array(_followed(other, int(other.short.argmin()), (), KNOWN))
        rows, pool = self._known[id(other)], other.pool
        hparams = {name: column[rows] for name, column in pool.hparams.items()}
        if case.pool.case.opt != pool.case.opt:
            hparams["lr"] = hparams["lr"] * (_expected_best_lr(case) / _expected_best_lr(other))
        return RelatedScores(hparams, other.short[rows], pool.score[rows], other.scale, correlation)


def _expected_best_lr(case: Forecast) -> float:
    return float(case.pool.hparams["lr"][case.short.argmin()])


def _regrets(case: Forecast, related: Sequence[RelatedScores]) -> list[float]:
    """Return the regret of the best so far after each number of own runs."""
    first = int(case.short.argmin())
    if related:
        # Before the first own run nothing is explored.
        first = int(_posterior(case, related, np.zeros(0, dtype=np.int64))[0].argmax())
    best = np.maximum.accumulate(case.pool.score[_followed(case, first, related, max(TRIALS) + 1)])
    return [float(case.pool.regret(best[min(k, len(best) - 1)])) for k in TRIALS]


def _followed(case: Forecast, first: int, related: Sequence[RelatedScores], trials: int) -> list[int]:
    """Return the configurations tried in turn."""

    def bound(tried: NDArray[np.int64]) -> Floats:
        mean, deviation = _posterior(case, related, tried)
        return np.asarray(mean + EXPLORATION_WEIGHT * deviation)

    return follow(case.pool, first, bound, trials)


def _posterior(case: Forecast, related: Sequence[RelatedScores], tried: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the expected accuracies of a pool and their standard deviations."""
    pool = case.pool
    hparams = {name: column[tried] for name, column in pool.hparams.items()}
    posterior = OwnRunsPosterior(case.noise, case.scale, case.lengths)
    posterior.fit(hparams, case.short[tried], pool.score[tried], related)
    return posterior.predict(pool.hparams, case.short)
