"""What the train-like scripts do within an epoch; each script defines its own functions on top, as train.py does."""

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


def evaluate(model, loader, loss_fn, args):
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
