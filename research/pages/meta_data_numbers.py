"""What the evidence says of where the best values lie, as numbers: the figures and the page draw on nothing else."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median, stdev

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from advisor.records.evidence import Evidence
from advisor.records.schema import Dataset, Run, Status

Floats = NDArray[np.float64]
_Key = tuple[str, str, str, str, str]
"""Dataset, model, optimizer, augmentation and checkpoint."""
LEAST_CONFIGURATIONS = 16
"""A case of fewer says too little of where its best lies."""
BEST = 3
"""The best value of a case is the mean over so many of its best configurations, against the luck of the first."""


@dataclass(frozen=True)
class Observation:
    """A configuration of a case: the run of its first seed and the scores of all its seeds in percent."""

    run: Run
    scores: tuple[float, ...]

    @property
    def score(self) -> float:
        """Mean over the seeds."""
        return mean(self.scores)


@dataclass(frozen=True)
class Case:
    """A dataset, a model, an optimizer, a start and an augmentation, with all configurations trained."""

    dataset: Dataset
    model: str
    opt: str
    augment: str
    checkpoint: str
    trained: tuple[Observation, ...]

    @property
    def best(self) -> list[Observation]:
        """The best few configurations, best first."""
        return sorted(self.trained, key=lambda one: -one.score)[:BEST]

    @property
    def skills(self) -> Floats:
        """How far each configuration goes from chance (0) to the best of the case (1)."""
        chance = 100 / self.dataset.n_classes
        best = self.best[0].score
        return np.array([(one.score - chance) / max(best - chance, 1e-9) for one in self.trained])

    @property
    def best_log_lr(self) -> float:
        """Logarithm (base 10) of the best learning rate."""
        return mean(math.log10(float(one.run.lr or 1)) for one in self.best)

    @property
    def best_log_batch(self) -> float:
        """Logarithm (base 2) of the best batch size."""
        return mean(math.log2(float(one.run.batch_size or 1)) for one in self.best)

    @property
    def best_epochs(self) -> float:
        """Epochs of the best as a share of the most in the case."""
        return mean(float(one.run.epochs or 0) / float(one.run.extra["case_epochs"]) for one in self.best)

    @property
    def best_dropout(self) -> float:
        """Dropout of the best."""
        return mean(float(one.run.dropout or 0) for one in self.best)

    @property
    def best_log_decay(self) -> float:
        """Logarithm (base 10) of the best weight decay; none at all counts as the least that is drawn."""
        return mean(math.log10(max(float(one.run.weight_decay or 0), 1e-6)) for one in self.best)


VALUES: dict[str, Callable[[Case], float]] = {
    "learning rate (log)": lambda case: case.best_log_lr,
    "batch size (log)": lambda case: case.best_log_batch,
    "epochs (share of the most)": lambda case: case.best_epochs,
    "dropout": lambda case: case.best_dropout,
    "weight decay (log)": lambda case: case.best_log_decay,
}


def cases_of(evidence: Evidence) -> list[Case]:
    """Return the cases with enough configurations; a diverged run counts as chance, a failed one not at all."""
    datasets = {dataset.name: dataset for dataset in evidence.datasets}
    runs: dict[tuple[str, str, str, str, str], dict[tuple[object, ...], list[Run]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for run in evidence.runs:
        if run.status is not Status.FAILED:
            checkpoint = run.extra.get("checkpoint") or ""
            key = (str(run.dataset_name), str(run.model), str(run.opt), str(run.augment), str(checkpoint))
            hparams = (run.lr, run.batch_size, run.epochs, run.dropout, run.weight_decay)
            runs[key][hparams].append(run)
    cases = []
    for (name, model, opt, augment, checkpoint), of_case in sorted(runs.items()):
        chance = 100 / datasets[name].n_classes
        trained = tuple(Observation(same[0], tuple(_score(run, chance) for run in same)) for same in of_case.values())
        if len(trained) >= LEAST_CONFIGURATIONS:
            cases.append(Case(datasets[name], model, opt, augment, checkpoint, trained))
    return cases


def _score(run: Run, chance: float) -> float:
    failed = run.status is Status.DIVERGED or run.final_metric is None
    return chance if failed else float(run.final_metric or 0)


def scratch(cases: Iterable[Case], opt: str = "adamw") -> list[Case]:
    """Return the cases from scratch without augmentation: the context with the most of them."""
    return [case for case in cases if case.opt == opt and case.augment == "none" and not case.checkpoint]


def correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Return Spearman's rank correlation; nan where one of the two does not vary."""
    if len(set(x)) < 2 or len(set(y)) < 2:
        return math.nan
    return float(spearmanr(x, y).statistic)


@dataclass(frozen=True)
class Shares:
    """Shares of a value's variance over cases; they are corrected for the number of levels, so chance gives 0."""

    model: float
    """By the model alone."""
    dataset: float
    """What the dataset adds to the model."""
    rest: float
    """Neither: interaction of the two, and luck in which configurations were drawn and won."""


def variance_shares(cases: Sequence[Case], value: Callable[[Case], float]) -> Shares | None:
    """Return what explains a value; None with too few cases, counting only datasets trained with two models or more."""
    models_of: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        models_of[case.dataset.name].add(case.model)
    kept = [case for case in cases if len(models_of[case.dataset.name]) > 1]
    models = sorted({case.model for case in kept})
    names = sorted({case.dataset.name for case in kept})
    if len(kept) < len(models) + len(names) + 2 or len(models) < 2:
        return None
    y = np.array([value(case) for case in kept])
    by_model = np.array([[case.model == model for model in models] for case in kept], dtype=float)
    by_dataset = np.array([[case.dataset.name == name for name in names] for case in kept], dtype=float)
    alone = _explained(y, by_model)
    both = _explained(y, np.hstack([by_model, by_dataset]))
    return Shares(alone, both - alone, 1 - both)


def _explained(y: Floats, design: Floats) -> float:
    """Return the adjusted coefficient of determination of a linear fit."""
    fit, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    residual = ((y - design @ fit) ** 2).sum() / (len(y) - rank)
    return float(1 - residual / y.var(ddof=1))


def start_differences(cases: Sequence[Case], value: Callable[[Case], float]) -> list[float]:
    """Return value fine-tuned minus value from scratch, for every dataset, model and optimizer that has both."""
    both: dict[tuple[str, str, str], dict[bool, float]] = defaultdict(dict)
    for case in cases:
        if case.augment == "none":
            both[case.dataset.name, case.model, case.opt][bool(case.checkpoint)] = value(case)
    return [values[True] - values[False] for values in both.values() if len(values) == 2]


@dataclass(frozen=True)
class Noise:
    """Seeds of one configuration: mean skill (see ``Case.skills``) and standard deviation of the score in points."""

    skill: float
    deviation: float


def noise_of(cases: Iterable[Case]) -> list[Noise]:
    """Return the noise of every configuration that was trained with two seeds or more."""
    return [
        Noise(float(skill), stdev(one.scores))
        for case in cases
        for one, skill in zip(case.trained, case.skills, strict=True)
        if len(one.scores) > 1
    ]


def typical(values: Iterable[float]) -> float:
    """Return the median; nan of nothing."""
    found = list(values)
    return median(found) if found else math.nan
