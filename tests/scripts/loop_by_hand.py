"""A training loop of one's own: parts of timm, neither its summary nor its saver, nothing named as in train.py."""

import argparse
import json

import timm
import torch
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from timm.utils import accuracy

p = argparse.ArgumentParser()
p.add_argument("--data-dir")
p.add_argument("--order", choices=["timm", "deit", "none"], default="timm")
p.add_argument("--torch-optimizer", action="store_true")
p.add_argument("--train-accuracy", action="store_true")
p.add_argument("--every", type=int, default=1)
p.add_argument("--sanity", action="store_true")
p.add_argument("--mid-epoch", action="store_true")
p.add_argument("--from-epoch", type=int, default=0)
options = p.parse_args()

torch.manual_seed(0)
images, labels = torch.randn(48, 3, 32, 32), torch.arange(48) % 4
model = timm.create_model("test_resnet", num_classes=4, drop_rate=0.25)
if options.torch_optimizer:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.002, weight_decay=0.03)
else:
    optimizer = create_optimizer_v2(model, opt="adamw", lr=0.002, weight_decay=0.03)
scheduler = None if options.order == "none" else CosineLRScheduler(optimizer, t_initial=4, warmup_t=1)
loss_fn = torch.nn.CrossEntropyLoss()


def steps(epoch, part=slice(0, 32)):
    model.train()
    score = []
    for start in range(part.start, part.stop, 16):
        batch, target = images[start : start + 16], labels[start : start + 16]
        output = model(batch)
        loss = loss_fn(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if options.train_accuracy:
            score.append(accuracy(output, target)[0].item())
    return sum(score) / len(score) if score else None


def score():
    model.eval()
    sums, count = torch.zeros(2), 0
    with torch.no_grad():
        for start, stop in ((32, 42), (42, 48)):  # the last batch is smaller
            output = model(images[start:stop])
            sums += torch.stack(accuracy(output, labels[start:stop], topk=(1, 3))) * (stop - start)
            count += stop - start
    return (sums / count)[0].item()


done = []
if options.sanity:
    score()
if options.from_epoch and scheduler is not None:
    scheduler.step(options.from_epoch)
for epoch in range(options.from_epoch, 4):
    rate = optimizer.param_groups[0]["lr"]
    if options.mid_epoch:
        steps(epoch, slice(0, 16))
        score()
        trained = steps(epoch, slice(16, 32))
    else:
        trained = steps(epoch)
    if options.order == "deit":
        scheduler.step(epoch + 1)
    evaluated = score() if (epoch + 1) % options.every == 0 else None
    if options.order == "timm":
        scheduler.step(epoch + 1)
    done.append({"epoch": epoch, "lr": rate, "train_top1": trained, "eval_top1": evaluated})
print(json.dumps({"run": {"model": "test_resnet", "lr": 0.002, "weight_decay": 0.03, "dropout": 0.25}, "epochs": done}))
