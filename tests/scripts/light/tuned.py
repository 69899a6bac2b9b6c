"""Makes the calls of timm's train.py that a tuning needs, with accuracies that follow from the learning rate."""

import argparse
import json
import math
import os
import sys
import time

from timm import create_model, utils
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2

BEST_LR = 0.003


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir")
    parser.add_argument("--model", default="test_resnet")
    parser.add_argument("--pretrained", action="store_true")  # in no time: no weights are read
    parser.add_argument("--num-classes", type=int, default=3)
    parser.add_argument("--img-size", type=int, default=32)
    parser.add_argument("--opt", default="adamw")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--drop", type=float, default=0.0)
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--output", default="")
    parser.add_argument("--experiment", default="")
    if os.environ.get("TUNED_FAULT") != "no-resume":
        parser.add_argument("--resume", default="")
    return parser.parse_args()


def train_one_epoch(epoch, model, args):
    fault, _, at = os.environ.get("TUNED_FAULT", "").partition("@")
    if fault == "memory" and args.batch_size > int(at):
        raise MemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if fault == "wrong":
        raise RuntimeError("no such file: labels.txt")
    if fault == "hang" and epoch == int(at):
        time.sleep(600)
    once = os.path.join(args.output, args.experiment, "paused")
    if os.environ.get("TUNED_PAUSE_AT") == str(epoch) and not os.path.exists(once):
        open(once, "w").close()
        time.sleep(600)
    if fault == "full" and epoch == int(at):
        raise OSError(28, os.strerror(28))
    time.sleep(float(os.environ.get("TUNED_SECONDS", "0.3")))
    for parameter in model.parameters():
        parameter.subtract(0.0)
    return {"loss": 1.0 / (epoch + 1)}


def validate(epoch, args):
    height = 60 * math.exp(-abs(math.log10(args.lr / BEST_LR)))
    return {"loss": 1.0, "top1": 34 + height * (1 - math.exp(-3 * (epoch + 1) / args.epochs))}


def main():
    args = parse()
    if os.environ.get("TUNED_FAULT") == "early":
        sys.exit(3)
    model = create_model(args.model, num_classes=args.num_classes, drop_rate=args.drop)
    optimizer = create_optimizer_v2(model, opt=args.opt, lr=args.lr, weight_decay=args.weight_decay)
    scheduler, epochs = create_scheduler_v2(optimizer, num_epochs=args.epochs)
    folder = os.path.join(args.output, args.experiment)
    os.makedirs(folder, exist_ok=True)
    last = os.path.join(folder, "last.pth.tar")
    start = 0
    if getattr(args, "resume", "") and os.environ.get("TUNED_FAULT") != "ignore-resume":
        with open(args.resume) as file:
            start = json.load(file)["epoch"] + 1
    try:
        for epoch in range(start, epochs):
            print(f"epoch {epoch}", flush=True)
            trained = train_one_epoch(epoch, model, args)
            evaluated = validate(epoch, args)
            summary = os.path.join(folder, "summary.csv")
            utils.update_summary(epoch, trained, evaluated, summary, write_header=epoch == 0)
            if os.environ.get("TUNED_FAULT") == "saves-slowly":
                time.sleep(3.0)
            with open(f"{last}.part", "w") as file:
                json.dump({"epoch": epoch}, file)
            os.replace(f"{last}.part", last)
            scheduler.step(epoch + 1)
        if os.environ.get("TUNED_FAULT") == "stays":
            time.sleep(600)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)


if __name__ == "__main__":
    main()
