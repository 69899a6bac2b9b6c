"""Features of how classes lie to each other: how hard they are to tell apart, and how much more data would help."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advisor.describe.features.spec import Feature
from advisor.describe.features.views import Matrix, patch_view, pixel_view, shape_view

if TYPE_CHECKING:
    from advisor.describe.sample import Sample

Labels = NDArray[np.signedinteger[Any]]
Rows = NDArray[np.intp]

COMPONENTS = 64
"""Principal components that classifiers see."""
FOLDS = 3
_NEIGHBOURS, _AGREEING = 10, 6
"""Nearest images that are asked for their class, and how many have to give the same one."""
_LARGEST_NOISE_SCALE = 14.0
"""log2 of the images beyond which a sample of 1,600 can tell no difference."""
_SHRINKAGE = 0.1
"""Share of a multiple of the identity in the discriminant's covariance."""
_DUPLICATE = 0.02
"""Root mean square difference of two 16 x 16 thumbnails (0 to 1) below which they count as the same picture."""
_PENALTIES = np.logspace(-3, 3, 13)
"""Ridge penalties that are compared, per training image."""

_SKILL = "(accuracy - largest class) / (1 - largest class)"
_QUARTER = "minus the same with a quarter of the training folds"
STRUCTURE_FEATURES = (
    Feature("log_dimension", "structure", "log2 of the principal components that hold 90 % of the pixels' variance",
            "0 to 10", "fits", "the more ways images vary, the more of them and the more steps are needed"),
    Feature("participation", "structure", "log2 of (sum of eigenvalues)^2 / sum of their squares, pixels", "0 to 10",
            "fits", "effective rank: how unequal the curvature is along the directions of the input"),
    Feature("scatter", "structure", "variance between class means / total variance, pixels", "0 to 1", "fits",
            "classes that differ in their mean image are learned in the first steps"),
    Feature("patch_scatter", "structure", "the same of patch answers", "0 to 1", "fits",
            "classes that differ in texture, wherever it lies"),
    Feature("knn_skill", "structure", f"1-nearest-neighbour by pixels, {FOLDS} folds: {_SKILL}", "-1 to 1", "fits",
            "what plain similarity reaches"),
    Feature("lda_skill", "structure", f"linear discriminant on pixels, {FOLDS} folds: skill as above", "-1 to 1",
            "fits", "what a linear view of colour and layout reaches: a floor for any network"),
    Feature("shape_skill", "structure", f"logistic regression on gradient histograms, {FOLDS} folds: skill",
            "-1 to 1", "fits", "how far shapes at fixed places go"),
    Feature("patch_skill", "structure", f"logistic regression on patch answers, {FOLDS} folds: skill", "-1 to 1",
            "fits", "how far a convolutional layer goes before any training: the best single guess at difficulty"),
    Feature("knn_slope", "structure", f"knn_skill {_QUARTER}", "-1 to 1", "fits",
            "how much more data still helps, and so how soon a network overfits this much"),
    Feature("lda_slope", "structure", f"lda_skill {_QUARTER}", "-1 to 1", "fits", "the same for a linear model"),
    Feature("patch_slope", "structure", f"patch_skill {_QUARTER}", "-1 to 1", "fits", "the same for a convolution"),
    Feature("patch_gap", "structure", "skill on the training folds minus patch_skill", "0 to 2", "fits",
            "how far even a linear model overfits: regularisation pays"),
    Feature("patch_loss", "structure", "cross-validated log loss of the same model / log of the number of classes",
            "0 to 5", "fits", "1 is knowing nothing; above it, confident errors"),
    Feature("log_ridge", "structure", "log10 of the ridge penalty per image with the least leave-one-out error, on "
            "patch answers", "-3 to 3", "fits", "the weight decay a linear model wants; noise and few images raise it"),
    Feature("log_noise_scale", "structure", "log2 of the gradient noise scale of softmax regression on patch answers "
            "at the start: trace of the gradients' covariance / squared norm of their mean", "0 to 14, log2 images",
            "fits", "beyond about this batch size a larger one saves no steps (McCandlish et al. 2018)"),
    Feature("nearest_ratio", "structure", "median of log2 of distance to the nearest of another class / of the own, "
            "patch answers", "-5 to 5", "fits", "the margin between classes"),
    Feature("noise", "structure", f"share of images of whose {_NEIGHBOURS} nearest by patch answers {_AGREEING} or "
            "more agree on another class", "0 to 1", "fits",
            "wrong labels put a ceiling on accuracy and reward early stopping"),
    Feature("near_duplicates", "structure", f"share of images with another within {_DUPLICATE} RMS", "0 to 1", "fits",
            "repeats make a set smaller than its count"),
    Feature("class_spread", "structure", "standard deviation between classes of their recall (patch answers)",
            "0 to 0.5", "fits", "whether all classes are equally hard"),
)  # fmt: skip


def structure_features(sample: Sample) -> dict[str, float]:
    """Return the features of ``STRUCTURE_FEATURES`` for the training part of a sample.

    Classifiers see the ``COMPONENTS`` leading principal components of a view, scaled to equal variance for the
    linear ones. Classes with a single image in the sample are left out of what is cross-validated.
    """
    thumbnails, labels = sample.train.thumbnails, sample.train.labels
    pixels, patches = pixel_view(thumbnails), patch_view(thumbnails, sample.seed)
    pixel_components, eigenvalues = _principal(pixels)
    patch_components, _ = _principal(patches)
    total = max(float(eigenvalues.sum()), 1e-12)
    pixel_distances, patch_distances = _distances(pixel_components), _distances(patch_components)
    features = {
        "log_dimension": math.log2(1 + int((np.cumsum(eigenvalues) < 0.9 * total).sum())),
        "participation": math.log2(max(1.0, total**2 / max(float((eigenvalues**2).sum()), 1e-24))),
        "scatter": _scatter(pixel_components, labels),
        "patch_scatter": _scatter(patch_components, labels),
        "near_duplicates": float((_distances(pixels).min(axis=1) < _DUPLICATE * math.sqrt(pixels.shape[1])).mean()),
        "noise": _noise(patch_distances, labels),
        "nearest_ratio": _nearest_ratio(patch_distances, labels),
    }
    kept = np.flatnonzero(np.bincount(labels)[labels] > 1)
    if len(np.unique(labels[kept])) < 2:
        return features
    _, classes = np.unique(labels[kept], return_inverse=True)
    shape_components, _ = _principal(shape_view(thumbnails[kept]))
    views = {"lda": pixel_components[kept], "shape": shape_components, "patch": patch_components[kept]}
    return {
        **features,
        **_ridge(patches[kept], classes),
        **_skills(views, pixel_distances[np.ix_(kept, kept)], classes, sample.seed),
    }


def leaked_share(sample: Sample) -> float:
    """Return the share of the validation sample that looks almost like an image of the training sample; 0 without."""
    if not len(sample.eval):
        return 0.0
    train, held_out = pixel_view(sample.train.thumbnails), pixel_view(sample.eval.thumbnails)
    squares = (held_out**2).sum(axis=1)[:, None] + (train**2).sum(axis=1) - 2 * held_out @ train.T
    return float((squares.min(axis=1) < _DUPLICATE**2 * train.shape[1]).mean())


def _principal(x: Matrix) -> tuple[Matrix, Matrix]:
    """Return the leading principal components of each row, and all eigenvalues of the covariance, largest first."""
    centred = (x - x.mean(axis=0)).astype(np.float64)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    # Beyond the rank there is only rounding.
    rank = max(1, min(COMPONENTS, int((values > 1e-9 * max(values[0], 1e-12)).sum())))
    return centred @ vectors[:, :rank], values


def _distances(x: Matrix) -> Matrix:
    """Return Euclidean distances between all rows; infinite from a row to itself."""
    squares = (x**2).sum(axis=1)
    distances: Matrix = np.sqrt(np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0))
    np.fill_diagonal(distances, np.inf)
    return distances


def _scatter(x: Matrix, labels: Labels) -> float:
    classes, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(classes), x.shape[1]))
    np.add.at(means, inverse, x)
    means /= counts[:, None]
    between = (counts[:, None] * (means - x.mean(axis=0)) ** 2).sum()
    return float(between / max(((x - x.mean(axis=0)) ** 2).sum(), 1e-12))


def _noise(distances: Matrix, labels: Labels) -> float:
    k = min(_NEIGHBOURS, len(labels) - 1)
    nearest = labels[np.argpartition(distances, k - 1, axis=1)[:, :k]]
    votes = np.zeros((len(labels), labels.max() + 1), dtype=np.int64)
    np.add.at(votes, (np.arange(len(labels))[:, None], nearest), 1)
    return float(((votes.max(axis=1) * _NEIGHBOURS >= _AGREEING * k) & (votes.argmax(axis=1) != labels)).mean())


def _nearest_ratio(distances: Matrix, labels: Labels) -> float:
    same = labels[:, None] == labels
    own = np.where(same, distances, np.inf).min(axis=1)
    other = np.where(same, np.inf, distances).min(axis=1)
    known = np.isfinite(own) & np.isfinite(other)
    if not known.any():
        return float("nan")
    ratio = np.log2(np.maximum(other[known], 1e-6) / np.maximum(own[known], 1e-6))
    return float(np.clip(np.median(ratio), -5, 5))


def _ridge(patches: Matrix, classes: Labels) -> dict[str, float]:
    """Return the penalty a linear model wants, interpolated between those that were tried."""
    from sklearn.linear_model import RidgeCV

    targets = np.eye(classes.max() + 1)[classes]
    targets -= targets.mean(axis=0)
    model = RidgeCV(_PENALTIES * len(patches), fit_intercept=False, store_cv_results=True).fit(patches, targets)
    errors = model.cv_results_.mean(axis=(0, 1))
    # A soft minimum: between penalties that do equally well the answer should not jump.
    weights = np.exp(-(errors - errors.min()) / (0.02 * errors.min() + 1e-12))
    return {"log_ridge": float((weights * np.log10(_PENALTIES)).sum() / weights.sum())}


def _skills(views: dict[str, Matrix], distances: Matrix, classes: Labels, seed: int) -> dict[str, float]:
    """Return everything that is cross-validated."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    n, k = len(classes), int(classes.max()) + 1
    scaled = {name: x / np.maximum(x.std(axis=0), 1e-6) for name, x in views.items()}
    order = np.random.default_rng(seed).permutation(n)
    fold_of = _folds(classes, order)
    right = {name: np.zeros(n) for name in ("knn", "lda", "shape", "patch", "knn_4", "lda_4", "patch_4")}
    probability = np.zeros((n, k))
    fitted = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # sixty steps are the definition, not a failure
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        for fold in range(FOLDS):
            test, train = np.flatnonzero(fold_of == fold), order[fold_of[order] != fold]
            for suffix, rows in (("", train), ("_4", _quarter(train, classes))):
                nearest = rows[distances[np.ix_(test, rows)].argmin(axis=1)]
                right[f"knn{suffix}"][test] = classes[nearest] == classes[test]
                discriminated = _discriminate(scaled["lda"][rows], classes[rows], scaled["lda"][test])
                right[f"lda{suffix}"][test] = discriminated == classes[test]
                for name in ("patch", "shape"):
                    if name + suffix not in right:
                        continue
                    x = scaled[name]
                    model = LogisticRegression(C=0.1, max_iter=60, tol=1e-3).fit(x[rows], classes[rows])
                    right[name + suffix][test] = model.predict(x[test]) == classes[test]
                    if name + suffix == "patch":
                        probability[test] = model.predict_proba(x[test])  # every class is in two of three folds
                        fitted += float(model.score(x[rows], classes[rows])) / FOLDS
    largest = float(np.bincount(classes).max() / n)
    skill = {name: (float(hits.mean()) - largest) / (1 - largest) for name, hits in right.items()}
    recalls = [right["patch"][classes == label].mean() for label in range(k)]
    start = np.broadcast_to(np.bincount(classes) / n, (n, k))
    return {
        **{f"{name}_skill": skill[name] for name in ("knn", "lda", "shape", "patch")},
        **{f"{name}_slope": skill[name] - skill[f"{name}_4"] for name in ("knn", "lda", "patch")},
        "patch_gap": (fitted - largest) / (1 - largest) - skill["patch"],
        "patch_loss": float(-np.log(np.maximum(probability[np.arange(n), classes], 1e-6)).mean() / math.log(k)),
        "log_noise_scale": _noise_scale(scaled["patch"], classes, start),
        "class_spread": float(np.std(recalls)),
    }


def _noise_scale(x: Matrix, classes: Labels, probability: Matrix) -> float:
    """Return log2 of the simple gradient noise scale of softmax regression (McCandlish et al. 2018, eq. 2.9).

    A single image's gradient is (probability - target) x input, so norms follow without forming the gradients.
    """
    n = len(classes)
    errors = probability - np.eye(probability.shape[1])[classes]
    single = float(((errors**2).sum(axis=1) * (x**2).sum(axis=1)).mean())
    mean = float(((errors.T @ x / n) ** 2).sum())
    # The mean over n images still holds a share 1/n of the noise.
    signal = max((mean - single / n) / (1 - 1 / n), 1e-12)
    return float(np.clip(math.log2(max(single - signal, 1e-12) / signal), 0, _LARGEST_NOISE_SCALE))


def _discriminate(x: Matrix, classes: Labels, new: Matrix) -> Labels:
    """Return the classes that a linear discriminant fitted to ``x`` gives to ``new``.

    scikit-learn's shrunk discriminant estimates a covariance for every class, a hundred times the work for a hundred
    classes and undefined for those with one image; the pooled one is all that is needed.
    """
    known, inverse, counts = np.unique(classes, return_inverse=True, return_counts=True)
    means = np.zeros((len(known), x.shape[1]))
    np.add.at(means, inverse, x)
    means /= counts[:, None]
    within = x - means[inverse]
    covariance = within.T @ within / len(x)
    scale = max(float(np.trace(covariance)) / len(covariance), 1e-9)
    shrunk = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * scale * np.eye(len(covariance))
    weights = np.linalg.solve(shrunk, means.T)
    scores = new @ weights - 0.5 * (means.T * weights).sum(axis=0) + np.log(counts / len(x))
    chosen: Labels = known[scores.argmax(axis=1)]
    return chosen


def _folds(classes: Labels, order: Rows) -> NDArray[np.int64]:
    """Return a fold for each row, every class dealt over the folds in the given order, as evenly as it goes."""
    by_class = order[np.argsort(classes[order], kind="stable")]
    fold_of = np.empty(len(classes), dtype=np.int64)
    fold_of[by_class] = np.arange(len(classes)) % FOLDS
    return fold_of


def _quarter(rows: Rows, classes: Labels) -> Rows:
    """Return the first quarter of the rows of each class, of each at least one."""
    by_class = rows[np.argsort(classes[rows], kind="stable")]
    _, starts, counts = np.unique(classes[by_class], return_index=True, return_counts=True)
    ends = starts + np.maximum(1, counts // 4)
    return np.concatenate([by_class[start:end] for start, end in zip(starts, ends, strict=True)])
