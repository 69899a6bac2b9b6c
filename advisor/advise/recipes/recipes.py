"""Published recipes as evidence of where good values lie.

Recipes are nearly all well tuned, so they tell where good values lie and not how bad others are. Nothing is fitted but
weights: a recipe counts by how near its situation is, and a source (a repository, a paper) once, however many rows it
has. ``WeightedSources`` turns what they say into a median and a spread that move smoothly with the situation.
"""

from __future__ import annotations

import csv
import functools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import resources

import numpy as np
import numpy.typing as npt

from advisor.describe.model import describe_model
from advisor.describe.model_description import ModelDescription
from advisor.errors import UsageError
from advisor.learn.table import Floats
from advisor.space.hyperparameters import NO_DECAY
from advisor.space.optimizers import batch_factor, is_coupled_adaptive, recipe_family

_SCALES = (2.0, 4.0, 4.0, 0.3, 1.0, 2.0)
"""In each respect of a ``Situation``, the distance at which a recipe counts half as much."""
_ANYWHERE = 0.05
"""Weight that a source has in any situation, beside up to 1 for how near its recipes are."""
_OTHER_FAMILY = 0.3
"""Weight of recipes of another optimizer, where it is not the optimizer that matters most."""
_BROAD, _BROAD_SHARE = 4.0, 0.3
"""Of each bell this share is so many times as wide."""


@dataclass(frozen=True)
class Situation:
    """In what circumstances values are good; NaN where one is unknown.

    Attributes
    ----------
    log_n_train, log_params, log_img_size, log_epochs : float
        Base-2 logarithms of the training images, the parameters, the image side and the epochs.
    attention : float
        Share of the parameters that self-attention holds.
    corpus : float
        What the weights were pretrained on: 0 labelled ImageNet-1k or nothing, 1 labelled ImageNet-21k, 4 unlabelled
        images, which are fine-tuned with several times the learning rate.
    """

    log_n_train: float
    log_params: float
    log_img_size: float
    attention: float
    corpus: float
    log_epochs: float = math.nan


_SITUATION = tuple(field.name for field in fields(Situation))


@dataclass(frozen=True)
class Recipe:
    """One published setting; None where its source leaves a value open."""

    source: str
    family: str
    pretrained: bool
    situation: Situation
    lr: float
    batch_size: float
    epochs: float | None
    dropout: float | None
    weight_decay: float | None
    warmup_epochs: float | None
    mixup: float | None
    label_smoothing: float | None
    coupled: bool = False
    """Whether an adaptive optimizer adds its weight decay to the gradient."""
    model: ModelDescription | None = None
    """The network, where timm has it."""
    drop_path: float | None = None
    layer_decay: float | None = None
    """By what the learning rate falls from layer to layer toward the input; ``lr`` is then that of the last."""
    ema: float | None = None
    """Decay of the moving average of the weights: 0 for no average, NaN for one whose decay is not told."""

    @property
    def reference_lr(self) -> float:
        """The learning rate that it would have at ``REFERENCE_BATCH``."""
        return self.lr / batch_factor(self.family, self.batch_size)

    @property
    def decay(self) -> float | None:
        """The weight decay, not below what stands for none."""
        return None if self.weight_decay is None else max(self.weight_decay, NO_DECAY)

    @property
    def coupled_decay(self) -> float | None:
        """The weight decay where it is added to the gradient, which is then divided by its size."""
        return self.decay if self.coupled else None

    @property
    def warmup_share(self) -> float | None:
        """The share of the epochs that is warm-up."""
        return None if self.warmup_epochs is None or self.epochs is None else min(1, self.warmup_epochs / self.epochs)


def pretraining_corpus(name: str) -> float:
    """Return the ``corpus`` of a ``Situation`` from a timm tag or a recipe's words; the last stage decides."""
    # Brackets hold how an earlier stage was done: "ssl+in21k (MIM in21k)".
    last = re.split(r"_ft_|\+", name.lower().partition("(")[0])[-1]
    if re.search(r"ssl|mae|dino|moco|clip|openai|laion|mim|lvd|beit|swag|bamboo", last):
        return 4.0
    return 1.0 if re.search(r"in2[12]k(?!_in1k)|in12k|miil", last) else 0.0


@dataclass(frozen=True)
class WeightedSources:
    """What several sources say of one value, each as a bell around its own.

    Attributes
    ----------
    values, weights, widths : ndarray of shape (n,)
        What each says (on the scale it is compared on), how much it counts, and how far around it is meant.
    sources : tuple of str, length n
        Who says it.
    """

    values: Floats
    weights: Floats
    widths: Floats
    sources: tuple[str, ...]

    @functools.cached_property
    def _distribution(self) -> tuple[Floats, Floats]:
        """A grid over the values, and the share of what is said below each of its points."""
        # Recipes agree on round numbers: what is said alike is weighed together, a tenth of the work.
        # As complex numbers, which are compared by both parts and sorted four times as fast as rows.
        said, where = np.unique(self.values + 1j * self.widths, return_inverse=True)
        values, widths = np.ascontiguousarray(said.real), np.ascontiguousarray(said.imag)
        weights = np.bincount(where, self.weights) / self.weights.sum()
        reach = 6 * _BROAD * widths
        grid = np.linspace((values - reach).min(), (values + reach).max(), 1024)
        # The logistic distribution function of unit variance, written so that nothing overflows.
        steps = 0.9069 * (grid[:, None] - values) / widths
        below = (1 + (1 - _BROAD_SHARE) * np.tanh(steps) + _BROAD_SHARE * np.tanh(steps / _BROAD)) / 2
        return grid, below @ weights

    def at_most(self, value: float) -> WeightedSources:
        """Return the same with all that is larger than a value said of that value."""
        return replace(self, values=np.minimum(self.values, value))

    def quantile(self, q: float) -> float:
        """Return the value below which the share ``q`` of what is said lies.

        Bells instead of points make it a smooth function of the weights: it slides, where a weighted median jumps.
        Their broad part keeps it from hurrying through the gap between two camps.
        """
        grid, below = self._distribution
        return float(np.interp(q, below, grid))

    def share_of(self, source: str) -> float:
        """Return the share of the weight that a source has."""
        own = sum(w for w, name in zip(self.weights, self.sources, strict=True) if name == source)
        return float(own / self.weights.sum())

    def heaviest(self, n: int, but: str) -> list[str]:
        """Return the ``n`` sources that weigh most, without one."""
        names = sorted({name for name in self.sources if name != but})
        return sorted(names, key=self.share_of, reverse=True)[:n]


_RECIPE_VALUES = (
    "reference_lr",
    "batch_size",
    "epochs",
    "dropout",
    "decay",
    "coupled_decay",
    "warmup_share",
    "mixup",
    "label_smoothing",
)
"""What recipes can be asked for: attributes of ``Recipe``."""


class Recipes:
    """Recipes, asked for a value in a situation.

    Parameters
    ----------
    recipes : sequence of Recipe
        What is known.
    """

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        self.recipes = tuple(recipes)
        self._points = np.array(
            [[getattr(recipe.situation, name) for name in _SITUATION] for recipe in recipes]
        ).reshape(-1, len(_SCALES))
        self._families = np.array([recipe.family for recipe in recipes], dtype=np.str_)
        self._sources = np.array([recipe.source for recipe in recipes], dtype=object)
        # By number, in the order of their names: texts take long to sort.
        _, self._source_of = np.unique(self._sources.astype(np.str_), return_inverse=True)
        self._starts = np.array([recipe.pretrained for recipe in recipes], dtype=bool)
        self._is_layer_wise = np.array([recipe.layer_decay is not None for recipe in recipes], dtype=bool)
        self._columns = {name: _column(recipes, name) for name in _RECIPE_VALUES}

    def weighted_sources(
        self,
        value: str,
        family: str,
        pretrained: bool,
        situation: Situation,
        *,
        width: float,
        log: bool = True,
        same_family: bool = False,
        layer_decay: bool = False,
        prior: tuple[str, float, float] | None = None,
    ) -> WeightedSources:
        """Return what the recipes of a start say of one value.

        Parameters
        ----------
        value : str
            One of ``_RECIPE_VALUES``; recipes that leave it open do not count.
        family : str
            Recipes of other families count ``_OTHER_FAMILY``, or not at all with ``same_family``.
        pretrained : bool
            The start; recipes of the other one do not count.
        situation : Situation
            How near a recipe is to it decides its weight: 1 / (1 + squared distance).
        width : float
            How far around its value a recipe is meant, as a standard deviation.
        log : bool
            Whether the value is compared by factors; ``WeightedSources`` then holds logarithms.
        layer_decay : bool
            Whether recipes with layer decay count as well.
        prior : (source, value, width), optional
            One more source, with the weight of a source whose recipe is in the same situation.

        Returns
        -------
        WeightedSources
        """
        said = self._columns[value]
        near = self.nearness(situation) * np.where(self._families == family, 1.0, 0.0 if same_family else _OTHER_FAMILY)
        counted = (self._starts == pretrained) & (layer_decay | ~self._is_layer_wise)
        stated = np.flatnonzero(counted & np.isfinite(said) & (near > 0))
        said, sources = said[stated], self._sources[stated].tolist()
        weights = once_a_source(self._source_of[stated], near[stated], anywhere=_ANYWHERE)
        widths = np.full(len(said), width)
        if prior is not None:
            said, sources = np.append(said, prior[1]), [*sources, prior[0]]
            weights, widths = np.append(weights, 1.0), np.append(widths, prior[2])
        return WeightedSources(np.log(said) if log else said, weights, widths, tuple(sources))

    def nearness(self, situation: Situation) -> Floats:
        """Return how near each recipe is to a situation, 1 in the same and toward 0 far away."""
        asked = np.array([getattr(situation, name) for name in _SITUATION])
        distance = (self._points - asked) / _SCALES
        # What a recipe leaves open is one scale away; what is not asked for does not count.
        distance = np.where(np.isnan(self._points), 1.0, distance)
        distance = np.where(np.isnan(asked), 0.0, distance)
        return np.asarray(1 / (1 + (distance**2).sum(axis=1)))


def once_a_source(sources: Sequence[str] | npt.NDArray[np.intp], near: Floats, *, anywhere: float = 0.0) -> Floats:
    """Return the weights of recipes by how near they are, so that a source, by name or number, counts once.

    A source counts as its nearest recipe does, and ``anywhere`` more; its recipes share that by how near they are.
    """
    names, source_of = np.unique(sources, return_inverse=True)
    total = np.bincount(source_of, near, minlength=len(names))
    nearest = np.zeros(len(names))
    np.maximum.at(nearest, source_of, near)
    return np.asarray(((nearest + anywhere) / total)[source_of] * near)


def _column(recipes: Sequence[Recipe], name: str) -> Floats:
    values = (getattr(recipe, name) for recipe in recipes)
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


@functools.cache
def shipped_recipes() -> Recipes:
    """Return the recipes of ``meta_data/recipes.csv`` that say how a whole network is trained.

    Left out are probes of a frozen network. Of settings with layer-wise decay the learning rate is that of the last
    layer, several times what reaches the others: they count only where that is asked for.
    """
    text = resources.files("advisor._meta_data").joinpath("recipes.csv").read_text(encoding="utf-8")
    parsed = (_recipe(row) for row in csv.DictReader(text.splitlines()))
    return Recipes([recipe for recipe in parsed if recipe is not None])


def _recipe(row: Mapping[str, str]) -> Recipe | None:
    batch_size = {"per_512": 512.0, "per_1024": 1024.0}.get(row["lr_is"]) or _number(row["batch_size"])
    lr = _number(row["lr"])
    if batch_size is None or lr is None or "LINEAR PROBE" in row["notes"]:
        return None
    # The cards of Trainer runs say "Adam" for what is its AdamW; "(momentum 0.9)" and the like do not matter.
    opt = row["opt"].replace("adam(w)", "adamw").partition(" ")[0]
    decay = _number(row["weight_decay"])
    if decay is not None and "decoupled" in row["opt"]:
        # big_vision does not multiply the decay by the learning rate, as timm does.
        decay /= lr
    epochs = _number(row["epochs"])
    model = _model(row["timm_name"])
    # "train176/eval224": what counts is the size that is trained on.
    side = re.search(r"\d+", row["resolution"])
    n_train = _number(row["n_train"])
    return Recipe(
        source=row["source"],
        family=recipe_family(opt),
        pretrained=row["pretrained"] != "none",
        situation=Situation(
            log_n_train=math.log2(n_train) if n_train else math.nan,
            log_params=math.log2(model.num_params) if model else math.nan,
            log_img_size=math.log2(int(side[0])) if side else math.log2(model.img_size) if model else math.nan,
            attention=model.attention_share if model else math.nan,
            corpus=pretraining_corpus(row["pretrained"]),
            log_epochs=math.log2(epochs) if epochs else math.nan,
        ),
        lr=lr,
        batch_size=batch_size,
        epochs=epochs,
        dropout=_number(row["dropout"]),
        weight_decay=decay,
        warmup_epochs=_number(row["warmup_epochs"]),
        mixup=_number(row["mixup"]),
        label_smoothing=_number(row["label_smoothing"]),
        coupled=is_coupled_adaptive(opt) and "decoupled" not in row["opt"],
        model=model,
        drop_path=_number(row["drop_path"]),
        # "0.9 (single)", "0.6 (group)": what a layer is differs a little among sources.
        layer_decay=_number(row["layer_decay"].partition(" ")[0]),
        ema=_ema(row["ema"]),
    )


def _ema(text: str) -> float | None:
    """Return the decay of the moving average that a row names: "yes 0.9999", or what is left, "yes 0.0005"."""
    word, _, number = text.partition(" ")
    if word != "yes":
        return 0.0 if word == "no" else None
    value = _number(number)
    return math.nan if value is None else max(value, 1 - value)


def _model(name: str) -> ModelDescription | None:
    try:
        return describe_model(name) if name else None
    except UsageError:
        return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
