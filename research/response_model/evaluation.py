"""Everything that docs/response-model.md says: what is reached on datasets, models and sources not seen."""

from __future__ import annotations

import csv
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from advisor.advise.recipes.fine_tuning import describe_fine_tuning
from advisor.advise.recipes.published import lr_sources
from advisor.advise.recipes.recipes import Recipes, Situation, pretraining_corpus
from advisor.describe.model import describe_model
from advisor.learn.response import CLIPS, FineTuning, ResponseModel, features, part_names
from advisor.learn.table import Floats
from advisor.space.optimizers import batch_factor, recipe_family
from research.quicktune.joint_runs import describe_by_any_name
from research.response_model.fitting import (
    MOSTLY_FROZEN_WEIGHT,
    Design,
    Fits,
    coefficients,
    curve,
    design,
    leave_datasets_out,
    mean_error,
    weights_of,
)
from research.response_model.judging import (
    TRAINED,
    best_fixed,
    by_dataset,
    expected_outcomes,
    interval,
    median_factor,
    pairs_of,
    subsets,
    values,
)
from research.response_model.runs import PLANNED_EPOCHS, PublicRuns

GEO, SOUPS = "GEO-Bench-2", "model soups"
COMMON = {
    "resnet50": "resnet50",
    "efficientnet_b0": "efficientnet_b0",
    "convnext_tiny": "convnext_tiny",
    "vit_base": "vit_base_patch16_224",
    "swin_tiny": "swin_tiny_patch4_window7_224",
    "mobilevit_s": "mobilevit_s",
}
ASKED_IMAGES, ASKED_BATCH = 2_000, 32
ADVISERS = ("random", "best on average", "recipes, before", "recipes, now", "response model")


@dataclass(frozen=True)
class Value:
    """The value of following an adviser in a subset, and how much more that is than the recipes' with its interval."""

    value: float
    gain: float
    low: float
    high: float


@dataclass(frozen=True)
class Held:
    """How one way of fitting does on datasets left out.

    Attributes
    ----------
    values : dict of str to Value
        By subset.
    pairs, pairs_same_share : float
        Share of pairs in which the better run is told by the learning rate alone, mean over datasets; the second among
        those that train the same share of the layers.
    """

    values: Mapping[str, Value]
    pairs: float
    pairs_same_share: float


@dataclass(frozen=True)
class Tuned:
    """A learning rate that a source tuned, and the case it is for."""

    backbone: str
    dataset: str
    lr: float
    case: FineTuning


def without(recipes: Recipes, *sources: str) -> Recipes:
    """Return the recipes of all other sources."""
    return Recipes([recipe for recipe in recipes.recipes if recipe.source not in sources])


def todays_rates(runs: PublicRuns, recipes: Recipes) -> Floats:
    """Return what recipes advised for each run before there was a response model, hybrids taken for transformers."""
    advised = []
    for case, name in zip(runs.cases, runs.model, strict=True):
        model = describe_by_any_name(str(name))
        situation = Situation(
            log_n_train=math.log2(case.n_train),
            log_params=math.log2(model.num_params),
            log_img_size=math.log2(model.img_size),
            attention=model.attention_share,
            corpus=pretraining_corpus(next(iter(model.pretrained_tags), "")),
            log_epochs=math.log2(PLANNED_EPOCHS),
        )
        advised.append(_reference_lr(recipes, case.opt, model.is_transformer, situation))
    factors = [batch_factor(recipe_family(case.opt), case.batch_size) for case in runs.cases]
    return np.asarray(np.exp(advised) * np.array(factors))


@functools.lru_cache(maxsize=4096)
def _reference_lr(recipes: Recipes, opt: str, attention: bool, situation: Situation) -> float:
    return lr_sources(recipes, opt, pretrained=True, attention=attention, situation=situation).quantile(0.5)


class Judge:
    """Judges advice on the learning rates of public runs.

    Parameters
    ----------
    runs : PublicRuns
        The runs.
    baseline : ndarray of shape (n,)
        The learning rate that recipes give to each.
    """

    def __init__(self, runs: PublicRuns, baseline: Floats) -> None:
        self.runs, self.grid = runs, np.unique(runs.lr)
        self.subsets, self.pairs = subsets(runs), pairs_of(runs)
        self.expected, self.explained = expected_outcomes(runs, self.grid)
        self.baseline = np.clip(baseline, *CLIPS["lr"])
        self._reference = values(runs, self.baseline, self.grid, self.expected)

    def of(self, advised: Floats | None, rating: Floats | None = None) -> Held:
        """Return how an adviser does; ``rating`` is what it thinks of each run, by default how near its rate is."""
        gained = values(self.runs, advised, self.grid, self.expected)
        found = {}
        for name, rows in self.subsets.items():
            gain = (gained - self._reference)[rows]
            low, high = interval(gain, self.runs.dataset[rows])
            found[name] = Value(float(gained[rows].mean()), float(gain.mean()), low, high)
        if rating is None:
            rating = np.zeros(len(self.runs)) if advised is None else -np.abs(np.log(self.runs.lr / advised))
        told, same = self.pairs.ordered(rating), self.pairs.same_share
        return Held(found, by_dataset(told, self.pairs.dataset), by_dataset(told[same], self.pairs.dataset[same]))

    def advisers(self, fits: Fits) -> dict[str, Held]:
        """Return how each of ``ADVISERS`` does, the response model by the fits without each dataset."""
        data = design(self.runs)
        now = np.clip(self.runs.of("recipe_lr"), *CLIPS["lr"])
        found = (self.of(None), self.of(best_fixed(self.runs, self.grid)), self.of(self.baseline), self.of(now))
        return dict(zip(ADVISERS, (*found, self.of(*held_out(self.runs, data, fits))), strict=True))


def held_out(runs: PublicRuns, data: Design, fits: Fits) -> tuple[Floats, Floats]:
    """Return, for each run, the optimum and the rating of its learning rate by the fit without its dataset."""
    optimum, rating = np.zeros(len(runs)), np.zeros(len(runs))
    for name, row in fits.without.items():
        at, c = runs.dataset == name, coefficients(row)
        optimum[at] = (data.parts["optimum"] @ c.optimum)[at]
        rating[at] = curve(data, c)[at]
    return np.clip(runs.of("recipe_lr") * 10**optimum, *CLIPS["lr"]), rating


def variants(judge: Judge, ridges: Sequence[float]) -> dict[tuple[str, float], tuple[float, Held]]:
    """Return what is reached, by how mostly frozen runs count and by penalty.

    The error beside it is the mean cross-entropy, over datasets left out, of the runs that train at least ``TRAINED``.
    """
    runs = judge.runs
    data, trained = design(runs), runs.of("share_trained") > TRAINED - 0.01
    found = {}
    for name, weights in (("1", np.ones(len(runs))), (f"{MOSTLY_FROZEN_WEIGHT:g}", weights_of(runs))):
        for ridge in ridges:
            fits = leave_datasets_out(data, runs.dataset, weights, ridge)
            error = mean_error(data, runs.dataset, fits.without, trained.astype(np.float64))
            found[name, ridge] = error, judge.of(*held_out(runs, data, fits))
    return found


def tuned_rates(table: Path, recipes: Recipes, source: str = GEO, *, tag: str | None = None) -> list[Tuned]:
    """Return the settings of a source with the learning rate that recipes give them; its own must be left out."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == source]
    found = []
    for row in rows:
        case = describe_fine_tuning(
            describe_model(row["timm_name"]),
            recipes,
            opt=row["opt"],
            n_train=int(row["n_train"]),
            batch_size=int(row["batch_size"]),
            tag=row["pretrained"] if tag is None else tag,
        )
        found.append(Tuned(row["model"], row["dataset"], float(row["lr"]), case))
    return found


def factors(tuned: Sequence[Tuned], advise: Callable[[FineTuning], float]) -> float:
    """Return the median factor between tuned and advised learning rates."""
    return median_factor([advise(t.case) for t in tuned], [t.lr for t in tuned])


def own_factor(tuned: Sequence[Tuned]) -> float:
    """Return the median factor between a tuned rate and the median of the same backbone on the other datasets."""
    others = [[o.lr for o in tuned if o.backbone == t.backbone and o.dataset != t.dataset] for t in tuned]
    return median_factor([float(np.exp(np.median(np.log(lrs)))) for lrs in others], [t.lr for t in tuned])


def optimum_of(fits: Fits) -> Callable[[FineTuning], float]:
    """Return the adviser that a fit to all runs is."""
    c, names = coefficients(fits.whole), part_names()["optimum"]

    def advise(case: FineTuning) -> float:
        found = features(case)["optimum"]
        moved = float(np.array([found[name] for name in names]) @ c.optimum)
        return float(np.clip(case.recipe_lr * 10**moved, *CLIPS["lr"]))

    return advise


def common_models(model: ResponseModel, recipes: Recipes, opt: str) -> dict[str, tuple[float, float, float, float]]:
    """Return by common model the recipes' rate, the median over the draws, and where 90 % of the draws lie."""
    found = {}
    for label, name in COMMON.items():
        case = describe_fine_tuning(
            describe_model(name), recipes, opt=opt, n_train=ASKED_IMAGES, batch_size=ASKED_BATCH
        )
        optimum = model.optimum(case)
        low, high = (math.exp(optimum.median + side * 1.645 * optimum.spread) for side in (-1, 1))
        found[label] = (case.recipe_lr, math.exp(optimum.median), low, high)
    return found


def decay_means(runs: PublicRuns) -> dict[str, dict[float, float]]:
    """Return the mean relative accuracy by optimizer and weight decay."""
    groups = {"AdamW": ("adamw",), "AdamP": ("adamp",), "Adam (coupled)": ("adam",), "SGD": ("sgd", "momentum")}
    return {
        name: {
            float(wd): float(runs.accuracy[np.isin(runs.opt, opts) & (runs.weight_decay == wd)].mean())
            for wd in np.unique(runs.weight_decay)
        }
        for name, opts in groups.items()
    }


def settled_epochs(runs: PublicRuns) -> dict[str, tuple[int, int, int]]:
    """Return from which epoch on good runs are within a point of their end: quartiles, all runs and SGD, adaptive."""
    good = runs.accuracy >= 0.9
    sgd = np.isin(runs.opt, ("sgd", "momentum"))
    found = {}
    for name, rows in (("adaptive", good & ~sgd), ("SGD", good & sgd)):
        low, middle, high = np.quantile(runs.best_epoch[rows], [0.25, 0.5, 0.75])
        found[name] = (round(low), round(middle), round(high))
    return found
