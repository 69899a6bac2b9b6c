"""What is expected of every trial and of what was not tried: the posterior that ``advisor suggest`` has, and curves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from advisor.advise.pipeline import find_grounds
from advisor.advise.prepare import PreparedRequest
from advisor.advise.search.bounds import Bounds
from advisor.advise.search.candidates import Columns, even_cover, join, steps_from
from advisor.advise.search.conditioning import Expectations, expect
from advisor.advise.search.own_runs import configuration_of
from advisor.advise.suggestion import Suggestion
from advisor.learn.artefact import Artefact
from advisor.learn.curve_model import CurveModel
from advisor.learn.nearby_lr import at_nearby_lr, average_nearby
from advisor.learn.own_runs import OwnRunsPosterior
from advisor.learn.table import Floats
from advisor.learn.usable_runs import score_of
from advisor.records.schema import Run
from advisor.space.configuration import Configuration, columns_of, from_columns
from advisor.tuning.clock import Costs
from advisor.tuning.decision import SURE, Options
from advisor.tuning.trials import Trial

_LEVELS = (0.1, 0.5, 0.9)
WIDTH = 2.563
"""Standard deviations of a normal distribution between the ends of an interval of probability 0.8."""
_NEAR_BEST = 3
"""So many of the best configurations are looked at more closely."""


@dataclass(frozen=True)
class Outlook:
    """What is expected of trials and of configurations that were not tried.

    Attributes
    ----------
    options : Options
        A row each: of the trials first, then of the candidates.
    trials : sequence of Trial
        The trials.
    candidates : sequence of Configuration
        What was not tried.
    models : sequence of str or None
        The model of each candidate, where a tuning is of several.
    """

    options: Options
    trials: Sequence[Trial]
    candidates: Sequence[Configuration]
    models: Sequence[str] | None = None

    def model_of(self, candidate: int) -> str | None:
        """Return the model of a candidate; None where a tuning is of one."""
        return None if self.models is None else self.models[candidate]


class Expected:
    """What is expected before the tuning: what was learned, what is published, and the user's earlier runs.

    Parameters
    ----------
    artefact : Artefact
        The meta-model.
    prepared : PreparedRequest
        What is asked; the runs of the tuning itself are not among its own runs.
    suggestion : Suggestion
        Its answer.
    curve_model : CurveModel
        Tells where runs end.

    Attributes
    ----------
    noise : float
        Points of accuracy by which equal runs with other seeds differ.
    held : float
        The best accuracy in percent of the user's earlier runs; minus infinity without any.
    """

    def __init__(
        self, artefact: Artefact, prepared: PreparedRequest, suggestion: Suggestion, curve_model: CurveModel
    ) -> None:
        self.noise = prepared.noise
        self.suggestion = suggestion
        self._curve_model = curve_model
        self._forecasts: dict[tuple[str, int], tuple[float, float]] = {}
        self._n_classes = prepared.dataset.n_classes
        self._own: Sequence[Run] = prepared.own_runs
        self.held = max((score_of(run, self._n_classes) for run in self._own), default=-np.inf)
        grounds = find_grounds(artefact, prepared)
        box = prepared.box if grounds.learned else None
        self._expect: Expectations = expect(
            prepared.own_runs,
            prepared.related,
            grounds.learned,
            grounds.published,
            grounds.share,
            box=box,
            request=prepared.request,
            dataset=prepared.dataset,
        )
        self._cover = join(
            columns_of([one.configuration for one in suggestion.suggestions]), even_cover(self._expect.bounds)
        )

    @property
    def bounds(self) -> Bounds:
        """The box that is searched: smallest and largest value of each hyperparameter."""
        return self._expect.bounds

    def look(
        self, trials: Sequence[Trial], costs: Costs, *, running: Collection[int] = (), resumes: bool = True
    ) -> Outlook:
        """Return what is expected given trials.

        Parameters
        ----------
        trials : sequence of Trial
            All trials.
        costs : Costs
            What epochs cost.
        running : collection of int
            Numbers of the trials whose process runs.
        resumes : bool
            Whether trials can go on from their checkpoints.
        """
        posterior = self._posterior(trials)
        tried = dict.fromkeys([*(trial.configuration for trial in trials), *map(configuration_of, self._own)])
        columns = self._cover if posterior is None else self._closer(posterior, columns_of([*tried]))
        found = [from_columns(columns, row) for row in range(len(columns["lr"]))]
        candidates = [one for one in dict.fromkeys(found) if one not in tried]
        hparams = columns_of([*(trial.configuration for trial in trials), *candidates])
        short = self._short(hparams)
        mean, deviation = self._predict(posterior, hparams, short)
        n = len(trials)
        hope, reached = np.full(len(short), np.inf), np.full(len(short), np.nan)
        is_open = np.ones(len(short), dtype=np.bool_)
        cost = np.array(
            [
                *(costs.until_end(trial, running=trial.number in running, resumes=resumes) for trial in trials),
                *(one.epochs * costs.an_epoch + costs.a_start for one in candidates),
            ]
        )
        for row, trial in enumerate(trials):
            is_open[row] = trial.waits
            reached[row] = np.nan if trial.reached is None else trial.reached
            told = self.forecast(trial)
            if told is not None:
                hope[row] = told[0] + SURE * told[1]
        # What failed counts with what it reached, if that is anything.
        reached[:n] = np.where(is_open[:n] | np.isfinite(reached[:n]), reached[:n], 0.0)
        return Outlook(Options(mean, deviation, hope, cost, reached, is_open, self.held), trials, candidates)

    def expect(
        self, trials: Sequence[Trial], hparams: Mapping[str, Floats], model: str | None = None
    ) -> tuple[Floats, Floats]:
        """Return the final accuracies expected of configurations of the model, and their standard deviations."""
        return self._predict(self._posterior(trials), hparams, self._short(hparams))

    def _predict(
        self, posterior: OwnRunsPosterior | None, hparams: Mapping[str, Floats], short: Floats
    ) -> tuple[Floats, Floats]:
        """Return means and standard deviations; before anything was trained only differences of the means count."""
        if posterior is None:
            return -short, np.full(len(short), self._expect.prior.unit / 2)
        return posterior.predict(hparams, short)

    def _short(self, hparams: Mapping[str, Floats]) -> Floats:
        return average_nearby(self._expect.prior.short(at_nearby_lr(hparams)))

    def _posterior(self, trials: Sequence[Trial]) -> OwnRunsPosterior | None:
        """Return the posterior over own runs and trials; None where nothing was trained yet."""
        known = [(configuration_of(run), score_of(run, self._n_classes), 0.0) for run in self._own]
        known += [(trial.configuration, *told) for trial in trials if (told := self.forecast(trial)) is not None]
        if not known:
            return None
        hparams = columns_of([one for one, _, _ in known])
        score, doubt = np.array([[score, doubt] for _, score, doubt in known]).T
        prior = self._expect.prior
        posterior = OwnRunsPosterior(self.noise, prior.unit, prior.lengths)
        return posterior.fit(hparams, self._short(hparams), score, self._expect.related, doubt)

    def forecast(self, trial: Trial) -> tuple[float, float] | None:
        """Return where a trial ends and a standard deviation of that; None where nothing tells."""
        if trial.ended:
            return None if trial.reached is None else (trial.reached, 0.0)
        if trial.run is None:
            return None
        key = (trial.run.run_id, trial.done)
        if key not in self._forecasts:
            curve = trial.curve
            if curve is None or not np.isfinite(curve.last):
                return None
            low, middle, high = self._curve_model.quantiles([curve], _LEVELS)[0]
            self._forecasts[key] = float(middle), max(float(high - low) / WIDTH, 1e-3)
        return self._forecasts[key]

    def _closer(self, posterior: OwnRunsPosterior, tried: Columns) -> Columns:
        """Return the cover, with what is one step away from what is expected to be best of it and of what was tried."""
        columns = join(self._cover, tried)
        mean, _ = posterior.predict(columns, self._short(columns))
        best = np.argsort(-mean, kind="stable")[:_NEAR_BEST]
        return join(columns, steps_from(columns, best, self._expect.bounds))
