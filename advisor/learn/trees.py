"""LightGBM's trees as arrays: read from its text format and evaluated with NumPy, without importing LightGBM.

Advice needs a few hundred predictions, for which importing LightGBM (and with it scikit-learn and SciPy) takes longer
than everything else. Predictions are LightGBM's to the last bit.

A tree's leaves are bits of a mask. For each feature there is a table of the leaves that a value leaves reachable, by
where the value lies among the thresholds; what all features leave is the one leaf (after QuickScorer, Lucchese et al.
2015, doi:10.1145/2766462.2767733).
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.learn.table import Floats

Masks = NDArray[np.unsignedinteger[Any]]

_CATEGORICAL, _DEFAULT_LEFT, _NAN_IS_MISSING = 0b0001, 0b0010, 0b1000
"""Bits of a node's ``decision_type``; bits 2 and 3 say what counts as missing: nothing, zero or NaN."""
_MISSING = 0b1100
_FIELDS = (
    "num_leaves",
    "num_cat",
    "split_feature",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
    "is_linear",
)
"""What is read of each tree."""
_ROWS = 256
"""Rows evaluated at a time, which bounds the memory."""


class Trees:
    """The trees of one LightGBM regression model.

    Parameters
    ----------
    text : str
        What ``Booster.model_to_string`` returns.

    """

    def __init__(self, text: str) -> None:
        self._text = text

    def to_text(self) -> str:
        """Return LightGBM's text format."""
        return self._text

    def predict(self, x: Floats) -> Floats:
        """Return predictions of shape (n,) for features of shape (n, d), see ``Forest.predict``."""
        return np.asarray(self._alone.predict(x)[0])

    @cached_property
    def nodes(self) -> _Nodes:
        """All splits; read when first asked, as of the meta-models that are loaded a request needs one."""
        return _Nodes(self._text)

    @cached_property
    def _alone(self) -> Forest:
        return Forest([self])


class Forest:
    """Models that are asked the same, evaluated together.

    Parameters
    ----------
    models : sequence of Trees
        At least one.
    """

    def __init__(self, models: Sequence[Trees]) -> None:
        self._models = models
        self._looked_up: dict[int, _Reachable] = {}
        self._known: Masks | None = None
        self._asked: Sequence[int] | None = None

    def given(self, row: Floats, varying: Collection[int]) -> Forest:
        """Return the same for features that differ from a row in some columns only: those alone are looked up.

        Parameters
        ----------
        row : ndarray of shape (d,)
            Features.
        varying : collection of int
            Columns whose values will differ.
        """
        here = copy.copy(self)
        here._known = self._left_by(row[None], [f for f in self._splits.features if f not in varying])
        here._asked = [f for f in self._splits.features if f in varying]
        return here

    def predict(self, x: Floats) -> Floats:
        """Return predictions of shape (models, n) for features of shape (n, d); NaN where one is unknown.

        Raises
        ------
        ValueError
            If the text of one is no such model, or one with categorical splits, zeros as missing values, linear leaves
            or more than 64 leaves a tree.
        """
        x = np.asarray(x, dtype=np.float64)
        if len(x) == 1:
            # LightGBM adds tree after tree. So does NumPy for several rows; for a single one it adds in pairs.
            return self.predict(np.repeat(x, 2, axis=0))[:, :1]
        parts = [self._predict(x[start : start + _ROWS]) for start in range(0, len(x), _ROWS)]
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(self._models), 0))

    def predict_by(self, member: int, x: Floats) -> Floats:
        """Return what one of them predicts, of shape (n,)."""
        return self._models[member].predict(x)

    @cached_property
    def _splits(self) -> _Splits:
        return _Splits([model.nodes for model in self._models])

    def _predict(self, x: Floats) -> Floats:
        splits = self._splits
        left = self._left_by(x, splits.features if self._asked is None else self._asked)
        left = np.broadcast_to(left, (len(x), *left.shape[1:]))
        leaves = _LEAF_OF_16.take(left) if left.dtype == np.uint16 else _place_of_bit(left)
        # Trees first: they are added one after the other.
        place = np.ascontiguousarray(np.moveaxis(leaves, 2, 0)) + splits.first_leaf.T[:, None]
        values = splits.leaf_value.take(place)
        return np.ascontiguousarray(np.add.reduce(values, axis=0).T)

    def _left_by(self, x: Floats, features: Iterable[int]) -> Masks:
        """Return masks of the leaves that are reachable as far as some features tell: shape (n or 1, models, trees)."""
        left = self._splits.all_leaves[None] if self._known is None else self._known
        for feature in features:
            if feature not in self._looked_up:
                self._looked_up[feature] = _Reachable(self._splits, feature)
            reachable = self._looked_up[feature].of(x[:, feature])
            left = np.bitwise_and(left, reachable, out=reachable)
        return left


class _Splits:
    """The splits of several models, brought to as many trees each by trees of one leaf that is zero.

    Attributes
    ----------
    nodes : sequence of _Nodes
        Of each model.
    leaf_value : ndarray
        All leaves one after the other.
    first_leaf : ndarray of shape (models, trees)
        Where in it those of each tree begin.
    all_leaves : ndarray of shape (models, trees)
        A mask of each tree's leaves.
    features : list of int
        Those that any split looks at.
    """

    def __init__(self, nodes: Sequence[_Nodes]) -> None:
        self.nodes = nodes
        shape = len(nodes), max(len(one.leaf_value) for one in nodes)
        values = np.zeros((*shape, max(one.leaf_value.shape[1] for one in nodes)))
        self.all_leaves = np.ones(shape, dtype=np.result_type(*(one.all_leaves.dtype for one in nodes)))
        for value, leaves, one in zip(values, self.all_leaves, nodes, strict=True):
            value[: len(one.leaf_value), : one.leaf_value.shape[1]] = one.leaf_value
            leaves[: len(one.all_leaves)] = one.all_leaves
        self.leaf_value = values.ravel()
        self.first_leaf = np.arange(0, values.size, values.shape[2]).reshape(shape)
        self.features: list[int] = sorted(set().union(*(one.features for one in nodes)))


class _Nodes:
    """The splits of all trees, and the leaves on either side of each.

    Attributes
    ----------
    leaf_value : ndarray of shape (trees, leaves)
        Zero where a tree has fewer leaves.
    all_leaves : ndarray of shape (trees,)
        A mask of each tree's leaves.
    tree, feature, threshold, nan_left : ndarray of shape (nodes,)
        Of each split: its tree, what it compares with what, and whether unknown values go left.
    left, right : ndarray of shape (nodes,)
        Masks of the leaves below.
    features : list of int
        Those that any split looks at.
    """

    def __init__(self, text: str) -> None:
        found = _fields(text)
        counts = np.array([int(value) for value in found["num_leaves"]])
        n_trees, most = len(counts), int(counts.max(initial=1))
        if not n_trees or most > 64 or any(value != "0" for value in (*found["num_cat"], *found["is_linear"])):
            raise ValueError("only trees of at most 64 leaves, without categories and linear leaves, can be read")
        masks = np.uint16 if most <= 16 else np.uint64
        of_tree = np.repeat(np.arange(n_trees), counts)
        in_tree = np.arange(len(of_tree)) - np.repeat(np.cumsum(counts) - counts, counts)
        self.leaf_value = np.zeros((n_trees, most))
        self.leaf_value[of_tree, in_tree] = _numbers(found["leaf_value"])
        splits = counts - 1
        self.tree = np.repeat(np.arange(n_trees), splits)
        self.feature = _numbers(found["split_feature"], np.int64)
        self.threshold = _numbers(found["threshold"])
        decision = _numbers(found["decision_type"], np.int64)
        if (decision & _CATEGORICAL).any() or ((decision & _MISSING) == 0b0100).any():
            raise ValueError("splits on categories, or with zeros as missing values, cannot be read")
        # Where nothing counts as missing LightGBM takes NaN for zero.
        is_left = np.where(decision & _NAN_IS_MISSING, decision & _DEFAULT_LEFT, self.threshold >= 0)
        self.nan_left = is_left.astype(bool)
        node_in_tree = np.arange(len(self.tree)) - np.repeat(np.cumsum(splits) - splits, splits)
        children = [np.zeros((n_trees, max(most - 1, 1)), dtype=np.int64) for _ in range(2)]
        for side, name in zip(children, ("left_child", "right_child"), strict=True):
            side[self.tree, node_in_tree] = _numbers(found[name], np.int64)
        below = _leaves_below(children, splits, masks)
        self.left, self.right = (side[self.tree, node_in_tree] for side in below)
        ones = np.left_shift(np.uint64(1), np.arange(most, dtype=np.uint64)).astype(masks)
        self.all_leaves = np.array([np.bitwise_or.reduce(ones[:count]) for count in counts], dtype=masks)
        self.features: list[int] = np.unique(self.feature).tolist()


class _Reachable:
    """The leaves that a value of one feature leaves reachable in each tree of several models.

    Parameters
    ----------
    splits : _Splits
        All splits.
    feature : int
        The feature.
    """

    def __init__(self, splits: _Splits, feature: int) -> None:
        tables = [_reachable(nodes, feature) for nodes in splits.nodes]
        self._thresholds = np.unique(np.concatenate([thresholds for thresholds, _ in tables]))
        n_rows = np.array([len(masks) for _, masks in tables])
        first = np.cumsum(n_rows) - n_rows
        trees = splits.all_leaves.shape[1]
        self._masks: Masks = np.ones_like(splits.all_leaves, shape=(int(n_rows.sum()), trees))
        # Of each place among the thresholds of all models: the row of each model.
        self._row = np.empty((len(self._thresholds) + 1, len(tables)), dtype=np.intp)
        for model, (thresholds, masks) in enumerate(tables):
            self._masks[first[model] : first[model] + len(masks), : masks.shape[1]] = masks
            self._row[:-1, model] = first[model] + thresholds.searchsorted(self._thresholds)
            self._row[-1, model] = first[model] + len(thresholds)

    def of(self, values: Floats) -> Masks:
        """Return the masks of shape (n, models, trees) for values of shape (n,)."""
        return self._masks.take(self._row.take(self._thresholds.searchsorted(values), axis=0), axis=0)


def _reachable(nodes: _Nodes, feature: int) -> tuple[Floats, Masks]:
    """Return the thresholds of a feature in one model, and the masks of its trees for a value before each of them.

    The last threshold is infinity, and the last row is for what is not known, which is sorted behind it.
    """
    rows = np.flatnonzero(nodes.feature == feature)
    thresholds, place = np.unique(np.append(nodes.threshold[rows], np.inf), return_inverse=True)
    place, tree = place[:-1], nodes.tree[rows]
    # A value goes right of the thresholds below it, which closes their left sides, and left of the others.
    above, below = (np.tile(nodes.all_leaves, (len(thresholds) + 1, 1)) for _ in range(2))
    np.bitwise_and.at(above, (place + 1, tree), ~nodes.left[rows])
    np.bitwise_and.at(below, (place, tree), ~nodes.right[rows])
    passed, ahead = np.bitwise_and.accumulate(above, axis=0), np.bitwise_and.accumulate(below[::-1], axis=0)[::-1]
    masks: Masks = np.bitwise_and(passed, ahead)
    unknown = nodes.all_leaves.copy()
    np.bitwise_and.at(unknown, tree, np.where(nodes.nan_left[rows], ~nodes.right[rows], ~nodes.left[rows]))
    masks[-1] = unknown
    return thresholds, masks


def _leaves_below(children: Sequence[NDArray[np.int64]], splits: NDArray[np.int64], masks: Any) -> list[Masks]:
    """Return the masks of the leaves on either side of each node; a child that is negative is the leaf ``~child``."""
    below = [np.zeros(children[0].shape, dtype=masks) for _ in range(2)]
    trees = np.arange(len(splits))
    # Children have larger numbers than their parents.
    for node in range(int(splits.max(initial=0)) - 1, -1, -1):
        for side, child in zip(below, (part[:, node] for part in children), strict=True):
            inner = (below[0] | below[1])[trees, np.maximum(child, 0)]
            leaf = np.left_shift(np.uint64(1), np.where(child < 0, ~child, 0).astype(np.uint64)).astype(masks)
            side[:, node] = np.where(node < splits, np.where(child < 0, leaf, inner), 0)
    return below


def _place_of_bit(masks: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """Return which bit is set in each mask, where exactly one is."""
    return (np.frexp(masks.astype(np.float64))[1] - 1).astype(np.uint8)


_LEAF_OF_16 = _place_of_bit(np.arange(1 << 16))
"""The same for masks of 16 bits, looked up."""


def _fields(text: str) -> dict[str, list[str]]:
    """Return what each tree says of each field, in order."""
    found: dict[str, list[str]] = {name: [] for name in _FIELDS}
    for line in _lines_of_trees(text):
        name, _, value = line.partition("=")
        if name in found:
            found[name].append(value)
    return found


def _lines_of_trees(text: str) -> Iterator[str]:
    start, end = text.find("\nTree=0\n"), text.find("\nend of trees")
    if not text.startswith("tree\n") or end < 0:
        raise ValueError("this is no LightGBM model in its text format")
    return iter(text[start:end].splitlines() if start >= 0 else ())


def _numbers(lines: Sequence[str], dtype: Any = np.float64) -> NDArray[Any]:
    return np.fromstring(" ".join(lines), dtype=dtype, sep=" ")
