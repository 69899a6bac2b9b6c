"""Which models may be ranked: those that are named, or all with pretrained weights whose accuracy is published."""

from __future__ import annotations

import re

from advisor.advise.models.published import imagenet_results
from advisor.describe.model import describe_model, without_hub
from advisor.errors import UsageError
from advisor.learn.model_choice import Candidate
from advisor.learn.response import CLIPS

AUTO = "auto"
LARGEST = int(CLIPS["num_params"][1])
"""Parameters of the largest model that was recorded; none beyond it is chosen for who names none."""
_UNITS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9}
_BYTES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def named_models(text: str) -> tuple[str, ...]:
    """Return the models of a list with commas, each once; none where it is ``auto``.

    Raises
    ------
    UsageError
        If it names no model, or one that is not known.
    """
    if text.strip() == AUTO:
        return ()
    names = tuple(dict.fromkeys(without_hub(name.strip()) for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError("no model is named", hint="--models resnet50,convnext_tiny, or --models auto")
    for name in names:
        describe_model(name)
    return names


def parse_count(text: str) -> int:
    """Return a number of parameters such as ``30M``.

    Raises
    ------
    UsageError
        If it is none, or not above 0.
    """
    return _parse(text, _UNITS, "[kmgb]?", "number of parameters", "write it like 30M or 1.5G")


def parse_bytes(text: str, what: str = "amount of memory") -> int:
    """Return the bytes of a size such as ``8G`` or ``11.5GiB``; ``what`` it is of is said where it is none.

    Raises
    ------
    UsageError
        If it is none, or not above 0.
    """
    return _parse(text, _BYTES, "[kmgt]?(?=(?:i?b)?$)", what, "write it like 8G or 512M")


def _parse(text: str, units: dict[str, float] | dict[str, int], unit: str, what: str, hint: str) -> int:
    found = re.match(rf"(\d+(?:\.\d+)?)\s*({unit})(?:i?b)?$", text.strip().lower())
    value = int(float(found[1]) * units[found[2]]) if found else 0
    if value < 1:
        raise UsageError(f"{text!r} is no {what} above 0", hint=hint)
    return value


def all_models(max_params: int | None) -> tuple[str, ...]:
    """Return one of the weights of every architecture whose accuracy is published.

    That is timm's default, which the architecture's name alone stands for; where nothing is published of it, the best.
    """
    best: dict[str, str] = {}
    published = imagenet_results()
    for name, top1 in published.items():
        architecture = name.partition(".")[0]
        model = describe_model(architecture)
        if model.num_params > (max_params or LARGEST):
            continue
        if f"{architecture}.{next(iter(model.pretrained_tags), '')}" in published:
            best[architecture] = architecture
        elif architecture not in best or published[best[architecture]] < top1:
            best[architecture] = name
    return tuple(best.values())


def candidate_of(name: str) -> Candidate | None:
    """Return a model as far as it tells how good it will be; None where nothing is published of its weights."""
    try:
        model = describe_model(name)
    except UsageError:  # a run may be of a model of the user's own
        return None
    tag = without_hub(name).partition(".")[2] or next(iter(model.pretrained_tags), "")
    full = f"{model.name}.{tag}"
    top1 = imagenet_results().get(full)
    return None if top1 is None else Candidate(full, model.name, model.family, top1)
