"""One training run in this process, made of timm's own factories in the order of timm's train.py.

With augmentation off, the same seed gives the same curve as train.py (``--no-aug --crop-pct 1 --sched-on-updates``),
because the random numbers are drawn by the same calls in the same order.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from advisor.space.configuration import Configuration

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from advisor.collect.training.images import Images

SCHED = "cosine"
WARMUP_EPOCHS = 1
WARMUP_LR = 1e-5
MIN_LR = 0.0
MOMENTUM = 0.9
LABEL_SMOOTHING = 0.1
EVAL_BATCH_SIZES = {"cpu": 64, "cuda": 512}
"""Images evaluated at once, by device; it changes a result by rounding only."""
AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "none": {"no_aug": True},
    "flip-crop": {"hflip": 0.5, "scale": (0.7, 1.0), "ratio": (0.9, 1.1), "color_jitter": None},
    "timm": {"hflip": 0.5, "scale": (0.08, 1.0), "ratio": (3 / 4, 4 / 3), "color_jitter": 0.4},
}
"""Augmentation levels by name, as arguments of timm's ``create_transform``; ``timm`` is what train.py does if not told
otherwise."""
Trainable = Literal["all", "head"]
"""What of a network is trained: everything, or the classifier only."""


class Diverged(Exception):
    """The training loss is no longer a finite number."""


@dataclass(frozen=True)
class Training:
    """What decides the result of a run, apart from the images."""

    model: str
    img_size: int
    opt: str
    configuration: Configuration
    augment: str
    seed: int
    pretrained: bool = False
    checkpoint: str | None = None
    """Name of the set of checkpoints that training starts from; None with ``pretrained`` means timm's own weights."""
    trainable: Trainable = "all"
    device: str = "cpu"
    """As torch names it; an accelerator computes in bfloat16 where torch's autocast does."""

    @property
    def amp(self) -> bool:
        """Whether training is of mixed precision."""
        return self.device != "cpu"


@dataclass(frozen=True)
class EpochResult:
    """What one epoch gave: accuracies in percent, seconds of training and evaluation.

    The seconds are this process's CPU time; on an accelerator the time that passed.
    """

    epoch: int
    lr: float
    train_loss: float
    train_top1: float
    eval_loss: float
    eval_top1: float
    eval_top5: float
    seconds: float


def steps_per_epoch(n_train: int, batch_size: int) -> int:
    """Return the optimizer steps of an epoch: like timm's loader, the last incomplete batch is dropped."""
    return n_train // batch_size


@functools.cache
def data_config(model: str) -> dict[str, Any]:
    """Return the normalisation and interpolation timm's train.py would use for a model."""
    import timm
    from timm.data import resolve_data_config

    with _meta_device():
        return dict(resolve_data_config({}, model=timm.create_model(model)))


@functools.cache
def input_size(model: str, pixels: int) -> int:
    """Return the smallest input size that the model can be trained at without losing any of ``pixels``.

    The size itself, or else the next multiple of 16, or of 32.

    Raises
    ------
    ValueError
        If the model takes none of them.
    """
    import torch

    for size in (pixels, math.ceil(pixels / 16) * 16, math.ceil(pixels / 32) * 32):
        try:
            network = _create_model(model, size, num_classes=2)
            network.train()(torch.zeros(2, 3, size, size))
        except (RuntimeError, AssertionError, ZeroDivisionError, ValueError):
            continue
        return size
    raise ValueError(f"{model} cannot be trained on images of {pixels} pixels")


def train(
    training: Training, images: Images, *, weights: Path | None = None, save_to: Path | None = None
) -> Iterator[EpochResult]:
    """Train and yield each epoch's results.

    Parameters
    ----------
    training : Training
        Its batch size must be at most the number of training images, so that every epoch has a step.
    images : Images
        At the input size of ``training``.
    weights : Path, optional
        File of the checkpoint that ``training`` names; its classifier is not taken.
    save_to : Path, optional
        Where the trained weights are written, as safetensors.

    Raises
    ------
    Diverged
        When a training loss is not finite; the epochs before it have been yielded.
    """
    import torch
    from timm.loss import LabelSmoothingCrossEntropy
    from timm.scheduler import create_scheduler_v2

    values = training.configuration
    steps = steps_per_epoch(len(images.train), values.batch_size)
    if steps < 1:
        raise ValueError(f"a batch of {values.batch_size} is larger than the {len(images.train)} training images")
    model, optimizer, batches = begin(training, images, weights=weights)
    scheduler, epochs = create_scheduler_v2(
        optimizer,
        sched=SCHED,
        num_epochs=values.epochs,
        min_lr=MIN_LR,
        warmup_lr=WARMUP_LR,
        warmup_epochs=WARMUP_EPOCHS,
        step_on_epochs=False,
        updates_per_epoch=steps,
    )
    loss_function = LabelSmoothingCrossEntropy(LABEL_SMOOTHING)
    clock = time.perf_counter if training.amp else time.process_time
    autocast = functools.partial(torch.autocast, training.device.partition(":")[0], torch.bfloat16, training.amp)
    for epoch in range(epochs):
        started = clock()
        _set_training(model, training.trainable)
        train_loss, seen, updates = 0.0, 0, epoch * steps
        correct = torch.zeros((), dtype=torch.int64, device=training.device)
        for inputs, labels in batches.train():
            optimizer.zero_grad()
            with autocast():
                outputs = model(inputs)
                loss = loss_function(outputs, labels)
            loss.backward()
            optimizer.step()
            updates += 1
            scheduler.step_update(num_updates=updates)
            # The one moment of a step at which an accelerator is waited for.
            value = loss.item()
            if not math.isfinite(value):
                raise Diverged(f"the training loss was {value} in epoch {epoch}")
            train_loss += value * len(labels)
            correct += (outputs.argmax(1) == labels).sum()
            seen += len(labels)
        with torch.inference_mode(), autocast():
            evaluation = _evaluate(model.eval(), batches.validation())
        rates = [group["lr"] for group in optimizer.param_groups]
        yield EpochResult(
            epoch=epoch,
            lr=sum(rates) / len(rates),
            train_loss=train_loss / seen,
            train_top1=100 * int(correct) / seen,
            seconds=clock() - started,
            **evaluation,
        )
    if save_to is not None:
        from safetensors.torch import save_file

        save_file({name: value.contiguous() for name, value in model.state_dict().items()}, save_to)


def begin(training: Training, images: Images, *, weights: Path | None = None) -> tuple[nn.Module, Optimizer, Batches]:
    """Return the network, the optimizer and the batches that a training starts with.

    Parameters
    ----------
    training : Training
        What is to be trained.
    images : Images
        At its input size.
    weights : Path, optional
        File of the checkpoint that ``training`` names; its classifier is not taken.
    """
    import torch
    from timm.optim import create_optimizer_v2
    from timm.utils import random_seed

    values = training.configuration
    random_seed(training.seed)
    start: dict[str, Any] = {"pretrained": training.pretrained}
    if weights is not None:
        start["pretrained_cfg_overlay"] = {"file": str(weights), "num_classes": -1}
    model = _create_model(
        training.model, training.img_size, num_classes=images.n_classes, drop_rate=values.dropout, **start
    )
    # Both change the result only by rounding, and make a run on a processor a third faster.
    model = model.to(training.device, memory_format=torch.channels_last)
    if training.trainable == "head":
        _freeze_all_but_the_classifier(model)
    optimizer = create_optimizer_v2(
        model, opt=training.opt, lr=values.lr, weight_decay=values.weight_decay, momentum=MOMENTUM, fused=True
    )
    return model, optimizer, Batches(training, images, values.batch_size)


def release_memory(device: str) -> None:
    """Give back what torch keeps of an accelerator's memory after a training, as other workers train on it too."""
    import torch

    if device != "cpu":
        torch.cuda.empty_cache()


def _freeze_all_but_the_classifier(model: nn.Module) -> None:
    classifier = {id(parameter) for parameter in model.get_classifier().parameters()}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in classifier)


def _set_training(model: nn.Module, trainable: Trainable) -> None:
    """Set a network to training; a frozen one keeps the statistics that its batch norms were pretrained with."""
    from torch.nn.modules.batchnorm import _BatchNorm

    model.train()
    if trainable == "head":
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()


def _evaluate(model: nn.Module, batches: Iterator[tuple[Tensor, Tensor]]) -> dict[str, float]:
    from torch.nn.functional import cross_entropy

    loss, correct1, correct5, seen = 0.0, 0, 0, 0
    for inputs, labels in batches:
        outputs = model(inputs)
        loss += cross_entropy(outputs, labels, reduction="sum").item()
        hits = outputs.topk(min(5, outputs.shape[1])).indices == labels[:, None]
        correct1 += int(hits[:, 0].sum())
        correct5 += int(hits.sum())
        seen += len(labels)
    return {"eval_loss": loss / seen, "eval_top1": 100 * correct1 / seen, "eval_top5": 100 * correct5 / seen}


class Batches:
    """Normalised batches, in the order torch's DataLoader draws as it does for train.py."""

    def __init__(self, training: Training, images: Images, batch_size: int) -> None:
        import torch
        from timm.data import create_transform
        from torch.utils.data import DataLoader

        config = data_config(training.model)
        device = training.device
        mean, std = (torch.tensor([v * 255 for v in config[k]], device=device) for k in ("mean", "std"))
        self._normalise = functools.partial(_normalise, mean=mean, std=std)
        self._images = images.to(device)
        self._augment = (
            None
            if training.augment == "none"
            else create_transform(
                training.img_size,
                is_training=True,
                interpolation=config["interpolation"],
                use_prefetcher=True,
                **AUGMENTATIONS[training.augment],
            )
        )
        # What every epoch sees alike is normalised once.
        self._seen = None if self._augment else self._normalise(self._images.train.images)
        self._evaluated = self._normalise(self._images.validation.images)
        indices: Any = range(len(images.train))
        self._train = DataLoader(indices, batch_size, shuffle=True, drop_last=True, collate_fn=torch.tensor)
        indices = range(len(images.validation))
        batch_size = EVAL_BATCH_SIZES[device.partition(":")[0]]
        self._validation = DataLoader(indices, batch_size, collate_fn=torch.tensor)

    def train(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield an epoch of shuffled and, where asked for, augmented batches."""
        images, labels = self._images.train.images, self._images.train.labels
        for rows in self._train:
            pixels = self._normalise(self._augmented(images[rows])) if self._seen is None else self._seen[rows]
            yield _as_channels(pixels), labels[rows]

    def validation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the evaluation split in its order."""
        labels = self._images.validation.labels
        for rows in self._validation:
            yield _as_channels(self._evaluated[rows]), labels[rows]

    def _augmented(self, images: Tensor) -> Tensor:
        import torch
        from PIL import Image

        assert self._augment is not None
        pictures = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images.cpu()]
        return torch.stack([self._augment(picture) for picture in pictures]).to(images.device)


def _normalise(images: Tensor, *, mean: Tensor, std: Tensor) -> Tensor:
    """Return uint8 images of shape (n, 3, height, width) as normalised floats of shape (n, height, width, 3)."""
    import torch

    return images.permute(0, 2, 3, 1).contiguous().to(torch.float32).sub_(mean).div_(std)


def _as_channels(pixels: Tensor) -> Tensor:
    """Return a view of shape (n, 3, height, width), which is what torch calls channels last."""
    return pixels.permute(0, 3, 1, 2)


def _create_model(model: str, img_size: int, **kwargs: Any) -> nn.Module:
    """Create a timm model, telling its input size to those that must know it (vision transformers and their kin)."""
    import timm

    config = timm.models.get_pretrained_cfg(model)
    sized = {"img_size": img_size} if config is not None and config.fixed_input_size else {}
    network: nn.Module = timm.create_model(model, **sized, **kwargs)
    return network


def _meta_device() -> Any:
    import torch

    return torch.device("meta")
