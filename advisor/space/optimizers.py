"""timm's optimizers: which belong together, how they apply weight decay, how their learning rate follows the batch."""

from __future__ import annotations

import math
from collections.abc import Mapping

from advisor.errors import UsageError

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "adam": ("adam", "adamw", "nadam", "nadamw", "radam", "adamax", "adabelief", "adan", "adamp", "adopt", "adoptw"),
    "sgd": ("sgd", "momentum", "nesterov", "sgdw", "sgdp"),
    "rmsprop": ("rmsprop", "rmsproptf"),
    "lamb": ("lamb", "lambc"),
    "lion": ("lion",),
}
"""Optimizers that a fixed rule treats alike, by family."""

COUPLED_DECAY = frozenset(
    {"adam", "nadam", "radam", "adamax", "adopt", "sgd", "momentum", "nesterov", "rmsprop", "rmsproptf"}
)
"""Optimizers that add weight decay to the gradient, as an L2 penalty; all others shrink the weights directly.

From the sources of timm 1.0 (``timm.optim``) and, for those it takes from there, of PyTorch. Decoupled by default are
``adabelief`` (``decoupled_decay=True``), ``adan`` (proximal), ``adamp`` and ``sgdp``; ``lamb`` adds the decay after
the gradient is normalised. For ``sgd`` the two differ only by momentum; where the gradient is divided by its own size
a coupled decay acts on every weight alike, and AdamW's usual values are far too large.
"""

MAX_COUPLED_DECAY = 1e-3
"""Largest weight decay advised to an adaptive optimizer that couples it.

On public fine-tuning runs of 50 epochs with timm's ``adam`` the mean relative accuracy is .48 at 1e-3, .34 at 1e-2
and .28 at .1 (docs/response-model.md).
"""

REFERENCE_BATCH = 512
"""Learning rates of recipes are compared as they would be at this batch size."""

_RECIPE_FAMILIES = {
    "": "sgd",
    "momentum": "sgd",
    "nesterov": "sgd",
    "sgdw": "sgd",
    "sgdp": "sgd",
    "adamw": "adam",
    "rmsproptf": "rmsprop",
}
"""Optimizer -> the family of recipes it follows, where that is not its own name; recipes without one leave timm's
train.py its default, SGD."""

_LINEAR = frozenset({"sgd", "rmsprop"})
"""Families whose learning rate scales linearly with the batch size; the others scale with its square root."""


def optimizer_family(opt: str) -> str:
    """Return the family of a timm optimizer name: adam, sgd, rmsprop, lamb or lion.

    Raises
    ------
    UsageError
        If there is no rule for the optimizer.
    """
    for family, members in FAMILIES.items():
        if opt.lower() in members:
            return family
    known = ", ".join(optimizer_names())
    raise UsageError(f"no advice for the optimizer {opt!r}", cause="it is unknown here", hint=f"--opt one of: {known}")


def optimizer_names() -> tuple[str, ...]:
    """Return the optimizers that there is a rule for."""
    return tuple(name for members in FAMILIES.values() for name in members)


def is_coupled_adaptive(opt: str) -> bool:
    """Return whether an optimizer adds weight decay to a gradient that it then divides by its size, as Adam does."""
    return opt.lower() in COUPLED_DECAY and opt.lower() not in FAMILIES["sgd"]


def recipe_family(opt: str) -> str:
    """Return the family of recipes that a timm optimizer follows in its learning rate.

    Finer than ``FAMILIES``: Adan's learning rates are ten times Adam's in its own recipes.
    """
    return _RECIPE_FAMILIES.get(opt, opt)


def batch_exponent(family: str, batch_size: float = 1.0) -> float:
    """Return the power of the batch size with which the learning rate of a family grows.

    SGD and RMSProp scale linearly, as their recipes state (Goyal et al. 2017, arXiv:1706.02677). Adam's recipes state
    linear scaling, but are hardly ever below a batch of 512; there it is the square root (Malladi et al. 2022,
    arXiv:2205.10287), as for the others.
    """
    return 1.0 if family in _LINEAR or (family == "adam" and batch_size > REFERENCE_BATCH) else 0.5


def batch_factor(family: str, batch_size: float) -> float:
    """Return by what the learning rate at ``REFERENCE_BATCH`` is multiplied at another batch size."""
    return math.pow(batch_size / REFERENCE_BATCH, batch_exponent(family, batch_size))
