"""The functions of a loop in the manner of DeiT, in a module of their own."""

import torch
from timm.utils import accuracy


def train_one_epoch(model, criterion, batches, optimizer, device, epoch):
    model.train()
    for images, target in batches:
        loss = criterion(model(images.to(device)), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {"lr": optimizer.param_groups[0]["lr"], "loss": loss.item()}


@torch.no_grad()
def evaluate(batches, model, device):
    model.eval()
    results = []
    for images, target in batches:
        output = model(images.to(device))
        acc1, acc5 = accuracy(output, target, topk=(1, 5))
        results.append((torch.nn.functional.cross_entropy(output, target).item(), acc1.item(), acc5.item()))
    means = [sum(column) / len(column) for column in zip(*results, strict=True)]
    return dict(zip(("loss", "acc1", "acc5"), means, strict=True))
