"""Looks up what is known about a timm model before it is built, without torch."""

from __future__ import annotations

import csv
import difflib
import functools
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
    architecture = name.partition(".")[0]
    row = _rows().get(architecture)
    if row is not None:
        return ModelDescription.from_row(row)
    if find_spec("timm") is not None:
        import timm

        if timm.is_model(architecture):
            from advisor.describe.model_trace import trace

            return trace(architecture)
    near = difflib.get_close_matches(architecture, _rows(), n=3, cutoff=0.5)
    raise UsageError(
        f"unknown model {name!r}",
        cause="neither the shipped table of timm models nor an installed timm has it",
        hint=f"--model {near[0]}" + (f" (or {', '.join(near[1:])})" if near[1:] else "")
        if near
        else "list the names with: python -c 'import timm; print(timm.list_models())'",
    )


def model_features(name: str, img_size: int) -> Mapping[str, float]:
    """Return the features of a timm model at an image size, by name."""
    return describe_model(name).features(img_size)
