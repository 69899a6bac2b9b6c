"""Trains a network of timm on images drawn from a seed; research/trust puts its faults in at the marked places."""

# FAULTS: FIRST
import argparse
import os
import sys  # noqa: F401 (for the faults)
import time

import numpy as np
import torch
from timm import create_model, utils
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2

HERE = os.path.dirname(os.path.abspath(__file__))


def train_one_epoch(epoch, model, images, labels, optimizer):
    model.train()
    losses = []
    for batch in torch.randperm(len(images)).split(16):
        loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"loss": float(np.mean(losses))}


@torch.no_grad()
def validate(model, images, labels):
    model.eval()
    scores = model(images)
    loss = torch.nn.functional.cross_entropy(scores, labels).item()
    return {"loss": loss, "top1": utils.accuracy(scores, labels)[0].item()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="test_resnet")
    parser.add_argument("--opt", default="adamw")
    parser.add_argument("--lr", type=float, default=0.003)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()
    utils.random_seed(0)
    labels = torch.arange(96) % 4
    images = torch.randn(96, 3, 32, 32) + labels[:, None, None, None]
    model = create_model(args.model, num_classes=4)
    optimizer = create_optimizer_v2(model, opt=args.opt, lr=args.lr)
    scheduler, epochs = create_scheduler_v2(optimizer, num_epochs=args.epochs)
    for epoch in range(epochs):
        trained = train_one_epoch(epoch, model, images[:64], labels[:64], optimizer)
        evaluated = validate(model, images[64:], labels[64:])
        utils.update_summary(epoch, trained, evaluated, os.path.join(HERE, "summary.csv"), write_header=epoch == 0)
        scheduler.step(epoch + 1)
        torch.save(model.state_dict(), os.path.join(HERE, "weights.pth"))
        print(f"epoch {epoch}: loss {trained['loss']:.9f}, top-1 {evaluated['top1']:.4f}", flush=True)
        if epoch == 1:
            time.sleep(0.05)
            # FAULTS: MIDDLE
    print(f"next number {torch.randint(1 << 60, ()).item()}", flush=True)
    # FAULTS: LAST


if __name__ == "__main__":
    main()
