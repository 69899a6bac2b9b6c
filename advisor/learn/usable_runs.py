"""Which recorded runs can teach, why others cannot, and what their score is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from advisor.records.schema import Dataset, Run, Status
from advisor.space.hyperparameters import HYPERPARAMETERS

NOT_DESCRIBED = "their images were never described"
BATCH_UNKNOWN = "their global batch size is unknown"
"""Reasons why runs cannot teach, about which something can be done."""


def is_evidence(run: Run) -> bool:
    """Return whether a run can teach: it ended by itself, knows its hyperparameters, and its score is a top-1 accuracy.

    A run that never got to an epoch, was cut short, selects by another metric or ran out of memory says nothing
    about how good its configuration is. One that was scored on its training images says nothing about others, and one
    that trained the classifier only nothing about whole networks.
    """
    return why_not_evidence(run) is None


def why_not_evidence(run: Run) -> str | None:
    """Return why a run cannot teach, in words that many runs can share; None if it can."""
    diverged = run.status is Status.DIVERGED
    reasons = {
        NOT_DESCRIBED: run.dataset_id is None,
        "they did not finish": run.status not in (Status.FINISHED, Status.DIVERGED),
        BATCH_UNKNOWN: run.batch_size is None,
        "a hyperparameter is unknown": any(getattr(run, name) is None for name in HYPERPARAMETERS),
        "the model or the optimizer is unknown": run.model is None or run.opt is None,
        "they ran out of memory": bool(run.out_of_memory),
        "they were scored on their training images": run.scored_on_training_images,
        "they trained the classifier only": run.extra.get("trainable", "all") != "all",
        "no epoch was recorded": run.epochs_done <= 0 and not diverged,
        "they were selected by another metric than top-1 accuracy": not (
            run.metric == _METRIC or (run.metric is None and diverged)
        ),
        "their score is no percentage": not diverged and not _is_percent(run.final_metric),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


_METRIC = "eval_top1"


def _is_percent(value: float | None) -> bool:
    return value is not None and 0 <= value <= 100


def is_comparable(run: Run, dataset: Dataset) -> bool:
    """Return whether a run was judged as the others on its dataset: by the same classes and as many images.

    What either does not say is taken to be the same. Runs that were judged otherwise are never mixed in.
    """
    return run.n_classes in (None, dataset.n_classes) and (not dataset.n_eval or run.n_eval in (None, dataset.n_eval))


def teaching(runs: Iterable[Run], datasets: Mapping[str, Dataset]) -> list[Run]:
    """Return the runs that can teach: those that are evidence, on one of the datasets (by id) and judged as it is."""
    return [
        run
        for run in runs
        if run.dataset_id in datasets and is_evidence(run) and is_comparable(run, datasets[str(run.dataset_id)])
    ]


def left_out(runs: Iterable[Run], datasets: Mapping[str, Dataset]) -> Counter[str]:
    """Return how many runs cannot teach, by the reason; those that ``teaching`` returns are not among them."""
    found: Counter[str] = Counter()
    for run in runs:
        reason = why_not_evidence(run)
        if reason is None and run.dataset_id not in datasets:
            reason = NOT_DESCRIBED
        if reason is None and not is_comparable(run, datasets[str(run.dataset_id)]):
            reason = "they were judged by other classes or images than their dataset has"
        if reason is not None:
            found[reason] += 1
    return found


def score_of(run: Run, n_classes: int) -> float:
    """Return the score in percent: final top-1 accuracy, or chance (100 / classes) where the run diverged."""
    if run.status is Status.DIVERGED or run.final_metric is None:
        return 100.0 / n_classes
    return run.final_metric
