"""A training in the manner of DeiT: functions from a module, the schedule before the evaluation, no summary.csv."""

import argparse
import json

import torch
from deit_engine import evaluate, train_one_epoch
from timm.models import create_model
from timm.optim import create_optimizer
from timm.scheduler import create_scheduler

p = argparse.ArgumentParser("DeiT training and evaluation script", add_help=False)
p.add_argument("--data-path", "--data-dir")
p.add_argument("--batch-size", default=16, type=int)
p.add_argument("--epochs", default=3, type=int)
p.add_argument("--model", default="test_resnet")
p.add_argument("--drop", default=0.1, type=float)
p.add_argument("--opt", default="adamw")
p.add_argument("--momentum", default=0.9, type=float)
p.add_argument("--weight-decay", default=0.05, type=float)
p.add_argument("--sched", default="cosine")
p.add_argument("--lr", default=5e-4, type=float)
p.add_argument("--warmup-lr", default=1e-6, type=float)
p.add_argument("--min-lr", default=1e-5, type=float)
p.add_argument("--warmup-epochs", default=1, type=int)
p.add_argument("--cooldown-epochs", default=0, type=int)
p.add_argument("--decay-epochs", default=30, type=float)
p.add_argument("--decay-rate", default=0.1, type=float)
p.add_argument("--step-argument", default=0, type=int, help="what is added to the epoch in lr_scheduler.step")
args = p.parse_args()


def main(args):
    torch.manual_seed(0)
    images, labels = torch.randn(64, 3, 32, 32), torch.arange(64) % 8
    batches = [(images[i : i + 16], labels[i : i + 16]) for i in range(0, 64, 16)]
    model = create_model(args.model, pretrained=False, num_classes=8, drop_rate=args.drop)
    optimizer = create_optimizer(args, model)
    lr_scheduler, _ = create_scheduler(args, optimizer)
    done = []
    for epoch in range(args.epochs):
        trained = train_one_epoch(model, torch.nn.CrossEntropyLoss(), batches[:3], optimizer, "cpu", epoch)
        lr_scheduler.step(epoch + args.step_argument)
        tested = evaluate(batches[3:], model, "cpu")
        truth = {"epoch": epoch, "train_loss": trained["loss"], "lr": trained["lr"], "eval_loss": tested["loss"]}
        done.append({**truth, "eval_top1": tested["acc1"], "eval_top5": tested["acc5"]})
    run = {
        "model": args.model,
        "lr": args.lr,
        "epochs": args.epochs,
        "weight_decay": 0.05,
        "dropout": 0.1,
        "opt": "adamw",
    }
    print(json.dumps({"run": {**run, "batch_size": 16, "sched": "cosine", "warmup_epochs": 1}, "epochs": done}))


if __name__ == "__main__":
    main(args)
