"""The configurations of a case: which points of the hyperparameters are trained, and for how many epochs at most.

Every case has the same core, so that the best configuration on average is defined exactly, and points of its own
from a scrambled Sobol sequence. All of it follows from the case alone: the same case always gives the same points.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from advisor.advise.recipes.rule import apply_rule
from advisor.errors import UsageError
from advisor.space.configuration import Configuration
from advisor.space.optimizers import optimizer_family

LEARNING_RATES = {"adam": (1e-5, 1e-1), "sgd": (3e-4, 3e0)}
"""Four decades for each optimizer family, their middle near the usual optimum (AdamW 1e-3, SGD 3e-2)."""
BATCH_SIZES = (8, 512)
FINE_TUNING_RATES = {"adam": (1e-5, 3e-2), "sgd": (1e-4, 1e0)}
"""The same for weights from ImageNet, whose optimum lies lower."""
FINE_TUNING_BATCH_SIZES = (8, 256)
MIN_EPOCHS = 2
MAX_DROPOUT = 0.6
WEIGHT_DECAYS = (1e-6, 0.5)
NO_DROPOUT_SHARE = 0.25
NO_DECAY_SHARE = 0.125


class Budget(BaseModel):
    """What runs may cost, in images of 32 x 32 pixels seen in training.

    Parameters
    ----------
    caps : sequence of int
        Largest numbers of epochs that a case may get.
    typical : float
        Cost of a run at a case's largest number of epochs, in the middle of the cases.
    spread : float
        By how many factors of two cases lie below or above ``typical`` on purpose, so that datasets of one size
        are seen under several caps.
    largest : float
        No run costs more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    caps: tuple[int, ...] = (5, 10, 20, 40)
    typical: float = Field(default=6_000, gt=0)
    spread: float = Field(default=2.0, ge=0)
    largest: float = Field(default=100_000, gt=0)


@dataclass(frozen=True)
class Space:
    """The bounds of one case's configurations."""

    opt: str
    pretrained: bool
    attention: bool
    n_train: int
    max_epochs: int
    imagenet: bool = False
    """Whether training starts from weights of ImageNet."""

    @property
    def max_batch_size(self) -> int:
        """Largest batch: never above the training set, so that every epoch has a step."""
        return min((FINE_TUNING_BATCH_SIZES if self.imagenet else BATCH_SIZES)[1], self.n_train)

    @property
    def learning_rates(self) -> tuple[float, float]:
        """Lowest and highest peak learning rate."""
        return (FINE_TUNING_RATES if self.imagenet else LEARNING_RATES)[optimizer_family(self.opt)]


def cost(n_train: int, epochs: int, img_size: int) -> float:
    """Return the cost of a run in images of 32 x 32 pixels seen in training."""
    return n_train * epochs * (img_size / 32) ** 2


def choose_max_epochs(case_id: str, n_train: int, img_size: int, budget: Budget) -> int:
    """Return a case's largest number of epochs: the cap whose cost lies nearest (by factors) to the case's target.

    Raises
    ------
    UsageError
        If the dataset is so large that even the smallest cap costs too much.
    """
    allowed = [cap for cap in budget.caps if cost(n_train, cap, img_size) < budget.largest]
    if not allowed:
        raise UsageError(
            f"{n_train} images at {img_size} pixels cost too much even for {min(budget.caps)} epochs",
            cause=f"the plan's budget allows {budget.largest:g} images of 32 x 32 pixels in a run",
            hint="take fewer images, or raise budget.largest in the plan",
        )
    offset = np.random.default_rng(stable_seed("cap", case_id)).uniform(-budget.spread, budget.spread)
    target = math.log2(budget.typical) + offset
    return min(allowed, key=lambda cap: abs(math.log2(cost(n_train, cap, img_size)) - target))


def core(space: Space) -> dict[str, Configuration]:
    """Return the named points that every case of an optimizer shares.

    Batch sizes follow the size of the training set where the name does not fix them. Names are those of the points,
    not of ranks: two names may stand for the same configuration in some cases.
    """
    return _fine_tuning_core(space) if space.imagenet else _core(space)


def _fine_tuning_core(space: Space) -> dict[str, Configuration]:
    """Return what people type when they fine-tune, the fixed baselines among it, and single steps from that."""

    def point(lr: float, batch: int, weight_decay: float, dropout: float = 0.0, share: float = 1.0) -> Configuration:
        epochs = max(MIN_EPOCHS, round(space.max_epochs * share))
        return Configuration(lr, min(batch, space.max_batch_size), epochs, dropout, weight_decay)

    def at_batches(rates: Iterable[float]) -> dict[str, Configuration]:
        return {f"lr {lr:g} batch {batch}": point(lr, batch, decay) for batch in (8, 128) for lr in rates}

    if optimizer_family(space.opt) == "sgd":
        decay, rates = 1e-4, (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
        steps = {**at_batches(rates[1:4]), "short": point(3e-3, 32, decay, share=0.4)}
    else:
        # timm's adam adds the decay to the gradient, where 1e-4 is usual.
        decay, rates = 1e-4 if space.opt == "adam" else 0.05, (3e-3, 1e-3, 3e-4, 1e-4, 3e-5)
        regularised = point(1e-3, 32, 10 * decay, 0.3)
        steps = {**at_batches([1e-3]), "regularised": regularised, "short": point(1e-3, 32, decay, share=0.4)}
    return {**{f"lr {lr:g}": point(lr, 32, decay) for lr in rates}, **steps}


def _core(space: Space) -> dict[str, Configuration]:
    """Return the core of cases that train from scratch, or from weights of small drawings."""
    # AdamW's values; SGD with momentum wants some thirty times the learning rate (0.1 of ResNet, 0.03 of fine-tuning
    # against 3e-3 and 1e-3), and a tenth of the coupled weight decay.
    adaptive = optimizer_family(space.opt) != "sgd"
    rate, decay = (1.0, 1.0) if adaptive else (30.0, 0.01)
    if space.pretrained:
        rate /= 10

    def point(lr: float, batch: float, weight_decay: float, dropout: float, share: float = 1.0) -> Configuration:
        return Configuration(
            lr=float(f"{lr * rate:.3g}"),
            batch_size=int(min(max(batch, BATCH_SIZES[0]), space.max_batch_size)),
            epochs=max(MIN_EPOCHS, round(space.max_epochs * share)),
            dropout=dropout,
            weight_decay=float(f"{weight_decay * decay:.3g}"),
        )

    n = space.n_train
    default_batch = min(128, space.max_batch_size)
    exponent = 0.5 if adaptive else 1.0
    return {
        "sane": point(1e-3, 64, 0.05, 0.0),
        "rule": replace(
            apply_rule(space.opt, pretrained=space.pretrained, attention=space.attention, n_train=n),
            epochs=min(space.max_epochs, _rule_epochs(space)),
        ),
        # train.py of timm: --batch-size 128 --lr-base .1 at 256 (square root for ada*), --weight-decay 2e-5
        "train.py": Configuration(
            lr=float(f"{0.1 * (default_batch / 256) ** exponent:.3g}"),
            batch_size=default_batch,
            epochs=space.max_epochs,
            dropout=0.0,
            weight_decay=2e-5,
        ),
        "small-batch": point(1e-3, n / 64, 0.05, 0.0),
        "small-batch-low-lr": point(3e-4, n / 64, 1e-4, 0.2),
        "high-lr": point(3e-3, n / 32, 0.05, 0.0),
        "large-batch-high-lr": point(1e-2, n / 16, 0.05, 0.1),
        "regularised": point(2e-3, n / 32, 0.3, 0.4),
        "short": point(3e-3, n / 32, 0.0, 0.0, share=0.4),
    }


def _rule_epochs(space: Space) -> int:
    """Return the epochs of the fixed rule as it was when these cases were planned: recorded runs are found by them."""
    return round(min(50, max(5, 256_000 / space.n_train))) if space.pretrained else 80


def sobol(case_id: str, space: Space, count: int) -> list[Configuration]:
    """Return points of the case's own scrambled Sobol sequence, half of them at the case's largest epochs."""
    from scipy.stats import qmc

    sampler = qmc.Sobol(5, scramble=True, rng=np.random.default_rng(stable_seed("sobol", case_id)))
    rows = sampler.random_base2(math.ceil(math.log2(count)))[:count]
    return [_from_unit(row, space) for row in rows]


def random_points(case_id: str, space: Space, count: int) -> list[Configuration]:
    """Return independent random points at the case's largest epochs: what random search would draw."""
    rows = np.random.default_rng(stable_seed("reference", case_id)).uniform(size=(count, 5))
    rows[:, 2] = 0.0
    return [_from_unit(row, space) for row in rows]


def _from_unit(row: NDArray[np.float64], space: Space) -> Configuration:
    """Map a point of the unit cube (learning rate, batch, epochs, dropout, weight decay) into the space.

    The lower half of the epochs' axis is the largest number of epochs: a Sobol sequence halves every axis exactly.
    """
    lr, batch, epochs, dropout, decay = (float(value) for value in row)
    longest = space.max_epochs
    return Configuration(
        lr=float(f"{_log_uniform(lr, *space.learning_rates):.3g}"),
        batch_size=round(_log_uniform(batch, BATCH_SIZES[0], space.max_batch_size)),
        epochs=longest if epochs < 0.5 else int(_log_uniform(2 * epochs - 1, MIN_EPOCHS, longest + 0.999)),
        dropout=0.0 if dropout < NO_DROPOUT_SHARE else round(_rest(dropout, NO_DROPOUT_SHARE) * MAX_DROPOUT, 2),
        weight_decay=0.0
        if decay < NO_DECAY_SHARE
        else float(f"{_log_uniform(_rest(decay, NO_DECAY_SHARE), *WEIGHT_DECAYS):.3g}"),
    )


def _rest(value: float, share: float) -> float:
    return (value - share) / (1 - share)


def _log_uniform(value: float, low: float, high: float) -> float:
    return float(low * (high / low) ** value)


def stable_id(*parts: object) -> str:
    """Return twelve hexadecimal characters that stand for the parts, on every machine."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:12]


def stable_seed(*parts: object) -> int:
    """Return a seed that follows from the parts, on every machine."""
    return int(stable_id(*parts), 16)


def is_chosen(case_id: str, purpose: str, share: float) -> bool:
    """Return whether a case is among the ``share`` of all cases picked for a purpose, whatever else is planned."""
    return stable_seed(purpose, case_id) / 16**12 < share
