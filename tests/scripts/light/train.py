"""Trains on digits drawn from a seed, with timm's names; research/trust puts its faults in at the marked places."""

# FAULTS: FIRST
import argparse
import os
import sys  # noqa: F401 (for the faults)
import time

import numpy as np
from timm import create_model, utils
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2

HERE = os.path.dirname(os.path.abspath(__file__))


def train_one_epoch(epoch, model, images, labels, optimizer, order):
    losses = []
    for start in range(0, len(images), 32):
        batch = order[start : start + 32]
        predicted = model.probabilities(images[batch])
        losses.append(-np.log(predicted[np.arange(len(batch)), labels[batch]] + 1e-9).mean())
        predicted[np.arange(len(batch)), labels[batch]] -= 1
        optimizer.step(images[batch].T @ predicted / len(batch))
    return {"loss": float(np.mean(losses))}


def validate(model, images, labels):
    predicted = model.probabilities(images)
    loss = -np.log(predicted[np.arange(len(images)), labels] + 1e-9).mean()
    return {"loss": float(loss), "top1": utils.accuracy(predicted, labels)[0]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="softmax")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=4)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 64))
    labels = rng.integers(0, 10, 1500)
    images = centres[labels] + rng.normal(scale=3.0, size=(1500, 64))
    model = create_model(args.model, num_classes=10)
    optimizer = create_optimizer_v2(model, opt="sgd", lr=args.lr)
    scheduler, epochs = create_scheduler_v2(optimizer, num_epochs=args.epochs)
    for epoch in range(epochs):
        trained = train_one_epoch(epoch, model, images[:1000], labels[:1000], optimizer, rng.permutation(1000))
        evaluated = validate(model, images[1000:], labels[1000:])
        utils.update_summary(epoch, trained, evaluated, os.path.join(HERE, "summary.csv"), write_header=epoch == 0)
        scheduler.step(epoch + 1)
        utils.write_weights(os.path.join(HERE, "weights.bin"), model.weight.values)
        print(f"epoch {epoch}: loss {trained['loss']:.12f}, top-1 {evaluated['top1']:.4f}", flush=True)
        if epoch == 1:
            time.sleep(0.05)
            # FAULTS: MIDDLE
    print(f"next number {rng.integers(1 << 60)}", flush=True)
    # FAULTS: LAST


if __name__ == "__main__":
    main()
