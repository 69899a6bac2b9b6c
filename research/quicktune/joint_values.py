"""Which values are picked once the model is given: what runs on other datasets add to published recipes."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from advisor.advise.recipes.published import advise_published
from advisor.advise.recipes.recipes import shipped_recipes
from advisor.advise.request import Request
from advisor.evaluate.summary import bootstrap_interval, mean_by_group
from advisor.learn.table import Floats
from advisor.records.schema import Pretraining
from advisor.space.limits import Limits
from research.quicktune.joint_runs import FROZEN, JointRuns, describe_by_any_name


def with_model_given(runs: JointRuns, expected: Floats) -> dict[str, float]:
    """Return how often the better of two runs is predicted, where they differ in values only.

    The pairs are of runs on one dataset with the same model, optimizer and trained part of the network: what a user of
    the advice has decided. They also differ in what is never advised, such as regularisers of fine-tuning.

    Parameters
    ----------
    runs : JointRuns
        All runs.
    expected : ndarray of shape (n,)
        What is expected of each from the runs on other datasets; larger is better.

    Returns
    -------
    dict of str to float
        Number of ``pairs``; shares of those in which the better run is predicted, the mean over datasets: by the
        recipes' learning rate (``published``) and by what is expected (``process``); ``gain`` of the second over the
        first, with its 95 % interval ``low`` to ``high``.
    """
    away = np.abs(np.log2([float(run.lr or 1.0) for run in runs.runs]) - _published_log_lr(runs))
    alike: dict[tuple[object, ...], list[int]] = {}
    for i, run in enumerate(runs.runs):
        frozen = tuple(run.extra.get(name) for name in FROZEN)
        alike.setdefault((run.dataset_name, run.model, run.opt, *frozen), []).append(i)
    pairs = [pair for rows in alike.values() for pair in itertools.combinations(rows, 2)]
    one, other = np.array([(i, j) for i, j in pairs if runs.score[i] != runs.score[j]], dtype=np.intp).reshape(-1, 2).T
    better = np.sign(runs.score[one] - runs.score[other])
    # A tie is half right.
    published = (1 + better * np.sign(away[other] - away[one])) / 2
    process = (1 + better * np.sign(expected[one] - expected[other])) / 2
    groups = runs.dataset[one]
    low, high = bootstrap_interval(process - published, groups)
    means = [float(mean_by_group(values, groups).mean()) for values in (published, process, process - published)]
    return {
        "pairs": len(one),
        **dict(zip(("published", "process", "gain"), means, strict=True)),
        "low": low,
        "high": high,
    }


def _published_log_lr(runs: JointRuns) -> Floats:
    """Return log2 of the learning rate that recipes give for each run's model, optimizer, batch size and epochs."""

    @functools.cache
    def published(model: str, opt: str, batch_size: int, epochs: int, n_train: int) -> float:
        description = describe_by_any_name(model)
        request = Request(
            name=model,
            model=description,
            opt=opt,
            pretraining=Pretraining.IMAGENET,
            img_size=description.img_size,
            limits=Limits(fixed={"batch_size": min(batch_size, n_train), "epochs": epochs}),
            prefer="accuracy",
            top_k=1,
        )
        return float(
            np.log2(advise_published(shipped_recipes(), request, n_train, layer_decay=False).configurations[0].lr)
        )

    return np.array(
        [
            published(str(run.model), str(run.opt), run.batch_size or 1, run.epochs or 50, run.n_train or 10_000)
            for run in runs.runs
        ]
    )
