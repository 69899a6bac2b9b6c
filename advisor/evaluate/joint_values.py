"""Which values are picked once the model is given: what runs on other datasets add to published recipes."""

from __future__ import annotations

import functools

import numpy as np

from advisor.advise.published import advise_published
from advisor.advise.request import Request
from advisor.evaluate.joint_runs import JointRuns, describe_by_any_name
from advisor.evaluate.summary import bootstrap_interval, mean_by_group
from advisor.learn.recipes import shipped_recipes
from advisor.learn.space import Limits
from advisor.learn.table import Floats

LEAST_OF_A_MODEL = 4
"""Fewer runs of a model on a dataset leave next to nothing to choose between."""


def with_model_given(runs: JointRuns, expected: Floats) -> dict[str, float]:
    """Return the mean regret within a dataset and a model: of chance, of the recipes, of what is expected.

    Parameters
    ----------
    runs : JointRuns
        All runs.
    expected : ndarray of shape (n,)
        What is expected of each from the runs on other datasets; larger is better.

    Returns
    -------
    dict of str to float
        ``cells`` and their ``mean`` number of runs; mean regret over datasets of ``chance``, ``published`` and
        ``process``; ``gain`` of the process over the recipes with its 95 % interval ``low`` to ``high``.
    """
    models = np.array([str(run.model) for run in runs.runs])
    away = np.abs(np.log2([float(run.lr or 1.0) for run in runs.runs]) - _published_log_lr(runs))
    datasets, sizes = [], []
    found: dict[str, list[float]] = {"chance": [], "published": [], "process": []}
    for dataset in np.unique(runs.dataset):
        for model in np.unique(models):
            rows = np.flatnonzero((runs.dataset == dataset) & (models == model))
            score = runs.score[rows]
            if len(rows) < LEAST_OF_A_MODEL or score.max() == score.min():
                continue
            regret = (score.max() - score) / (score.max() - score.min())
            datasets.append(dataset)
            sizes.append(len(rows))
            found["chance"].append(float(regret.mean()))
            found["published"].append(float(regret[away[rows].argmin()]))
            found["process"].append(float(regret[expected[rows].argmax()]))
    groups = np.array(datasets)
    gain = np.array(found["published"]) - np.array(found["process"])
    low, high = bootstrap_interval(gain, groups)
    means = {name: float(mean_by_group(np.array(values), groups).mean()) for name, values in found.items()}
    gained = float(mean_by_group(gain, groups).mean())
    return {"cells": len(groups), "mean": float(np.mean(sizes)), **means, "gain": gained, "low": low, "high": high}


def _published_log_lr(runs: JointRuns) -> Floats:
    """Return log2 of the learning rate that recipes give for each run's model, optimizer, batch size and epochs."""

    @functools.cache
    def published(model: str, opt: str, batch_size: int, epochs: int, n_train: int) -> float:
        description = describe_by_any_name(model)
        request = Request(
            name=model,
            model=description,
            opt=opt,
            pretrained=True,
            img_size=description.img_size,
            limits=Limits(fixed={"batch_size": min(batch_size, n_train), "epochs": epochs}),
            prefer="accuracy",
            top_k=1,
        )
        return float(np.log2(advise_published(shipped_recipes(), request, n_train).configurations[0].lr))

    return np.array(
        [
            published(str(run.model), str(run.opt), run.batch_size or 1, run.epochs or 50, run.n_train or 10_000)
            for run in runs.runs
        ]
    )
