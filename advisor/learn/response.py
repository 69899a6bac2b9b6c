"""How accuracy after fine-tuning responds to the learning rate and the weight decay, learned from public GPU runs.

The logit of the accuracy falls with the squared distance of the logarithmic learning rate from an optimum, faster or
slower on either side. The optimum is that of published recipes, moved by what the runs say of the optimizer, the kind
and size of the model, the batch, the number of images and the share of the network that is trained. Coefficients of
bootstrap draws give every prediction a spread. Fitting is in ``research/response_model.py``; prediction needs numpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from advisor.checked_json import read_checked, write_checked
from advisor.describe.model_description import ModelDescription
from advisor.learn.table import Floats
from advisor.space.optimizers import FAMILIES, is_coupled_adaptive

SCHEMA = "advisor.response/1"
FILE = "model.json"

Kind = Literal["convolution", "attention", "hybrid"]

CLIPS: Mapping[str, tuple[float, float]] = {
    "lr": (1e-5, 1e-2),
    "n_train": (1_000, 284_000),
    "batch_size": (2, 512),
    "num_params": (1e6, 306e6),
}
"""The extent of the evidence; what lies outside counts as its nearest end. Fixed before the model was judged."""

_GROUPS = ("decoupled", "coupled", "sgd")
_NOT_LIKE_ADAM = ("adan",)
"""Of the rule's family, but with learning rates of another order."""
_ATTENTION_SHARE = 0.28
"""Share of a plain transformer's parameters that attention holds, at least."""
_CROSS_COVARIANCE = "xcit"
"""Attention between channels, whose parameters are few."""
_SCALES: Mapping[str, float] = {"num_params": 2.0, "img_size": 1.0, "n_train": 2.0, "batch_size": 2.0}
"""Factors of two by which a request lies outside the evidence, at which ``nearness`` is a half."""


@dataclass(frozen=True)
class FineTuning:
    """What decides which learning rate is best.

    Attributes
    ----------
    n_train : int
        Training images.
    num_params : int
        Parameters of the model.
    img_size, pretrain_img_size : int
        Side of the images in pixels, in this training and in pretraining.
    kind : {"convolution", "attention", "hybrid"}
        What the model is made of, see ``model_kind``.
    opt : str
        timm's name of the optimizer.
    batch_size : int
        Global batch size.
    recipe_lr : float
        The learning rate of published recipes in this situation, at this batch size.
    share_trained : float
        Share of the layers that is trained, 1 for all and 0 for the head alone.
    """

    n_train: int
    num_params: int
    img_size: int
    pretrain_img_size: int
    kind: Kind
    opt: str
    batch_size: int
    recipe_lr: float
    share_trained: float = 1.0


def model_kind(model: ModelDescription) -> Kind:
    """Return what a model is made of: convolution, attention, or both."""
    if model.attention == "none":
        return "convolution"
    is_plain = model.attention_share >= _ATTENTION_SHARE or model.name.startswith(_CROSS_COVARIANCE)
    return "attention" if is_plain else "hybrid"


def optimizer_group(opt: str) -> str | None:
    """Return the group of a timm optimizer: decoupled or coupled (adaptive, by their decay), sgd; None without runs."""
    opt = opt.lower()
    if opt in FAMILIES["sgd"]:
        return "sgd"
    if opt not in FAMILIES["adam"] or opt in _NOT_LIKE_ADAM:
        return None
    return "coupled" if is_coupled_adaptive(opt) else "decoupled"


def _clipped(name: str, value: float) -> float:
    low, high = CLIPS[name]
    return min(max(float(value), low), high)


def features(case: FineTuning) -> dict[str, dict[str, float]]:
    """Return the numbers that each part of the model is linear in: ``optimum``, ``below``, ``above`` and ``level``.

    Sizes are decades from 10,000 images, 20 million parameters and a batch of 32. An optimizer without runs gets
    zeros for the optimum, which leaves it where recipes have it.
    """
    group = optimizer_group(case.opt)
    adaptive, sgd, coupled = (float(group in names) for names in (("decoupled", "coupled"), ("sgd",), ("coupled",)))
    batch = math.log10(_clipped("batch_size", case.batch_size) / 32)
    images = math.log10(_clipped("n_train", case.n_train) / 10_000)
    params = math.log10(_clipped("num_params", case.num_params) / 20e6)
    frozen, head = 1 - case.share_trained, float(case.share_trained == 0)
    conv, hybrid = float(case.kind == "convolution"), float(case.kind == "hybrid")
    about = {"one": 1.0, "batch": batch, "images": images, "params": params, "frozen": frozen, "head": head}
    kinds = {"convolution": conv, "hybrid": hybrid}
    optimum = {f"adaptive {name}": adaptive * value for name, value in {**about, **kinds}.items()}
    optimum |= {f"coupled {name}": coupled * value for name, value in about.items() if name != "head"}
    optimum |= {f"sgd {name}": sgd * value for name, value in {**about, **kinds}.items()}
    optimum |= {"adamp": float(case.opt == "adamp"), "momentum": float(case.opt == "momentum")}
    curvature = {"one": 1.0, "sgd": sgd, "coupled": coupled, "frozen": frozen, "params": params, **kinds}
    level = {**about, **kinds, "sgd": sgd, "coupled": coupled, "adamp": optimum["adamp"]}
    level |= {f"sgd {name}": sgd * value for name, value in about.items() if name != "one"}
    return {"optimum": optimum, "below": curvature, "above": curvature, "level": level}


PARTS = ("optimum", "below", "above", "level")


def decay_features(weight_decay: float, opt: str) -> dict[str, float]:
    """Return the penalised features of a weight decay: decades above 1e-3, and their square, by group of optimizer."""
    decades = max(0.0, math.log10(max(weight_decay, 1e-7)) + 3)
    group = optimizer_group(opt)
    return {f"{name} {power}": decades**power * (group == name) for name in _GROUPS for power in (1, 2)}


@dataclass(frozen=True)
class Coefficients:
    """One draw of the coefficients.

    Attributes
    ----------
    optimum : ndarray
        Decades by which the features move the optimum.
    below, above : ndarray
        Logarithm of the curvature on either side of it, linear in its features.
    level : ndarray
        Logit of the accuracy at the optimum.
    decay : ndarray
        Logarithm of how much each feature of the weight decay costs.
    """

    optimum: Floats
    below: Floats
    above: Floats
    level: Floats
    decay: Floats

    def as_list(self) -> list[float]:
        """Return all coefficients in a row."""
        return [float(v) for part in (*PARTS, "decay") for v in getattr(self, part)]


@dataclass(frozen=True)
class Estimate:
    """A value over the bootstrap draws: its median, and the standard deviation."""

    median: float
    spread: float


@dataclass(frozen=True)
class ResponseModel:
    """Predicts what the learning rate and the weight decay do to a fine-tuning.

    Attributes
    ----------
    names : mapping of str to sequence of str
        Names of the coefficients of each part.
    coefficients : Coefficients
        Fitted to all runs.
    draws : sequence of Coefficients
        Fitted to bootstrap samples of the datasets.
    evidence : mapping
        What the runs cover: ``num_params``, ``img_size``, ``img_size_ratio``, ``n_train``, ``batch_size`` as
        (low, high), and the number of ``runs`` by kind and optimizer group.
    provenance : mapping
        Where the runs are from, their licence, and how many there are.
    """

    names: Mapping[str, Sequence[str]]
    coefficients: Coefficients
    draws: Sequence[Coefficients]
    evidence: Mapping[str, Any]
    provenance: Mapping[str, Any]

    def optimum(self, case: FineTuning) -> Estimate:
        """Return the natural logarithm of the best learning rate, within the clips, and its spread."""
        values = [self._optimum(draw, self._vectors(case)[0]["optimum"], case) for draw in self.draws]
        return _predict(values)

    def relative_accuracy(self, lr: float, weight_decay: float, case: FineTuning) -> Estimate:
        """Return the accuracy as a share of what the best learning rate and weight decay reach, at most 1."""
        vectors, decay = self._vectors(case, weight_decay)
        values = []
        for draw in self.draws:
            distance = (math.log(_clipped("lr", lr)) - self._optimum(draw, vectors["optimum"], case)) / math.log(10)
            side = "above" if distance > 0 else "below"
            cost = math.exp(float(vectors[side] @ getattr(draw, side))) * distance**2
            cost += float(decay @ np.exp(draw.decay))
            level = float(vectors["level"] @ draw.level)
            values.append((1 + math.exp(-level)) / (1 + math.exp(min(cost - level, 700.0))))
        return _predict(values)

    def nearness(self, case: FineTuning) -> float:
        """Return how near a fine-tuning is to the runs, 1 where they cover it and toward 0 away from them.

        It falls with the factors of two by which sizes lie outside what was run, and with how few runs there are of
        this kind of model with this optimizer.
        """
        group = optimizer_group(case.opt)
        runs = 0.0 if group is None else float(self.evidence["runs"].get(f"{case.kind} {group}", 0))
        sizes = {name: getattr(case, name) for name in ("num_params", "img_size", "n_train", "batch_size")}
        squares = sum((_octaves(v, self.evidence[name]) / _SCALES[name]) ** 2 for name, v in sizes.items())
        ratio = case.img_size / case.pretrain_img_size
        squares += (_octaves(ratio, self.evidence["img_size_ratio"]) / _SCALES["img_size"]) ** 2
        return runs / (runs + 30) / (1 + squares)

    def _vectors(self, case: FineTuning, weight_decay: float = 0.0) -> tuple[dict[str, Floats], Floats]:
        found = features(case)
        vectors = {part: np.array([found[part][name] for name in self.names[part]]) for part in PARTS}
        decay = decay_features(weight_decay, case.opt)
        return vectors, np.array([decay[name] for name in self.names["decay"]])

    def _optimum(self, draw: Coefficients, vector: Floats, case: FineTuning) -> float:
        moved = math.log10(case.recipe_lr) + float(vector @ draw.optimum)
        return math.log(_clipped("lr", 10**moved))

    def save(self, folder: Path) -> None:
        """Write ``model.json`` into ``folder``."""
        write_checked(folder / FILE, self._content())

    def _content(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "provenance": self.provenance,
            "clips": CLIPS,
            "evidence": self.evidence,
            "names": {part: list(names) for part, names in self.names.items()},
            "coefficients": self.coefficients.as_list(),
            "draws": [draw.as_list() for draw in self.draws],
        }

    @classmethod
    def load(cls, folder: Path) -> ResponseModel:
        """Read what ``save`` wrote.

        Raises
        ------
        AdvisorError
            If the file is missing, changed since it was written, or of another schema.
        """
        hint = "restore it from the distribution, or fit it again with `make -C research response`"
        content = read_checked(folder / FILE, SCHEMA, "response model", hint)
        names = content["names"]
        return cls(
            names=names,
            coefficients=_coefficients(content["coefficients"], names),
            draws=[_coefficients(draw, names) for draw in content["draws"]],
            evidence=content["evidence"],
            provenance=content["provenance"],
        )


def part_names() -> dict[str, list[str]]:
    """Return the names of the coefficients of each part."""
    case = FineTuning(10_000, 20_000_000, 224, 224, "convolution", "adamw", 32, 1e-4)
    found = features(case)
    return {**{part: list(found[part]) for part in PARTS}, "decay": list(decay_features(0.0, "adamw"))}


def _coefficients(values: Sequence[float], names: Mapping[str, Sequence[str]]) -> Coefficients:
    row, parts, start = np.asarray(values, dtype=np.float64), {}, 0
    for part in (*PARTS, "decay"):
        parts[part] = row[start : start + len(names[part])]
        start += len(names[part])
    return Coefficients(**parts)


def _predict(values: Sequence[float]) -> Estimate:
    return Estimate(float(np.median(values)), float(np.std(values)))


def _octaves(value: float, extent: Sequence[float]) -> float:
    low, high = extent
    return max(0.0, math.log2(value / high), math.log2(low / value))
