"""Tunings replayed in recorded cases: what each method has in hand after so many epochs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.learn.own_runs import OwnRunsPosterior
from advisor.space.configuration import to_unit_scale
from advisor.space.hyperparameters import HYPERPARAMETERS
from advisor.tuning.decision import SURE, Choice, Options, choose
from research.ablations.own_trials import _clipped, _distribution
from research.tuning.cases import RecordedCase
from research.tuning.priorband import priorband

OURS, WHOLE = "advisor tune", "advisor tune, every trial whole"
PRIORBAND = "PriorBand (NePS), the advice as its prior"
ALL = "the best score of all configurations"
BUDGETS = (1, 2, 5, 10, 20)
"""Epochs spent, in trainings of all epochs."""
WARM = 3
"""Suggestions that warm-started rivals begin with: as many as ``advisor suggest`` prints."""
Step = tuple[int, int]
"""A configuration of the case, and how many of its epochs are trained now."""
Pick = Callable[[RecordedCase, Mapping[int, int]], int]
"""Which of the configurations is taken, of those that were trained and for how many epochs."""
Decide = Callable[[Options, float, float, int | None, float], Choice]
"""What is trained next, as ``advisor.tuning.decision.choose``."""


def by_score(case: RecordedCase, done: Mapping[int, int]) -> int:
    """Return the trial with the highest accuracy at the epoch where it stands, as ``advisor tune`` does."""
    return max(done, key=lambda row: case.curves[row, done[row] - 1])


def reached(case: RecordedCase, steps: Iterable[Step], pick: Pick = by_score) -> list[float]:
    """Return the value of the trial in hand at each of ``BUDGETS``.

    Nothing is counted while a budget is not enough for the next step.
    """
    limits = [budget * case.epochs for budget in BUDGETS]
    found: list[float] = []
    done: dict[int, int] = {}
    spent = 0
    for row, until in steps:
        cost = until - done.get(row, 0)
        while len(found) < len(limits) and spent + cost > limits[len(found)]:
            # Part of the step is trained within the budget; only whole epochs of one trial are recorded.
            part = dict(done)
            if limits[len(found)] - spent > 0:
                part[row] = done.get(row, 0) + limits[len(found)] - spent
            found.append(_in_hand(case, part, pick))
        if len(found) == len(limits):
            return found
        spent += cost
        done[row] = until
    return [*found, *[_in_hand(case, done, pick)] * (len(limits) - len(found))]


def luckiest(case: RecordedCase) -> float:
    """Return the value of the configuration with the best score of one run, of all there are."""
    return float(case.value[case.curves[:, -1].argmax()])


def _in_hand(case: RecordedCase, done: Mapping[int, int], pick: Pick) -> float:
    if not done:
        return float(case.median)
    best = pick(case, done)
    return float(case.value[best] if done[best] == case.epochs else case.curves[best, done[best] - 1])


def ours(
    case: RecordedCase, budget: int, patience: float = -1.0, *, whole: bool = False, decide: Decide = choose
) -> Iterator[Step]:
    """Tune as ``advisor tune`` does, deciding after every epoch, or only after whole trials."""
    m, last = case.curves.shape
    done = np.zeros(m, dtype=np.int64)
    left, current = budget * last, None
    while left > 0:
        choice = decide(options(case, done), case.noise, left, current, patience)
        if choice.row is None:
            return
        current = choice.row
        trained = last if whole else 1
        done[current] += trained
        left -= trained
        yield current, int(done[current])


def options(case: RecordedCase, done: NDArray[np.int64]) -> Options:
    """Return what the decision is taken on after so many epochs of each configuration."""
    tried, last = np.flatnonzero(done), case.epochs
    mean, deviation = -case.short, np.full(len(done), case.unit / 2)
    hope, reached_ = np.full(len(done), np.inf), np.full(len(done), np.nan)
    if len(tried):
        at = done[tried] - 1
        score, doubt = case.expected[tried, at], case.doubt[tried, at]
        hope[tried], reached_[tried] = score + SURE * doubt, case.curves[tried, at]
        posterior = OwnRunsPosterior(case.noise, case.unit)
        hparams = {name: column[tried] for name, column in case.hparams.items()}
        posterior.fit(hparams, case.short[tried], score, doubt=doubt)
        mean, deviation = posterior.predict(case.hparams, case.short)
    return Options(mean, deviation, hope, (last - done).astype(np.float64), reached_, done < last)


def _order(case: RecordedCase, seed: int, warm: bool) -> list[int]:
    order = [int(row) for row in np.random.default_rng(seed).permutation(len(case.value))]
    return _warm(case, order) if warm else order


def _suggested(case: RecordedCase) -> list[int]:
    return [int(row) for row in np.argsort(case.short, kind="stable")[:WARM]]


def _warm(case: RecordedCase, order: list[int]) -> list[int]:
    return list(dict.fromkeys([*_suggested(case), *order]))


def random_search(case: RecordedCase, seed: int, warm: bool) -> Iterator[Step]:
    """Train configurations drawn at random, all epochs of each."""
    for row in _order(case, seed, warm):
        yield row, case.epochs


def optuna_halving(case: RecordedCase, seed: int, warm: bool) -> Iterator[Step]:
    """Optuna's successive halving (asynchronous) of configurations drawn at random, with its defaults."""
    import optuna

    study = _study(optuna.pruners.SuccessiveHalvingPruner(), optuna.samplers.RandomSampler(seed=seed))
    for row in _order(case, seed, warm):
        yield from _pruned(study, study.ask(), case, row)


def ray_asha(case: RecordedCase, seed: int, warm: bool) -> Iterator[Step]:
    """Ray Tune's ASHA with its defaults but the most epochs, of configurations drawn at random."""
    from ray.tune.schedulers import TrialScheduler
    from ray.tune.schedulers.async_hyperband import _Bracket

    bracket = _Bracket(1, case.epochs, 4, 0)
    for row in _order(case, seed, warm):
        trial: Any = SimpleNamespace(trial_id=str(row))
        for epoch in range(case.epochs):
            yield row, epoch + 1
            if bracket.on_result(trial, epoch + 1, float(case.curves[row, epoch])) == TrialScheduler.STOP:
                break


def tpe_hyperband(case: RecordedCase, seed: int, warm: bool) -> Iterator[Step]:
    """Optuna's TPE with its Hyperband pruner, defaults but the most epochs: the nearest untried configuration."""
    import optuna

    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=case.epochs)
    study = _study(pruner, optuna.samplers.TPESampler(seed=seed))
    distributions = {n: _distribution(n, c) for n, c in case.hparams.items() if c.min() < c.max()}
    unit = to_unit_scale(case.hparams)
    tried: list[int] = []
    begin = _suggested(case) if warm else []
    while len(tried) < len(case.value):
        if begin:
            wished = begin.pop(0)
            study.enqueue_trial({n: _clipped(d, case.hparams[n][wished]) for n, d in distributions.items()})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial = study.ask(distributions)
        wanted = {n: np.array([trial.params.get(n, case.hparams[n][0])]) for n in HYPERPARAMETERS}
        away = np.abs(unit - to_unit_scale(wanted)).sum(axis=1)
        away[tried] = np.inf
        row = int(away.argmin())
        tried.append(row)
        yield from _pruned(study, trial, case, row)


def _study(pruner: Any, sampler: Any) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(direction="maximize", pruner=pruner, sampler=sampler)


def _pruned(study: Any, trial: Any, case: RecordedCase, row: int) -> Iterator[Step]:
    import optuna

    for epoch in range(case.epochs):
        yield row, epoch + 1
        trial.report(float(case.curves[row, epoch]), epoch + 1)
        if epoch + 1 < case.epochs and trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
    study.tell(trial, float(case.curves[row, -1]))


def neps_priorband(case: RecordedCase, seed: int) -> Iterator[Step]:
    """NePS's PriorBand, the advice being its prior: the nearest untried configuration."""
    bounds = {name: (float(column.min()), float(column.max())) for name, column in case.hparams.items()}
    best = _suggested(case)[0]
    prior = {name: float(column[best]) for name, column in case.hparams.items()}
    asking = priorband(bounds, prior, case.epochs, seed)
    unit = to_unit_scale(case.hparams)
    rows: dict[str, int] = {}
    number, values, until = next(asking)
    while True:
        if number not in rows:
            if len(rows) == len(case.value):
                return
            wanted = to_unit_scale({name: np.array([float(values[name])]) for name in HYPERPARAMETERS})
            away = np.abs(unit - wanted).sum(axis=1)
            away[list(rows.values())] = np.inf
            rows[number] = int(away.argmin())
        row = rows[number]
        yield row, until
        number, values, until = asking.send(float(case.curves[row, until - 1]))


Rival = Callable[[RecordedCase, int, bool], Iterator[Step]]
RIVALS: dict[str, Rival] = {
    "random search": random_search,
    "successive halving (Optuna)": optuna_halving,
    "ASHA (Ray Tune)": ray_asha,
    "TPE with Hyperband (Optuna)": tpe_hyperband,
}
