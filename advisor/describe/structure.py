"""Features of how classes lie to each other: how hard they are to tell apart, and how much more data would help."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advisor.describe.features import Feature
from advisor.describe.image_features import gradients, luma

if TYPE_CHECKING:
    from advisor.describe.sample import Sample

Matrix = NDArray[np.float64]

PIXELS = 16
"""Side of the thumbnails whose raw pixels are compared."""
COMPONENTS = 64
"""Principal components that classifiers see."""
FOLDS = 3
_CELLS, _ORIENTATIONS = 8, 8
_NEIGHBOURS = 5
_DUPLICATE = 0.02
"""Root mean square difference of two 16 x 16 thumbnails (0 to 1) below which they count as the same picture."""

_SKILL = "accuracy above always answering the largest class, as a share of what is missing from it"
STRUCTURE_FEATURES = (
    Feature("log_dimension", "structure", "log2 of the principal components that hold 90 % of the pixels' variance",
            "0 to 10", "fits", "the more ways images vary, the more of them and the more steps are needed"),
    Feature("participation", "structure", "log2 of (sum of eigenvalues)^2 / sum of their squares", "0 to 10", "fits",
            "a dimension that no threshold decides"),
    Feature("scatter", "structure", "variance between class means / total variance, pixels", "0 to 1", "fits",
            "classes that differ in their mean image are learned in the first steps"),
    Feature("shape_scatter", "structure", "the same of gradient histograms", "0 to 1", "fits",
            "the same for classes that differ in shape"),
    Feature("knn_skill", "structure", f"1-nearest-neighbour by pixels, {FOLDS} folds: {_SKILL}", "-1 to 1", "fits",
            "what plain similarity reaches"),
    Feature("lda_skill", "structure", f"linear discriminant on pixels, {FOLDS} folds: skill", "-1 to 1", "fits",
            "what a linear view of colour and layout reaches"),
    Feature("pixel_skill", "structure", f"logistic regression on pixels, {FOLDS} folds: skill", "-1 to 1", "fits",
            "the same, regularised differently; a floor for any network"),
    Feature("shape_skill", "structure", f"logistic regression on gradient histograms, {FOLDS} folds: skill",
            "-1 to 1", "fits", "how far simple shapes go, which first convolutions learn quickly"),
    Feature("knn_slope", "structure", "knn_skill minus the same with a quarter of the training folds", "-1 to 1",
            "fits", "how much more data still helps, and so how much a small set is overfitted"),
    Feature("pixel_slope", "structure", "pixel_skill minus the same with a quarter of the training folds", "-1 to 1",
            "fits", "the same for a linear model"),
    Feature("shape_slope", "structure", "shape_skill minus the same with a quarter of the training folds", "-1 to 1",
            "fits", "the same for shapes"),
    Feature("shape_gap", "structure", "skill on the training folds minus shape_skill", "0 to 2", "fits",
            "how far even a linear model overfits: regularisation pays"),
    Feature("nearest_ratio", "structure", "median of log2 of distance to the nearest of another class / of the own",
            "-5 to 5", "fits", "the margin between classes"),
    Feature("noise", "structure", f"share of images whose {_NEIGHBOURS} nearest by shape agree on another class",
            "0 to 1", "fits", "wrong labels put a ceiling on accuracy and reward early stopping"),
    Feature("near_duplicates", "structure", f"share of images with another within {_DUPLICATE} RMS", "0 to 1", "fits",
            "repeats make a set smaller than its count"),
    Feature("class_spread", "structure", "standard deviation between classes of their recall (shape)", "0 to 0.5",
            "fits", "whether all classes are equally hard"),
)  # fmt: skip


def structure_features(sample: Sample) -> dict[str, float]:
    """Return the features of ``STRUCTURE_FEATURES`` for the training part of a sample.

    Classifiers see the ``COMPONENTS`` leading principal components, scaled to equal variance for the linear ones.
    Classes with a single image in the sample are left out of what is cross-validated.
    """
    labels = sample.train.labels
    pixels = _pixels(sample.train.thumbnails)
    shapes = _shapes(luma(sample.train.thumbnails))
    pixel_view, eigenvalues = _principal(pixels)
    shape_view, _ = _principal(shapes)
    total = max(float(eigenvalues.sum()), 1e-12)
    distances = _distances(pixel_view)
    shape_distances = _distances(shape_view)
    features = {
        "log_dimension": math.log2(1 + int((np.cumsum(eigenvalues) < 0.9 * total).sum())),
        "participation": math.log2(max(1.0, total**2 / max(float((eigenvalues**2).sum()), 1e-24))),
        "scatter": _scatter(pixel_view, labels),
        "shape_scatter": _scatter(shape_view, labels),
        "near_duplicates": float((_duplicate_distances(pixels) < _DUPLICATE).mean()),
        "noise": _noise(shape_distances, labels),
        "nearest_ratio": _nearest_ratio(shape_distances, labels),
    }
    kept = np.flatnonzero(np.bincount(labels)[labels] > 1)
    if len(np.unique(labels[kept])) < 2:
        return features
    return {
        **features,
        **_skills(pixel_view[kept], shape_view[kept], distances[np.ix_(kept, kept)], labels[kept], sample.seed),
    }


def _pixels(thumbnails: NDArray[np.uint8]) -> Matrix:
    n, side = thumbnails.shape[:2]
    step = side // PIXELS
    blocks = thumbnails.reshape(n, PIXELS, step, PIXELS, step, 3).mean(axis=(2, 4), dtype=np.float32)
    scaled: Matrix = blocks.reshape(n, -1).astype(np.float64) / 255
    return scaled


def _shapes(light: NDArray[np.float32]) -> Matrix:
    """Return histograms of gradient orientations (Dalal & Triggs 2005), 8 orientations in each of 8 x 8 cells.

    Each image's histogram is scaled to unit length after a square root, so that light and contrast do not matter.
    """
    down, across = gradients(light)
    magnitude = np.hypot(down, across)
    orientation = np.floor((np.arctan2(down, across) % np.pi) / np.pi * _ORIENTATIONS).astype(np.int8) % _ORIENTATIONS
    n, side = light.shape[:2]
    step = side // _CELLS
    cells = [
        np.where(orientation == o, magnitude, 0).reshape(n, _CELLS, step, _CELLS, step).sum(axis=(2, 4))
        for o in range(_ORIENTATIONS)
    ]
    histogram = np.sqrt(np.stack(cells, axis=-1).reshape(n, -1).astype(np.float64))
    return histogram / np.maximum(np.linalg.norm(histogram, axis=1, keepdims=True), 1e-6)  # type: ignore[no-any-return]


def _principal(x: Matrix) -> tuple[Matrix, Matrix]:
    """Return the leading principal components of each row, and all eigenvalues of the covariance, largest first."""
    centred = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    # Beyond the rank there is only rounding.
    rank = max(1, min(COMPONENTS, int((values > 1e-10 * max(values[0], 1e-12)).sum())))
    return centred @ vectors[:, :rank], values


def _distances(x: Matrix) -> Matrix:
    """Return Euclidean distances between all rows; infinite from a row to itself."""
    squares = (x**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0))
    np.fill_diagonal(distances, np.inf)
    return distances  # type: ignore[no-any-return]


def _duplicate_distances(pixels: Matrix) -> Matrix:
    """Return for each row the root mean square difference to the nearest other row."""
    return _distances(pixels).min(axis=1) / math.sqrt(pixels.shape[1])  # type: ignore[no-any-return]


def _scatter(x: Matrix, labels: NDArray[np.int32]) -> float:
    classes, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(classes), x.shape[1]))
    np.add.at(means, inverse, x)
    means /= counts[:, None]
    between = (counts[:, None] * (means - x.mean(axis=0)) ** 2).sum()
    return float(between / max(((x - x.mean(axis=0)) ** 2).sum(), 1e-12))


def _noise(distances: Matrix, labels: NDArray[np.int32]) -> float:
    k = min(_NEIGHBOURS, len(labels) - 1)
    nearest = labels[np.argpartition(distances, k - 1, axis=1)[:, :k]]
    agreed = (nearest == nearest[:, :1]).all(axis=1)
    return float((agreed & (nearest[:, 0] != labels)).mean())


def _nearest_ratio(distances: Matrix, labels: NDArray[np.int32]) -> float:
    same = labels[:, None] == labels
    own = np.where(same, distances, np.inf).min(axis=1)
    other = np.where(same, np.inf, distances).min(axis=1)
    known = np.isfinite(own) & np.isfinite(other)
    if not known.any():
        return float("nan")
    ratio = np.log2(np.maximum(other[known], 1e-6) / np.maximum(own[known], 1e-6))
    return float(np.clip(np.median(ratio), -5, 5))


def _skills(
    pixels: Matrix, shapes: Matrix, distances: Matrix, labels: NDArray[np.int32], seed: int
) -> dict[str, float]:
    """Return everything that is cross-validated."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    def logistic() -> Any:
        return LogisticRegression(C=0.1, max_iter=60, tol=1e-3)

    def discriminant() -> Any:
        return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)

    order = np.random.default_rng(seed).permutation(len(labels))
    fold_of = _folds(labels, order)
    views = {
        "lda": (discriminant, _scaled(pixels)),
        "pixel": (logistic, _scaled(pixels)),
        "shape": (logistic, _scaled(shapes)),
    }
    n = len(labels)
    right = {name: np.zeros(n) for name in ("knn", "lda", "pixel", "shape", "knn_4", "pixel_4", "shape_4")}
    fitted = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # sixty steps are the definition, not a failure
        for fold in range(FOLDS):
            test = np.flatnonzero(fold_of == fold)
            train = order[fold_of[order] != fold]
            quarter = _quarter(train, labels)
            for name, rows in (("knn", train), ("knn_4", quarter)):
                right[name][test] = labels[rows[distances[np.ix_(test, rows)].argmin(axis=1)]] == labels[test]
            for view, (estimator, x) in views.items():
                for name, rows in ((view, train), (f"{view}_4", quarter)):
                    if name not in right:
                        continue
                    model = estimator().fit(x[rows], labels[rows])
                    right[name][test] = model.predict(x[test]) == labels[test]
                    if name == "shape":
                        fitted += float(model.score(x[rows], labels[rows])) / FOLDS
    largest = float(np.bincount(labels).max() / n)
    skill = {name: (float(hits.mean()) - largest) / (1 - largest) for name, hits in right.items()}
    recalls = [right["shape"][labels == label].mean() for label in np.unique(labels)]
    return {
        "knn_skill": skill["knn"],
        "lda_skill": skill["lda"],
        "pixel_skill": skill["pixel"],
        "shape_skill": skill["shape"],
        "knn_slope": skill["knn"] - skill["knn_4"],
        "pixel_slope": skill["pixel"] - skill["pixel_4"],
        "shape_slope": skill["shape"] - skill["shape_4"],
        "shape_gap": (fitted - largest) / (1 - largest) - skill["shape"],
        "class_spread": float(np.std(recalls)),
    }


def _scaled(x: Matrix) -> Matrix:
    return x / np.maximum(x.std(axis=0), 1e-6)  # type: ignore[no-any-return]


def _folds(labels: NDArray[np.int32], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a fold for each row, every class dealt over the folds in the given order, as evenly as it goes."""
    by_class = order[np.argsort(labels[order], kind="stable")]
    fold_of = np.empty(len(labels), dtype=np.int64)
    fold_of[by_class] = np.arange(len(labels)) % FOLDS
    return fold_of


def _quarter(rows: NDArray[np.int64], labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the first quarter of the rows of each class, of each at least one."""
    by_class = rows[np.argsort(labels[rows], kind="stable")]
    _, starts, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
    ends = starts + np.maximum(1, counts // 4)
    return np.concatenate([by_class[start:end] for start, end in zip(starts, ends, strict=True)])
