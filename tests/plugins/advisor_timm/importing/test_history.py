"""What arguments say of a run: its dataset, its peak learning rate and its epochs."""

from __future__ import annotations

import math
from typing import Any

import pytest

from advisor_timm.importing.history import fields_of_arguments, planned_epochs


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"dataset": "torch/cifar10"}, "torch/cifar10"),
        ({"dataset": "", "data_dir": "/mnt/a b/CUB2/"}, "CUB2"),
        ({"data_dir": None, "data": "/home/user/full_size_pu"}, "full_size_pu"),
        ({"data_dir": "C:\\Users\\me\\flowers"}, "flowers"),
        ({"data_dir": ""}, None),
    ],
)
def test_dataset_is_named_without_its_private_path(outputs, given: dict[str, Any], name: str | None) -> None:
    assert fields_of_arguments({**outputs.arguments, **given}, None)["dataset_name"] == name


def test_lr_base_follows_the_rule_of_train_py(outputs) -> None:
    known = {**outputs.arguments, "lr": None, "lr_base": 0.1, "lr_base_size": 256, "lr_base_scale": ""}
    assert fields_of_arguments(known, None)["lr"] is None
    assert fields_of_arguments(known, 4)["lr"] == pytest.approx(0.1 * math.sqrt(128 / 256))
    assert fields_of_arguments({**known, "opt": "sgd"}, 4)["lr"] == pytest.approx(0.1 * 128 / 256)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"cooldown_epochs": 10},
        {"lr_cycle_limit": 3},
        {"lr_cycle_limit": 3, "lr_cycle_mul": 2.0},
        {"warmup_prefix": True, "warmup_epochs": 5},
        {"sched": "step", "cooldown_epochs": 10},
        {"sched": "tanh", "cooldown_epochs": 3},
        {"sched": "poly", "cooldown_epochs": 3},
        {"sched": "multistep", "cooldown_epochs": 3, "decay_milestones": [5]},
        {"sched": "wsd", "cooldown_epochs": 3, "decay_epochs": 5, "warmup_epochs": 2},
    ],
)
def test_planned_epochs_are_those_of_timms_scheduler(outputs, given: dict[str, Any]) -> None:
    from argparse import Namespace

    import torch
    from timm.scheduler import create_scheduler_v2, scheduler_kwargs

    arguments = {**outputs.arguments, "epochs": 20, "decay_rate": 0.1, "warmup_lr": 1e-5, "decay_epochs": 30, **given}
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    _, epochs = create_scheduler_v2(optimizer, **scheduler_kwargs(Namespace(**arguments)))
    assert planned_epochs(arguments) == epochs
