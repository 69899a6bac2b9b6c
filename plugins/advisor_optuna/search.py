"""A suggestion as the beginning and the bounds of an Optuna study."""

from __future__ import annotations

from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from advisor import Suggestion
from advisor_optuna.trials import SUGGESTION_ATTRIBUTE


def distributions(suggestion: Suggestion) -> dict[str, BaseDistribution]:
    """Return the hyperparameters as distributions that hold the good ranges and every suggestion.

    Learning rate, batch size, epochs and weight decay are drawn by factors, unless 0 is among the values.

    Parameters
    ----------
    suggestion : Suggestion

    Returns
    -------
    dict
        By the names ``lr``, ``batch_size``, ``epochs``, ``dropout`` and ``weight_decay``; for ``study.ask`` and
        samplers.
    """
    return {
        one.name: IntDistribution(int(one.low), int(one.high), log=one.log)
        if one.whole
        else FloatDistribution(one.low, one.high, log=one.log)
        for one in suggestion.space()
    }


def enqueue(study: optuna.Study, suggestion: Suggestion, top: int | None = None) -> int:
    """Make the suggestions the study's next trials, best first, and note what the study is about.

    The trials name the suggestion in their user attributes. The study's own tell model, optimizer, dataset and the
    rest of the recipe, so that its trials can become records.

    Parameters
    ----------
    study : optuna.Study
    suggestion : Suggestion
    top : int, optional
        How many; by default all that it holds.

    Returns
    -------
    int
        How many trials were enqueued; those that the study has already are left out.
    """
    about = {"model": suggestion.model, "opt": suggestion.opt, "pretrained": suggestion.pretrained,
             "img_size": suggestion.img_size, "dataset": suggestion.dataset.name,
             "dataset_id": suggestion.dataset.dataset_id, "n_train": suggestion.dataset.n_train,
             "num_classes": suggestion.dataset.n_classes, "sched": suggestion.assumes.sched}  # fmt: skip
    for name, value in about.items():
        study.set_user_attr(name, value)
    before = len(study.get_trials(deepcopy=False))
    for one in suggestion.suggestions[:top]:
        attributes = {SUGGESTION_ATTRIBUTE: suggestion.suggestion_id}
        study.enqueue_trial(one.configuration.as_dict(), user_attrs=attributes, skip_if_exists=True)
    return len(study.get_trials(deepcopy=False)) - before


def suggest_values(trial: optuna.Trial, suggestion: Suggestion) -> dict[str, Any]:
    """Return the hyperparameters of a trial by name: those that were enqueued, else drawn within the advised ranges.

    Parameters
    ----------
    trial : optuna.Trial
    suggestion : Suggestion
    """
    values: dict[str, Any] = {}
    for one in suggestion.space():
        if one.whole:
            values[one.name] = trial.suggest_int(one.name, int(one.low), int(one.high), log=one.log)
        else:
            values[one.name] = trial.suggest_float(one.name, one.low, one.high, log=one.log)
    return values
