"""PriorBand (Mallik et al. 2023, arXiv:2306.12370) as NePS ships it, the advice being its prior.

NePS, `neural-pipeline-search` on PyPI, wants an older pandas than the rest of this repository: install it into an
environment of its own, with `pip install neural-pipeline-search -e .[timm,optuna,ray]`.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Generator, Mapping
from typing import Any

import numpy as np

from advisor.space.hyperparameters import TABLE

EPOCHS = "epochs"
CONFIDENCE = "medium"
"""How far NePS trusts a prior, in its words; it has low, medium and high."""
Asked = tuple[str, Mapping[str, float], int]
"""Name of a trial, its values, and the epoch that it is to be trained until."""
Bounds = Mapping[str, tuple[float, float]]


def priorband(bounds: Bounds, prior: Mapping[str, float], epochs: int, seed: int) -> Generator[Asked, float, None]:
    """Give what PriorBand asks for, without end; takes the accuracy in percent after each.

    The prior itself comes first, trained whole; what goes on is not trained again.

    Parameters
    ----------
    bounds : mapping of str to (low, high)
        What is searched; a value with equal ends is fixed.
    prior : mapping of str to float
        What is advised.
    epochs : int
        The most of a trial.
    seed : int
        Of all that is drawn.
    """
    import torch

    neps: Any = importlib.import_module("neps")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    space: dict[str, Any] = {EPOCHS: neps.HPOInteger(lower=1, upper=epochs, is_fidelity=True)}
    for name, (low, high) in bounds.items():
        low = max(low, TABLE[name].least)
        if name != EPOCHS and low < high:
            best = float(np.clip(prior[name], low, high))
            by_factors = TABLE[name].by_factors
            space[name] = neps.HPOFloat(low, high, log=by_factors, prior=best, prior_confidence=CONFIDENCE)
    optimizer = neps.algorithms.priorband(neps.SearchSpace(space), sample_prior_first="highest_fidelity")
    asking = neps.AskAndTell(optimizer)
    while True:
        trial = asking.ask()
        number = trial.id.partition("_")[0]
        top1 = yield number, {**prior, **trial.config}, int(trial.config[EPOCHS])
        asking.tell(trial, -top1)
