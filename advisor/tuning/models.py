"""Several models in one tuning: what is expected of each at its best, given what the others came to, and what it costs.

A model that was trained, here or earlier, has a posterior of its own, as where there is no other. One that was not is
expected to reach what `advisor suggest --models` expects of it, given the best that the trained ones came to; its
configurations differ from each other as its meta-model says. Its epochs take as long as published speeds say, against
those of the trained ones.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.learn.table import Floats
from advisor.tuning.clock import Costs
from advisor.tuning.decision import Options
from advisor.tuning.outlook import Expected, Outlook
from advisor.tuning.trials import Trial

Reached = Mapping[str, float]
"""Accuracy in percent that models came to, or are expected to, by their best trials."""
Compare = Callable[[Reached], Mapping[str, tuple[float, float]]]
"""From what models came to, to what every model is expected to reach at its best, and a standard deviation."""


@dataclass(frozen=True)
class ModelPart:
    """One of the models.

    Attributes
    ----------
    expected : Expected
        Of its configurations.
    seconds : float or None
        Of an epoch on a machine whose speed is published; None where it is not.
    """

    expected: Expected
    seconds: float | None


class ExpectedOfModels:
    """What is expected of several models before the tuning; answers as ``Expected`` does of one.

    Parameters
    ----------
    parts : mapping of str to ModelPart
        By model, the most promising first.
    compare : callable
        Tells what each is expected to reach at its best.
    """

    def __init__(self, parts: Mapping[str, ModelPart], compare: Compare) -> None:
        self._parts, self._compare = parts, compare
        self.noise = statistics.mean(part.expected.noise for part in parts.values())

    def look(
        self, trials: Sequence[Trial], costs: Costs, *, running: Collection[int] = (), resumes: bool = True
    ) -> Outlook:
        """Return what is expected given trials; the parameters are ``Expected.look``'s."""
        reached = self._reached(trials)
        at_best = self._compare(reached)
        rows: list[Options] = []
        of_trials: dict[int, tuple[int, int]] = {}
        outlooks: list[Outlook] = []
        for name, part in self._parts.items():
            own = [trial for trial in trials if trial.model == name]
            outlook = part.expected.look(own, self._costs(name, trials, costs), running=running, resumes=resumes)
            options = outlook.options
            if name not in reached:
                top1, deviation = at_best[name]
                # Before anything was trained only the differences of the means count.
                mean = np.minimum(top1 + options.mean - options.mean.max(), 100.0)
                options = replace(options, mean=mean, deviation=np.hypot(options.deviation, deviation))
            of_trials |= {trial.number: (len(rows), at) for at, trial in enumerate(own)}
            rows.append(options)
            outlooks.append(outlook)
        n_own = [len(outlook.trials) for outlook in outlooks]
        order = [of_trials[trial.number] for trial in trials]
        order += [(i, row) for i, one in enumerate(rows) for row in range(n_own[i], len(one.mean))]

        def merged(name: str) -> Floats:
            return np.array([getattr(rows[i], name)[row] for i, row in order])

        options = Options(
            mean=merged("mean"),
            deviation=merged("deviation"),
            hope=merged("hope"),
            seconds=merged("seconds"),
            reached=merged("reached"),
            is_open=merged("is_open").astype(np.bool_),
            held=max(one.held for one in rows),
        )
        candidates = [one for outlook in outlooks for one in outlook.candidates]
        models = [name for name, outlook in zip(self._parts, outlooks, strict=True) for _ in outlook.candidates]
        return Outlook(options, trials, candidates, models)

    def expect(
        self, trials: Sequence[Trial], hparams: Mapping[str, Floats], model: str | None
    ) -> tuple[Floats, Floats]:
        """Return the final accuracies expected of configurations of a model, and their standard deviations."""
        assert model is not None
        return self._parts[model].expected.expect([trial for trial in trials if trial.model == model], hparams, model)

    def _reached(self, trials: Sequence[Trial]) -> dict[str, float]:
        held = {name: part.expected.held for name, part in self._parts.items()}
        found = {name: top1 for name, top1 in held.items() if math.isfinite(top1)}
        for trial in trials:
            told = self._parts[str(trial.model)].expected.forecast(trial)
            if told is not None:
                found[str(trial.model)] = max(told[0], found.get(str(trial.model), -math.inf))
        return found

    def _costs(self, model: str, trials: Sequence[Trial], costs: Costs) -> Costs:
        """Return what the epochs of a model cost: as it was seen, or in proportion to what was seen of others."""
        if not costs.in_seconds:
            return costs
        took = {name: seconds for name in self._parts if (seconds := _epoch_seconds(name, trials)) is not None}
        if model in took:
            return replace(costs, an_epoch=took[model])
        mine = self._parts[model].seconds
        factors = [seconds / theirs for name, seconds in took.items() if (theirs := self._parts[name].seconds)]
        if mine is None or not factors:
            return costs
        return replace(costs, an_epoch=mine * statistics.median(factors))


def _epoch_seconds(model: str, trials: Sequence[Trial]) -> float | None:
    took = [epoch.seconds for trial in trials if trial.model == model for epoch in trial.epochs if epoch.seconds]
    return statistics.median(took) if took else None
