"""What the train-like scripts do within an epoch; each script defines its own functions on top, as train.py does."""

import json
import os
import signal
import time
from collections import OrderedDict

import torch
from timm import utils


def misbehave(args, epoch):
    """Go wrong on purpose where ``--fault KIND@EPOCH`` asks for it."""
    kind, _, at = args.fault.partition("@")
    if not kind or int(at) != epoch:
        return
    if kind == "error":
        raise RuntimeError("the loader lost its connection")
    if kind == "interrupt":
        raise KeyboardInterrupt
    if kind == "memory":
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if kind == "exit":
        raise SystemExit(7)
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "wait":
        print("waiting", flush=True)
        time.sleep(60)


def train(epoch, forward, loader, optimizer, args, *, updated=lambda: None, lr_scheduler=None):
    misbehave(args, epoch)
    losses = utils.AverageMeter()
    steps = args.grad_accum_steps
    updates = epoch * -(-len(loader) // steps)
    optimizer.zero_grad()
    for index, (images, target) in enumerate(loader):
        loss = forward(images, target)
        if args.fault == "nan@0":
            loss = loss * float("nan")
        (loss / steps).backward()
        losses.update(loss.item(), images.size(0))
        if (index + 1) % steps and index + 1 != len(loader):
            continue
        optimizer.step()
        optimizer.zero_grad()
        updates += 1
        updated()
        if lr_scheduler is not None:
            lr_scheduler.step_update(num_updates=updates, metric=losses.avg)
    average = losses.avg
    if args.distributed:
        average = utils.reduce_tensor(torch.tensor([average]), args.world_size).item()
    return OrderedDict([("loss", average)])


def run_evaluation(model, loader, loss_fn, args):
    losses, top1, top5 = utils.AverageMeter(), utils.AverageMeter(), utils.AverageMeter()
    model.eval()
    with torch.inference_mode():
        for images, target in loader:
            output = model(images)
            loss = loss_fn(output, target)
            acc1, acc5 = utils.accuracy(output, target, topk=(1, 5))
            if args.distributed:
                loss, acc1, acc5 = (utils.reduce_tensor(value, args.world_size) for value in (loss, acc1, acc5))
            losses.update(loss.item(), images.size(0))
            top1.update(acc1.item(), output.size(0))
            top5.update(acc5.item(), output.size(0))
    return OrderedDict([("loss", losses.avg), ("top1", top1.avg), ("top5", top5.avg)])


def rate(optimizer):
    """The learning rate that train.py prints: the mean over the parameter groups."""
    rates = [group["lr"] for group in optimizer.param_groups]
    return sum(rates) / len(rates)


def epoch_truth(epoch, lr, training, evaluation=None, average=None):
    """What happened in an epoch, by the names of the record."""
    truth = {"epoch": epoch, "lr": lr, "train_loss": training["loss"]}
    if evaluation is not None:
        truth.update({f"eval_{name}": evaluation[name] for name in ("loss", "top1", "top5")})
    if average is not None:
        truth["ema_eval_top1"] = average["top1"]
    return truth


def print_truth(args, *, model, lr, epochs, datasets, done):
    """Print what the run really was, by the names of the record, for a test to compare the record with."""
    run = {
        "model": args.model,
        "pretrained": args.pretrained,
        "num_params": sum(parameter.numel() for parameter in model.parameters()),
        "img_size": args.img_size,
        "n_train": len(datasets[0]),
        "n_eval": len(datasets[1]) if datasets[1] is not None else None,
        "n_classes": args.num_classes,
        "opt": args.opt,
        "sched": args.sched,
        "warmup_epochs": args.warmup_epochs,
        "min_lr": args.min_lr,
        "lr": lr,
        "batch_size": args.batch_size * args.world_size * args.grad_accum_steps,
        "epochs": epochs,
        "dropout": args.drop,
        "weight_decay": args.weight_decay,
        "drop_path": args.drop_path or 0.0,
        "label_smoothing": args.smoothing,
        "mixup": args.mixup,
        "cutmix": args.cutmix,
        "ema": args.model_ema,
        "amp": args.amp,
        "seed": args.seed,
        "world_size": args.world_size,
        "grad_accum_steps": args.grad_accum_steps,
        "epochs_done": len(done),
    }
    print(json.dumps({"run": run, "epochs": done}), flush=True)
