"""What an expectation is made of: LightGBM's own contributions of the features, grouped and named in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from advisor.describe.features.compute import all_features
from advisor.learn.metamodel import MetaModel
from advisor.learn.table import Floats
from advisor.learn.targets import from_logit

DATA_GROUPS = {
    "size": "how many images and classes there are",
    "images": "what the images look like",
    "structure": "how well simple classifiers tell the classes apart",
    "probe": "how a tiny network learns them",
}
_OTHER_DATA = "what plugins say of the dataset"
_BY_NAME = {
    "log_lr": "the learning rate and its batch size",
    "log_lr_per_sqrt_batch": "the learning rate and its batch size",
    "log_lr_per_batch": "the learning rate and its batch size",
    "log_lr_steps": "the learning rate and its batch size",
    "log_batch_size": "the learning rate and its batch size",
    "batch_share": "the learning rate and its batch size",
    "log_epochs": "the length of the training",
    "log_epochs_share": "the length of the training",
    "log_max_epochs": "the length of the training",
    "log_steps": "the length of the training",
    "log_epoch_steps": "the length of the training",
    "log_samples_seen": "the length of the training",
    "dropout": "dropout",
    "log_weight_decay": "weight decay",
    "log_shrinkage": "weight decay",
    "log_img_size": "the size of the input",
}
_MODEL = "the size and kind of the model"
_REST = "optimizer, start and recipe"


@dataclass(frozen=True)
class Contribution:
    """What a group of features adds to the expectation.

    Attributes
    ----------
    what : str
        The group in words.
    points : float
        Points of top-1 that it adds to the average recorded run's; with the others they add up to the expectation.
    features : tuple of (str, float)
        Its three features that add or take most, with their own points.
    """

    what: str
    points: float
    features: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Contributions:
    """How an expected accuracy comes about: ``start`` plus the parts' points is ``expected``, all in percent."""

    start: float
    expected: float
    parts: tuple[Contribution, ...]

    def moved_to(self, expected: float, what: str) -> Contributions:
        """Return the same with one further part that brings the expectation where it is, largest parts first."""
        part = Contribution(what, round(expected - self.expected, 2), ())
        parts = sorted((*self.parts, part), key=lambda one: -abs(one.points))
        return Contributions(self.start, round(expected, 1), tuple(parts))


def contributions(model: MetaModel, x: Floats) -> Contributions:
    """Return what the expected accuracy of one configuration is made of, largest parts first.

    LightGBM gives contributions to the log-odds that add up exactly. They are brought to points of accuracy by the
    mean slope between start and expectation, so that they still do.

    Parameters
    ----------
    model : MetaModel
        The fitted model.
    x : ndarray of shape (1, d)
        The features of the configuration.
    """
    import lightgbm

    boosters = [lightgbm.Booster(model_str=member.to_text()) for member in model.accuracy_members_]
    shares = np.mean([np.asarray(b.predict(x, pred_contrib=True, num_threads=1))[0] for b in boosters], axis=0)
    each, start = shares[:-1], float(shares[-1])
    end = start + float(each.sum())
    low, high = (float(from_logit(np.array([value]))[0]) for value in (start, end))
    # Where start and end are the same, the slope of the logistic curve there.
    slope = (high - low) / (end - start) if abs(end - start) > 1e-9 else low * (100 - low) / 100
    parts = sorted(_parts(model.columns_, each * slope), key=lambda part: -abs(part.points))
    return Contributions(round(low, 1), round(high, 1), tuple(parts))


def _parts(columns: Sequence[str], points: Floats) -> Iterator[Contribution]:
    group_of = {f"data:{feature.name}": DATA_GROUPS[feature.group] for feature in all_features()}
    members: dict[str, list[int]] = defaultdict(list)
    for i, name in enumerate(columns):
        members[group_of.get(name) or _in_words(name)].append(i)
    for what, indices in members.items():
        largest = sorted(indices, key=lambda i: -abs(points[i]))[:3]
        named = tuple((columns[i], round(float(points[i]), 2)) for i in largest if abs(points[i]) >= 0.005)
        yield Contribution(what, round(float(points[indices].sum()), 2), named)


def _in_words(name: str) -> str:
    if name.startswith("data:"):
        return _OTHER_DATA
    return _MODEL if name.startswith("model:") else _BY_NAME.get(name, _REST)
