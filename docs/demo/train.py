"""A small training script of the usual shape, made of timm's parts: what `advisor run` is attached to in the demo.

It knows nothing of the adviser.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from timm import utils
from timm.data import create_dataset, create_loader, resolve_model_data_config
from timm.models import create_model
from timm.optim import create_optimizer_v2, optimizer_kwargs
from timm.scheduler import create_scheduler_v2, scheduler_kwargs

parser = argparse.ArgumentParser(description="Train a timm model on an image folder, on the CPU")
parser.add_argument("--data-dir", type=Path, required=True)
parser.add_argument("--train-split", default="train")
parser.add_argument("--val-split", default="validation")
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--model", default="test_resnet")
parser.add_argument("--pretrained", action="store_true")
parser.add_argument("--num-classes", type=int, required=True)
parser.add_argument("--img-size", type=int, default=32)
parser.add_argument("-b", "--batch-size", type=int, default=64)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--drop", type=float, default=0.0)
parser.add_argument("--opt", default="adamw")
parser.add_argument("--lr", type=float, default=1e-3)
parser.add_argument("--weight-decay", type=float, default=0.05)
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--sched", default="cosine")
parser.add_argument("--sched-on-updates", action="store_true")
parser.add_argument("--warmup-lr", type=float, default=1e-5)
parser.add_argument("--warmup-epochs", type=int, default=0)
parser.add_argument("--cooldown-epochs", type=int, default=0)
parser.add_argument("--min-lr", type=float, default=0.0)
parser.add_argument("--smoothing", type=float, default=0.1)
parser.add_argument("--seed", type=int, default=42)


def train_one_epoch(epoch, model, loader, optimizer, loss_function, scheduler) -> float:
    model.train()
    losses = utils.AverageMeter()
    for step, (inputs, targets) in enumerate(loader, epoch * len(loader) + 1):
        loss = loss_function(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step_update(step)
        losses.update(loss.item(), len(inputs))
    return losses.avg


@torch.inference_mode()
def validate(model, loader) -> dict[str, float]:
    model.eval()
    losses, top1, top5 = utils.AverageMeter(), utils.AverageMeter(), utils.AverageMeter()
    for inputs, targets in loader:
        outputs = model(inputs)
        acc1, acc5 = utils.accuracy(outputs, targets, topk=(1, 5))
        losses.update(torch.nn.functional.cross_entropy(outputs, targets).item(), len(inputs))
        top1.update(acc1.item(), len(inputs))
        top5.update(acc5.item(), len(inputs))
    return {"loss": losses.avg, "top1": top1.avg, "top5": top5.avg}


def main() -> None:
    args = parser.parse_args()
    torch.set_num_threads(1)
    utils.random_seed(args.seed)
    model = create_model(args.model, args.pretrained, num_classes=args.num_classes, drop_rate=args.drop)
    size, colours = (3, args.img_size, args.img_size), resolve_model_data_config(model)
    loaders = {}
    for role, split in (("train", args.train_split), ("validation", args.val_split)):
        dataset = create_dataset("", root=str(args.data_dir), split=split, is_training=role == "train")
        loaders[role] = create_loader(
            dataset, input_size=size, batch_size=args.batch_size, is_training=role == "train", num_workers=0,
            use_prefetcher=False, no_aug=True, crop_pct=1.0, mean=colours["mean"], std=colours["std"],
            pin_memory=False, device=torch.device("cpu"), persistent_workers=False,
        )  # fmt: skip
    optimizer = create_optimizer_v2(model, **optimizer_kwargs(cfg=args))
    updates = len(loaders["train"])
    scheduler, num_epochs = create_scheduler_v2(optimizer, **scheduler_kwargs(args), updates_per_epoch=updates)
    loss_function = torch.nn.CrossEntropyLoss(label_smoothing=args.smoothing)
    args.output.mkdir(parents=True, exist_ok=True)
    summary, scores = args.output / "summary.csv", []
    for epoch in range(num_epochs):
        started = time.perf_counter()
        loss = train_one_epoch(epoch, model, loaders["train"], optimizer, loss_function, scheduler)
        train_metrics = {"loss": loss}
        eval_metrics = validate(model, loaders["validation"])
        lr = optimizer.param_groups[0]["lr"]
        utils.update_summary(epoch, train_metrics, eval_metrics, summary, lr=lr, write_header=epoch == 0)
        scheduler.step(epoch + 1, eval_metrics["top1"])
        scores.append(eval_metrics["top1"])
        print(f"epoch {epoch}: top-1 {eval_metrics['top1']:.2f} % in {time.perf_counter() - started:.1f} s")
    best = max(range(num_epochs), key=scores.__getitem__)
    print(f"best: {scores[best]:.2f} % in epoch {best}")


if __name__ == "__main__":
    main()
