"""Which recorded runs do not count for a request, why, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from advisor.advise.request import Request
from advisor.advise.search.related_runs import architecture_of
from advisor.learn.usable_runs import BATCH_UNKNOWN, NOT_DESCRIBED, is_comparable, why_not_evidence
from advisor.records.schema import Dataset, Pretraining, Run, Status

_JUDGED_OTHERWISE = "they were judged by other classes or images than the dataset has"
WHAT_TO_DO = {
    NOT_DESCRIBED: "`advisor records sync` describes folders that are readable here; `advisor records import PATH… "
    "--dataset DIR` says where the images of past runs are",
    BATCH_UNKNOWN: "`advisor records import PATH… --world-size N` tells on how many devices they were trained",
    _JUDGED_OTHERWISE: "score them on the validation images of this dataset",
}
"""The next command for a reason why runs do not count."""
_LIST = "`advisor records list` shows them"


def describe_unused_runs(
    on_dataset: Iterable[Run], of_model: Iterable[Run], used: Collection[str], request: Request, dataset: Dataset
) -> tuple[str, ...]:
    """Say how many runs do not count, by the reason, each with the next command.

    Parameters
    ----------
    on_dataset : iterable of Run
        Recorded runs on the dataset.
    of_model : iterable of Run
        Recorded runs of the model: some may be on the dataset without anyone knowing.
    used : collection of str
        Ids of the runs that count.
    request : Request
        What is asked.
    dataset : Dataset
        The described dataset.

    Returns
    -------
    tuple of str
        One sentence a reason, the most runs first; empty where every run counts.
    """
    reasons: Counter[tuple[str, str]] = Counter()
    for run in on_dataset:
        # One that ran out of memory bounds the batch; one that is still running is not lost.
        if run.run_id not in used and not run.out_of_memory and run.status is not Status.RUNNING:
            reasons[_why_unused(run, request, dataset)] += 1
    undescribed = [run for run in of_model if run.dataset_id is None and run.pretraining is request.pretraining]
    if undescribed:
        reasons[NOT_DESCRIBED, WHAT_TO_DO[NOT_DESCRIBED]] += len(undescribed)
    return tuple(
        f"{count:,} of your runs {'is' if count == 1 else 'are'} not used, as {why}: {hint}"
        for (why, hint), count in reasons.most_common()
    )


def _why_unused(run: Run, request: Request, dataset: Dataset) -> tuple[str, str]:
    """Return why a run on the dataset does not count, and what to do."""
    why = why_not_evidence(run)
    if why is None and not is_comparable(run, dataset):
        why = _JUDGED_OTHERWISE
    if why is not None:
        return why, WHAT_TO_DO.get(why, _LIST)
    differs = [
        words
        for words, here, there in (
            ((f"their model is {run.model}", f"--model {run.model}"), request.model.name, architecture_of(run)),
            ((f"their optimizer is {run.opt}", f"--opt {run.opt}"), request.opt, run.opt),
            (_START[run.pretraining], request.pretraining, run.pretraining),
            ((f"their images are {run.img_size} px", f"--img-size {run.img_size}"), request.img_size, run.img_size),
        )
        if there not in (None, here)
    ]
    options = " ".join(option for _, option in differs if option)
    return " and ".join(what for what, _ in differs), f"ask with {options}" if options else _LIST


_START = {
    Pretraining.NONE: ("they start from scratch", "--scratch"),
    Pretraining.IMAGENET: ("they start from ImageNet weights", "--pretrained"),
    Pretraining.OTHER: ("they start from weights that are not of ImageNet", ""),
}
