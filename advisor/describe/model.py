"""Looks up what is known about a timm model before it is built, without torch."""

from __future__ import annotations

import csv
import difflib
import functools
import re
from collections.abc import Mapping
from importlib import resources
from importlib.util import find_spec

from advisor.describe.model_description import ModelDescription
from advisor.errors import UsageError


@functools.cache
def model_names() -> tuple[str, ...]:
    """Return the names of all models in the shipped table, sorted as timm sorts them."""
    return tuple(_rows())


@functools.cache
def _rows() -> dict[str, dict[str, str]]:
    text = resources.files("advisor._meta_data").joinpath("models.csv").read_text(encoding="utf-8")
    return {row["name"]: row for row in csv.DictReader(text.splitlines())}


def without_hub(name: str) -> str:
    """Return a model's name without the place on the Hugging Face Hub: ``hf-hub:timm/resnet50.a1_in1k``."""
    return _HUB_TIMM.sub("", name)


_HUB = re.compile(r"hf[-_]hub:")
_HUB_TIMM = re.compile(r"(?:hf[-_]hub:)?timm/")
_PARTS = re.compile(r"[a-z]+|[0-9]+")


def _near(name: str) -> list[str]:
    """Return the models that a name may mean, the usual ones of a family first."""
    rows, written = _rows(), name.lower()
    joined, parts = re.sub(r"[^a-z0-9]", "", written), _PARTS.findall(written)
    found = [known for known in rows if joined and known.replace("_", "").startswith(joined)]
    found = found or [known for known in rows if parts and _in_order(parts, _PARTS.findall(known))]
    if not found:
        return difflib.get_close_matches(written, rows, n=3, cutoff=0.5)
    # What many weights were trained for, under a short name, is what most people mean.
    return sorted(found, key=lambda known: -len(rows[known]["pretrained_tags"].split()) / (1 + known.count("_")) ** 2)[
        :3
    ]


def _in_order(parts: list[str], of_known: list[str]) -> bool:
    """Tell whether the parts, shortened or not, are among those of a known name in this order, from its first on."""
    rest = iter(of_known)
    return of_known[0] == parts[0] and all(
        any(known == part or (part.isalpha() and known.startswith(part)) for known in rest) for part in parts
    )


@functools.cache
def describe_model(name: str) -> ModelDescription:
    """Return what is known about a timm model.

    Parameters
    ----------
    name : str
        As timm's ``create_model`` takes it; a pretrained tag after a dot is allowed (``resnet50.a1_in1k``).

    Returns
    -------
    ModelDescription
        From the shipped table; for a model that is not in it, from the installed timm.

    Raises
    ------
    UsageError
        If neither knows the model; the hint offers the nearest names.
    """
    architecture = without_hub(name).partition(".")[0]
    row = _rows().get(architecture)
    if row is not None:
        return ModelDescription.from_row(row)
    if find_spec("timm") is not None:
        import timm

        if timm.is_model(architecture):
            from advisor.describe.model_trace import trace

            return trace(architecture)
    near = _near(architecture)
    raise UsageError(
        f"unknown model {name!r}",
        cause="only repositories of timm/ on the Hugging Face Hub are named after their model"
        if _HUB.match(architecture)
        else "neither the shipped table of timm models nor an installed timm has it",
        hint=f"--model {near[0]}" + (f" (or {', '.join(near[1:])})" if near[1:] else "")
        if near
        else "list the names with: python -c 'import timm; print(timm.list_models())'",
    )


def model_features(name: str, img_size: int) -> Mapping[str, float]:
    """Return the features of a timm model at an image size, by name."""
    return describe_model(name).features(img_size)
