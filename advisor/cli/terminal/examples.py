"""An example or two of each command, which its --help ends with."""

from __future__ import annotations

import click

EXAMPLES: dict[str, tuple[str, ...]] = {
    "suggest": (
        "advisor suggest --dataset photos --model resnet50",
        "advisor suggest --dataset photos --scratch --max-epochs 20 --fix lr=0.001",
        "advisor suggest --dataset photos --model resnet50 --format args",
        "advisor suggest --dataset photos --models auto --max-params 30M --memory 8G",
    ),
    "run": (
        "advisor run train.py --data-dir photos --model resnet50 --epochs 20",
        "advisor run --suggest --name first train.py --data-dir photos --model resnet50",
        "advisor run --watch train.py --data-dir photos --model resnet50 --epochs 20",
    ),
    "watch": ("advisor watch", "advisor watch first --format json"),
    "tune": (
        "advisor tune --budget 1h train.py --data-dir photos --model resnet50",
        "advisor tune --report train.py --data-dir photos --model resnet50",
    ),
    "explain": ("advisor explain --dataset photos --model resnet50",),
    "report": ("advisor report --dataset photos --model resnet50",),
    "diagnose": ("advisor diagnose", "advisor diagnose first"),
    "describe": (
        "advisor describe --dataset photos",
        "advisor describe --dataset torch/mnist:data --format json",
        "advisor describe --dataset photos.zip --contact-sheet sheet.png",
    ),
    "records": ("advisor records list", "advisor records import output/train"),
    "records list": (
        "advisor records list --model resnet50 --since 7d",
        "advisor records list --sort best_metric --limit 5 --format json",
    ),
    "records show": ("advisor records show first", "advisor records show 01m8898 --format json"),
    "records import": ("advisor records import output/train mlruns study.db",),
    "records export": (
        "advisor records export --output runs.csv",
        "advisor records export --epochs --model resnet50 --format jsonl",
    ),
    "records sync": ("advisor records sync", "advisor records sync --from copied/spool"),
    "records remove": ("advisor records remove first",),
    "records backup": ("advisor records backup monday.db",),
    "records restore": ("advisor records restore monday.db",),
    "records prune": ("advisor records prune --status failed --older-than 90d --dry-run",),
    "train": ("advisor train",),
    "evaluate": ("advisor evaluate --contexts",),
    "collect": ("advisor collect plan.yaml --data data --dry-run",),
    "doctor": ("advisor doctor",),
    "plugins": ("advisor plugins --format json",),
    "config": ("advisor config", "ADVISOR_PLUGINS=none advisor config"),
}


def add_examples(command: click.Command, path: str) -> None:
    """Give a command, and those below it, their examples to end their help with.

    Parameters
    ----------
    command : click.Command
    path : str
        How it is called after ``advisor``, such as ``records list``.
    """
    if path in EXAMPLES:
        command.epilog = "\n".join(("\b", "Examples:", *(f"  {example}" for example in EXAMPLES[path])))
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            add_examples(below, f"{path} {name}")
