"""The probe: what a tiny network does with the sample at a few learning rates. Needs torch and timm.

A fixed model trains for a fixed number of steps on the thumbnails, so that its answers compare between datasets.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from advisor.describe.features.spec import Feature
from advisor.describe.features.views import shrink
from advisor.errors import MissingExtraError

if TYPE_CHECKING:
    from advisor.describe.sample import Progress, Sample

MODEL, SIDE = "test_resnet", 32
"""The timm model, and the side of the images it sees."""
STEPS, BATCH = 60, 64
LEARNING_RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
"""Peak rates of AdamW that are tried, half a decade apart, each falling to zero as half a cosine."""
_HELD_OUT = 0.25

PROBE_FEATURES = (
    Feature("probe_log_lr", "probe", "log10 of the learning rate with the least held-out loss, between those tried",
            "-3.6 to -1.5", "probe", "where the best rate of this dataset lies against the others'"),
    Feature("probe_skill", "probe", "held-out accuracy there: (accuracy - largest class) / (1 - largest class)",
            "-1 to 1", "probe", "how far a network gets in sixty steps"),
    Feature("probe_speed", "probe", "1 - mean training loss of the steps there / log of the number of classes",
            "-1 to 1", "probe", "how soon the loss falls: easy sets need fewer epochs"),
    Feature("probe_gap", "probe", "training accuracy minus held-out accuracy there", "-1 to 1", "probe",
            "overfitting after few steps: regularisation pays"),
    Feature("probe_tolerance", "probe", "share of the rates tried whose held-out loss is within a tenth of the least",
            "0 to 1", "probe", "how exactly the rate has to be met"),
)  # fmt: skip


@dataclass(frozen=True)
class _Outcome:
    """What one training left: losses of held-out images and of the steps, and both accuracies."""

    loss: float
    mean_step_loss: float
    train_accuracy: float
    accuracy: float


def probe_features(sample: Sample, seconds: float, progress: Progress | None = None) -> dict[str, float]:
    """Return the features of ``PROBE_FEATURES``, or none if they would take longer than allowed.

    Parameters
    ----------
    sample : Sample
        Its training pictures are trained and tested on.
    seconds : float
        Time allowed. The steps are fixed, so a probe that runs out of it has no answer rather than another one.
    progress : callable, optional
        Called as (stage, done, total).

    Raises
    ------
    MissingExtraError
        If torch or timm is not installed.
    """
    try:
        import timm
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "timm", "probe a dataset") from error
    deadline = time.monotonic() + seconds
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same sums in the same order everywhere
    try:
        with torch.random.fork_rng(devices=[]):
            return _probe(sample, deadline, timm, torch, progress)
    finally:
        torch.set_num_threads(threads)


def _probe(sample: Sample, deadline: float, timm: Any, torch: Any, progress: Any) -> dict[str, float]:
    _, classes = np.unique(sample.train.labels, return_inverse=True)
    order = np.random.default_rng(sample.seed).permutation(len(classes))
    n_held_out = max(1, int(_HELD_OUT * len(order)))
    test, train = order[:n_held_out], order[n_held_out:]
    pixels = (shrink(sample.train.thumbnails, SIDE) - 0.45) / 0.225
    x = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), dtype=np.float32))
    y = torch.from_numpy(classes.astype(np.int64))
    outcomes = []
    for number, lr in enumerate(LEARNING_RATES):
        torch.manual_seed(sample.seed)
        model = timm.create_model(MODEL, num_classes=int(classes.max()) + 1)
        outcome = _train(model, x, y, train, test, lr, sample.seed, deadline, torch)
        if outcome is None:
            return {}
        outcomes.append(outcome)
        if progress is not None:
            progress("probing", number + 1, len(LEARNING_RATES))
    losses = np.array([o.loss for o in outcomes])
    best = int(losses.argmin())
    largest = float(np.bincount(classes).max() / len(classes))
    return {
        "probe_log_lr": _valley(np.log10(LEARNING_RATES), losses),
        "probe_skill": (outcomes[best].accuracy - largest) / (1 - largest),
        "probe_speed": max(-1.0, 1 - outcomes[best].mean_step_loss / math.log(int(classes.max()) + 1)),
        "probe_gap": outcomes[best].train_accuracy - outcomes[best].accuracy,
        "probe_tolerance": float((losses <= 1.1 * losses[best]).mean()),
    }


def _train(
    model: Any, x: Any, y: Any, train: Any, test: Any, lr: float, seed: int, deadline: float, torch: Any
) -> _Outcome | None:
    """Return what training at one rate leaves; None if the time is over. A diverged loss counts as ten."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.05)
    rng = np.random.default_rng(seed)
    cross_entropy = torch.nn.functional.cross_entropy
    losses = []
    model.train()
    for step in range(STEPS):
        if time.monotonic() > deadline:
            return None
        rows = rng.choice(train, min(BATCH, len(train)), replace=False)
        for group in optimizer.param_groups:
            group["lr"] = lr * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        loss = cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    model.eval()
    with torch.no_grad():
        held_out = model(x[test])
        seen = rng.choice(train, min(len(test), len(train)), replace=False)
        train_accuracy = float((model(x[seen]).argmax(dim=1) == y[seen]).float().mean())
        loss = float(cross_entropy(held_out, y[test]))
        accuracy = float((held_out.argmax(dim=1) == y[test]).float().mean())
    bounded = [min(value, 10.0) if math.isfinite(value) else 10.0 for value in (loss, *losses)]
    return _Outcome(bounded[0], float(np.mean(bounded[1:])), train_accuracy, accuracy)


def _valley(positions: Any, losses: Any) -> float:
    """Return where a parabola through the least loss and its neighbours is lowest; an end of the range stays it."""
    best = int(losses.argmin())
    if best in (0, len(losses) - 1):
        return float(positions[best])
    left, middle, right = losses[best - 1 : best + 2]
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend > 0 else 0.0
    return float(positions[best] + shift * (positions[best + 1] - positions[best]))
