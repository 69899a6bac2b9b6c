"""What the examples train: a small timm model on scikit-learn's 8 x 8 digits, on the CPU, in about a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from sklearn.datasets import load_digits
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2

N_TRAIN, N_EVAL = 200, 200


def write_images(folder: Path) -> Path:
    """Write the digits as an image folder, as a user would have one."""
    images, labels = load_digits(return_X_y=True)
    for index in range(N_TRAIN + N_EVAL):
        path = folder / ("train" if index < N_TRAIN else "validation") / str(labels[index]) / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((images[index].reshape(8, 8) * 15.9375).astype("uint8")).resize((32, 32)).save(path)
    return folder


def read(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the images of one split and their classes."""
    paths = sorted(folder.glob("*/*.png"))
    pixels = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    return torch.tensor(pixels).permute(0, 3, 1, 2) / 127.5 - 1, torch.tensor([int(path.parent.name) for path in paths])


def train(
    folder: Path, lr: float, batch_size: int, epochs: int, dropout: float, weight_decay: float,
    epoch_ended: Callable[[int, float], None] = lambda epoch, top1: None,
) -> float:  # fmt: skip
    """Train with these five and return the accuracy in percent."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    images, labels = read(folder / "train")
    unseen, truth = read(folder / "validation")
    model = timm.create_model("test_resnet", num_classes=10, drop_rate=dropout)
    optimizer = create_optimizer_v2(model, opt="adamw", lr=lr, weight_decay=weight_decay)
    scheduler, _ = create_scheduler_v2(optimizer, sched="cosine", num_epochs=epochs)
    top1 = 0.0
    for epoch in range(epochs):
        model.train()
        for batch in torch.randperm(len(images)).split(batch_size):
            if len(batch) > 1:
                loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        model.eval()
        with torch.inference_mode():
            top1 = 100 * (model(unseen).argmax(1) == truth).float().mean().item()
        scheduler.step(epoch + 1)
        epoch_ended(epoch, top1)
    return top1
