"""What no value of the hyperparameters mends: a run that failed, made no step, came apart, or was set up wrongly."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from advisor.advise.diagnose.symptoms import came_apart, epochs_without_loss, has_nan
from advisor.records.schema import Epoch, Run, Status

DIVERGED = "diverged"
_NO_SCHEDULE = ("", "none")
_WARMUP_SHARE = 5
"""Epochs for each epoch of warm-up, as most recorded runs have it."""
_WEIGHTS = re.compile(
    r"loading state_dict|size mismatch for|missing key\(s\)|unexpected key\(s\)|no checkpoint found"
    r"|no pretrained weights|invalid pretrained tag|huggingface|hf[_ ]hub|safetensor|localentrynotfound"
    r"|pytorchstreamreader|weights_only",
    re.I,
)


@dataclass(frozen=True)
class Cause:
    """Why a run is what it is, where no other value of the hyperparameters would change it.

    Attributes
    ----------
    name : str
        As it is shown.
    meaning : str
        What happened, with the numbers that tell, in one sentence without a full stop.
    remedy : str or None
        What mends it, in one sentence without a full stop; None where only the recorded error tells.
    option : str or None
        The remedy as options of timm's train.py, where it is one.
    """

    name: str
    meaning: str
    remedy: str | None = None
    option: str | None = None


def find_causes(run: Run, epochs: Sequence[Epoch]) -> tuple[Cause, ...]:
    """Return what explains a run without its curve, the most telling first.

    Parameters
    ----------
    run : Run
        The run.
    epochs : sequence of Epoch
        Its epochs in order.
    """
    found = [cause for look in _LOOKS if (cause := look(run, epochs)) is not None]
    if not found and run.status is Status.FAILED:
        what = run.error or "no error was recorded; the script's own output says more"
        found = [Cause("failed", f"the training failed: {what}")]
    return tuple(found)


def _out_of_memory(run: Run, epochs: Sequence[Epoch]) -> Cause | None:
    if not run.out_of_memory:
        return None
    accumulated, processes = run.grad_accum_steps or 1, run.world_size or 1
    size = (run.batch_size or 0) // (accumulated * processes)
    meaning = f"memory ran out{f' with {size} images a step' if size else ''}"
    if size < 2:
        return Cause("out of memory", meaning, "smaller images, or a smaller model")
    if size % 2:
        return Cause("out of memory", meaning, "fewer images a step, with more steps of accumulation")
    return Cause(
        "out of memory",
        meaning,
        "half the images a step and twice the steps of accumulation: the batch, and so the learning rate, stays",
        f"--batch-size {size // 2} --grad-accum-steps {2 * accumulated}",
    )


def _no_step(run: Run, epochs: Sequence[Epoch]) -> Cause | None:
    size = (run.batch_size or 0) // (run.grad_accum_steps or 1)
    if not run.n_train or size <= run.n_train or any(epoch.train_loss for epoch in epochs):
        return None  # what trained with a loss made steps, however its loader counts
    # Whole batches only: timm's training loader leaves the last, incomplete one out.
    fitting = 2 ** int(math.log2(max(1, run.n_train // (run.world_size or 1))))
    return Cause(
        "no step made",
        f"a step takes {size:,} images and there are {run.n_train:,}: incomplete batches are left out, so nothing was "
        "trained",
        "a batch that the training images fill several times",
        f"--batch-size {max(1, fitting // 4)}",
    )


def _weights(run: Run, epochs: Sequence[Epoch]) -> Cause | None:
    if run.status is not Status.FAILED or epochs or not run.error or not _WEIGHTS.search(run.error):
        return None
    return Cause(
        "weights not loaded",
        f"the training failed before its first epoch, as its weights could not be loaded: {run.error}",
        "the weights' file or name has to fit the model; without network, weights have to be in the cache beforehand",
    )


def _head(run: Run, epochs: Sequence[Epoch]) -> Cause | None:
    outputs, classes = run.extra.get("model_num_classes"), run.n_classes
    if not isinstance(outputs, int) or outputs < 1 or not classes or outputs == classes:
        return None
    return Cause(
        "wrong number of outputs",
        f"the model has {outputs:,} outputs for {classes:,} classes",
        "a head of one output for each class",
        f"--num-classes {classes}",
    )


def _scored_on_training_images(run: Run, epochs: Sequence[Epoch]) -> Cause | None:
    if not run.scored_on_training_images:
        return None
    trained, validated = run.splits
    where = f"both read the split {trained!r}"
    if trained is None or trained != validated:
        images = "all images" if run.n_eval is None else f"all {run.n_eval:,} images"
        where = f"there is no validation split, so timm reads {images} for it"
    return Cause(
        "scored on its training images",
        f"validation used the training images ({where}): the accuracy says nothing about other images",
        "a validation split: a folder of images that are not trained on, such as val beside train, or `advisor run "
        "--suggest`, which keeps a fifth of each class for it",
    )


def _came_apart(run: Run, epochs: Sequence[Epoch]) -> Cause | None:
    without = epochs_without_loss(epochs)
    if came_apart(run, epochs):
        if not any(epoch.train_loss is not None or epoch.eval_loss is not None for epoch in epochs):
            without = [epoch.epoch for epoch in epochs]  # the store keeps no NaN
        name, meaning = DIVERGED, "the loss rose until nothing was left of what was learned"
        if without:
            meaning = f"the loss is not a number ({_which(without, epochs)})"
    elif any(has_nan(epoch) for epoch in epochs):
        name, meaning = "numerical trouble", f"the loss was not a number for a while ({_which(without, epochs)})"
    else:
        return None
    if run.amp and "bfloat16" not in str(run.extra.get("amp_dtype")):
        return Cause(name, meaning, "half precision overflows first: bfloat16 instead", "--amp --amp-dtype bfloat16")
    if not run.extra.get("clip_grad"):
        return Cause(
            name, meaning, "clipped gradients; also look for images or labels that are broken", "--clip-grad 1"
        )
    return Cause(name, meaning, "look for images or labels that are broken, and for a loss that divides by zero")


def _which(without: Sequence[int], epochs: Sequence[Epoch]) -> str:
    if len(without) == len(epochs):
        return "in every epoch"
    if list(without) == [epoch.epoch for epoch in epochs[-len(without) :]]:
        return f"from epoch {without[0]} on"
    return f"in {len(without)} of {len(epochs)} epochs, first in epoch {without[0]}"


def _warmup(run: Run, epochs: Sequence[Epoch]) -> Cause | None:
    if not run.epochs or not run.warmup_epochs or run.epochs > run.warmup_epochs:
        return None
    if run.sched is not None and run.sched.lower() in _NO_SCHEDULE:
        return None
    return Cause(
        "warm-up too long",
        f"the warm-up takes {run.warmup_epochs:g} epochs and the training {run.epochs}: the learning rate "
        f"only rose and never reached {'its peak' if run.lr is None else f'{run.lr:g}'}",
        "a warm-up within the epochs; leave the learning rate as it is",
        f"--warmup-epochs {run.epochs // _WARMUP_SHARE if run.epochs >= _WARMUP_SHARE else min(1, run.epochs // 3)}",
    )


_LOOKS: tuple[Callable[[Run, Sequence[Epoch]], Cause | None], ...] = (
    _out_of_memory,
    _no_step,
    _weights,
    _head,
    _came_apart,
    _scored_on_training_images,
    _warmup,
)
