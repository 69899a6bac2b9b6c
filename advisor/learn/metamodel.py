"""The meta-model: from what is known before a training to how good it will turn out.

Two questions are learned apart, because they need different answers from the same records. *How far does this
configuration fall short of the best in its case?* compares runs within a case only, so it cannot be misled by some
datasets being easier than others. *What accuracy will come out?* is about the level, which the dataset's own
structure mostly decides.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from advisor.learn.process import RegretProcess
from advisor.learn.table import Floats, Table, hidden_features
from advisor.learn.targets import TARGETS, from_logit, logit, rows_by_case
from advisor.learn.trees import Forest, Trees
from advisor.records.schema import Pretraining

if TYPE_CHECKING:
    import lightgbm

Member = TypeVar("Member")

_FULL_CASE = 25
"""Configurations from which on a case weighs no more: what most cases of the shipped evidence have."""
LEVEL = 0.8
"""Nominal coverage of the intervals."""

_TREE_ROWS = 200_000
"""A tree is grown on no more rows than about so many, drawn again for each: beyond, evidence costs little time."""

_PARAMETERS: dict[str, Any] = {
    "objective": "regression",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    # Thresholds drawn at random: with few sources the best ones of a sample are overfitted to it.
    "extra_trees": True,
    # The same bits everywhere: one thread, a fixed order of summation.
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Prediction:
    """What is expected of configurations.

    Attributes
    ----------
    regret : ndarray of shape (n,)
        Expected regret on the scale of ``regret_within_cases``; smaller is better.
    spread : ndarray of shape (n,)
        Standard deviation of the regret between the members, each fitted to other groups.
    top1, low, high : ndarray of shape (n,)
        Expected accuracy in percent and the interval that holds with probability ``LEVEL``.
    """

    regret: Floats
    spread: Floats
    top1: Floats
    low: Floats
    high: Floats


class MetaModel:
    """Bagged LightGBM models of the regret and of the accuracy.

    Which groups of dataset features either sees is decided by what they add on sources never seen, which `make
    feature-groups` judges. Members that predict the regret can be blind to all of them (the dataset's counts stay
    known through the steps): they say what holds for a model anywhere, and the others are shrunk toward that.

    Parameters
    ----------
    n_members : int
        Members of each ensemble, at least 2; each leaves another share of the groups out.
    n_estimators : int
        Trees a member.
    random_state : int
        Seed of everything random.
    target : str
        The scale on which regrets are learned; a key of ``advisor.learn.targets.TARGETS``.
    ranking_features, accuracy_features : sequence of str
        Groups of dataset features that the members of either ensemble see, see ``hidden_features``.
    blind_share : float
        Share of the regret's members that see no dataset features, in [0, 1].
    parameters : mapping, optional
        LightGBM parameters of the regret's members that differ from the usual ones.
    ranker : {"trees", "process"}
        What the members that predict regret are: LightGBM models, or Gaussian processes on few features, which need
        fewer sources; see ``advisor.learn.process``.

    Attributes
    ----------
    columns_ : tuple of str
        The features it was fitted to.
    residual_ : float
        Half width of the interval on the log-odds scale: the ``LEVEL`` quantile of the errors that members make on
        groups they have not seen, over the quarter of each case's runs that they expect most of (advice is never about
        the others). Every group weighs the same (conformal prediction by group, Dunn et al. 2023, arXiv:1809.07441).
    """

    def __init__(
        self,
        n_members: int = 6,
        n_estimators: int = 150,
        random_state: int = 0,
        *,
        target: str = "log-regret",
        ranking_features: Sequence[str] = ("size", "images", "structure", "plugins"),
        accuracy_features: Sequence[str] = ("images", "structure", "plugins"),
        blind_share: float = 0.5,
        parameters: Mapping[str, Any] | None = None,
        ranker: Literal["trees", "process"] = "trees",
    ) -> None:
        self.n_members = n_members
        self.n_estimators = n_estimators
        self.random_state = random_state
        self.target = target
        self.ranking_features = tuple(ranking_features)
        self.accuracy_features = tuple(accuracy_features)
        self.blind_share = blind_share
        self.parameters = dict(parameters or {})
        self.ranker = ranker

    def fit(self, table: Table, workers: int = 1) -> MetaModel:
        """Fit to a table.

        Parameters
        ----------
        table : Table
            Runs of at least two groups.
        workers : int
            Threads to share the members among; each member is fitted by one, so the result is the same.

        Returns
        -------
        MetaModel
            Itself.

        Raises
        ------
        ValueError
            If the table holds fewer than two groups.
        """
        self.fit_regret(table, workers)
        level = logit(table.score)
        expected_regret, expected_accuracy = np.zeros(len(table)), np.zeros(len(table))
        hidden = hidden_features(table.columns, self.accuracy_features)

        def fit_accuracy(member: int, out: NDArray[np.bool_]) -> Trees:
            parameters = self._seeded(member)
            trees = _train(
                _binned(_without(table.x[~out], hidden), level[~out], parameters), parameters, self.n_estimators
            )
            if out.any():
                unseen = table.x[out]
                expected_regret[out] = self._regret.predict_by(member, unseen)
                expected_accuracy[out] = trees.predict(unseen)
            return trees

        self.accuracy_members_ = _in_threads(fit_accuracy, self._left_out(table.group_of), workers)
        self._accuracy = Forest(self.accuracy_members_)
        promising = _best_quarter(expected_regret, table.case_of)
        errors = np.abs(expected_accuracy - level)
        self.residual_ = _quantile_over_groups(errors[promising], table.group_of[promising], LEVEL)
        return self

    def fit_regret(self, table: Table, workers: int = 1) -> MetaModel:
        """Fit the ensemble of the regret only, which is all that ranking configurations needs."""
        # Only the best are trained with several seeds: counted apart they would pass for what is typical.
        row_of, score = table.means_over_seeds()
        case_of = table.case_of[row_of]
        regret = TARGETS[self.target].of(score, case_of)
        weight = case_weights(case_of)
        self.columns_ = table.columns
        hidden = {
            blind: hidden_features(table.columns, () if blind else self.ranking_features) for blind in (True, False)
        }

        def fit_member(member: int, out: NDArray[np.bool_]) -> Trees:
            parameters = self._regret_parameters(member)
            data = self._regret_data(
                _without(table.x[row_of[~out]], hidden[self._is_blind(member)]),
                regret[~out], weight[~out], case_of[~out], parameters,
            )  # fmt: skip
            return self._train_regret(data, parameters)

        left_out = self._left_out(table.group_of[row_of])
        if self.ranker == "process":
            self.regret_members_: list[Trees] = []
            self._regret: Forest | RegretProcess = RegretProcess().fit(
                table.x[row_of], table.columns, regret, case_of, weight, left_out
            )
        else:
            self.regret_members_ = _in_threads(fit_member, left_out, workers)
            self._regret = Forest(self.regret_members_)
        return self

    def predict_regret(self, x: Floats) -> Floats:
        """Return the regret that each member expects; shape (members, n)."""
        return np.asarray(TARGETS[self.target].to_regret(self._regret.predict(x)))

    def predict(self, x: Floats) -> Prediction:
        """Predict for features of shape (n, d) in the order of ``columns_``."""
        regret = self.predict_regret(x)
        level = np.mean(self._accuracy.predict(x), axis=0)
        return Prediction(
            regret=regret.mean(axis=0),
            spread=regret.std(axis=0),
            top1=from_logit(level),
            low=from_logit(level - self.residual_),
            high=from_logit(level + self.residual_),
        )

    def given(self, row: Floats, varying: Collection[int]) -> MetaModel:
        """Return the same for features that differ from a row in some columns only, which is faster.

        Parameters
        ----------
        row : ndarray of shape (d,)
            Features in the order of ``columns_``.
        varying : collection of int
            Columns whose values will differ.
        """
        here = copy.copy(self)
        here._regret, here._accuracy = self._regret.given(row, varying), self._accuracy.given(row, varying)
        return here

    def clone(self) -> MetaModel:
        """Return an unfitted model with the same parameters."""
        return type(self)(**self.get_params())

    def get_params(self) -> dict[str, Any]:
        """Return the constructor's parameters by name."""
        return {name: getattr(self, name) for name in _PARAMETER_NAMES}

    def to_texts(self) -> dict[str, str]:
        """Return what was fitted by name: every LightGBM model in its text format, a process as JSON."""
        texts = {
            f"{kind}_{i}": member.to_text()
            for kind, members in (("regret", self.regret_members_), ("accuracy", self.accuracy_members_))
            for i, member in enumerate(members)
        }
        return {"regret": self._regret.to_text(), **texts} if isinstance(self._regret, RegretProcess) else texts

    def to_manifest(self) -> dict[str, Any]:
        """Return everything else that ``from_texts`` needs, as JSON values."""
        return {
            "parameters": self.get_params(),
            "columns": list(self.columns_),
            "residual": self.residual_,
        }

    @classmethod
    def from_texts(cls, manifest: Mapping[str, Any], texts: Mapping[str, str]) -> MetaModel:
        """Return the fitted model that ``to_manifest`` and ``to_texts`` describe; LightGBM is not imported."""
        model = cls(**manifest["parameters"])
        model.columns_ = tuple(manifest["columns"])

        def read(kind: str) -> list[Trees]:
            return [Trees(texts[f"{kind}_{i}"]) for i in range(model.n_members)]

        model.residual_ = manifest["residual"]
        model.accuracy_members_ = read("accuracy")
        model._accuracy = Forest(model.accuracy_members_)
        if model.ranker == "process":
            model.regret_members_ = []
            model._regret = RegretProcess.from_text(texts["regret"], model.columns_)
        else:
            model.regret_members_ = read("regret")
            model._regret = Forest(model.regret_members_)
        return model

    def _left_out(self, group_of_rows: NDArray[np.str_]) -> list[NDArray[np.bool_]]:
        """Return which rows each member is not trained on: every group is left out by one of them."""
        groups, group_of = np.unique(group_of_rows, return_inverse=True)
        if len(groups) < 2:
            raise ValueError(f"evidence of at least two groups is needed, not {len(groups)}")
        fold_of = np.random.default_rng(self.random_state).permutation(len(groups)) % self.n_members
        return [fold_of[group_of] == member for member in range(self.n_members)]

    def _is_blind(self, member: int) -> bool:
        """Return whether a member sees no dataset features; the blind ones are spread evenly."""
        return int((member + 1) * self.blind_share) > int(member * self.blind_share)

    def _seeded(self, member: int) -> dict[str, Any]:
        return tree_parameters(self.random_state + member)

    def _regret_parameters(self, member: int) -> dict[str, Any]:
        # More of the epochs that a case allows may be wasted, but do not make its final accuracy worse.
        falling = [-1 if name == "log_epochs_share" else 0 for name in self.columns_]
        return {**self._seeded(member), "monotone_constraints": falling, **self.parameters}

    def _regret_data(
        self, x: Floats, y: Floats, weight: Floats, case_of: NDArray[np.int64], parameters: Mapping[str, Any]
    ) -> lightgbm.Dataset:
        return _binned(x, y, parameters, weight)

    def _train_regret(self, data: lightgbm.Dataset, parameters: Mapping[str, Any]) -> Trees:
        return _train(data, parameters, self.n_estimators)


_PARAMETER_NAMES = (
    "n_members",
    "n_estimators",
    "random_state",
    "target",
    "ranking_features",
    "accuracy_features",
    "blind_share",
    "parameters",
    "ranker",
)


def meta_model_for(pretraining: Pretraining) -> MetaModel:
    """Return the unfitted meta-model for trainings that start from weights of a kind.

    Fewer sources were recorded for ImageNet weights, so a process ranks configurations there.
    """
    return MetaModel(ranker="process", target="regret") if pretraining is Pretraining.IMAGENET else MetaModel()


def _without(x: Floats, hidden: NDArray[np.bool_]) -> Floats:
    """Make the hidden columns of ``x`` unknown throughout, so that trees never split on them, and return it."""
    x[:, hidden] = np.nan
    return x


def tree_parameters(seed: int) -> dict[str, Any]:
    """Return the LightGBM parameters of the meta-model's members."""
    return {**_PARAMETERS, "seed": seed}


def _in_threads(
    fit: Callable[[int, NDArray[np.bool_]], Member], left_out: list[NDArray[np.bool_]], workers: int
) -> list[Member]:
    """Return what ``fit`` makes of each member and the rows it leaves out."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(fit, range(len(left_out)), left_out))


def case_weights(case_of: NDArray[np.int64]) -> Floats:
    """Return weights under which a case of more configurations than most counts as much as those."""
    return _FULL_CASE / np.maximum(np.bincount(case_of)[case_of], _FULL_CASE)


def _binned(x: Floats, y: Floats, parameters: Mapping[str, Any], weight: Floats | None = None) -> lightgbm.Dataset:
    """Return rows as LightGBM trains on them, an eighth of the size, so that ``x`` can be freed before."""
    import lightgbm

    return lightgbm.Dataset(x, y, weight=weight, params=dict(parameters)).construct()


def _train(data: lightgbm.Dataset, parameters: Mapping[str, Any], rounds: int) -> Trees:
    import lightgbm

    share = min(parameters["bagging_fraction"], _TREE_ROWS / data.num_data())
    booster = lightgbm.train({**parameters, "bagging_fraction": share}, data, num_boost_round=rounds)
    return Trees(booster.model_to_string())


def _best_quarter(expected: Floats, case_of: NDArray[np.int64]) -> NDArray[np.bool_]:
    best = np.zeros(len(expected), dtype=bool)
    for rows in rows_by_case(case_of):
        best[rows] = expected[rows] <= np.quantile(expected[rows], 0.25)
    return best


def _quantile_over_groups(values: Floats, groups: NDArray[np.str_], level: float) -> float:
    """Return the quantile of values in which every group weighs the same, corrected for their finite number."""
    names, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
    weights = 1 / counts[index] / len(names)
    order = np.argsort(values)
    wanted = min(1.0, level * (1 + 1 / len(names)))
    at = int(np.searchsorted(np.cumsum(weights[order]), wanted * (1 - 1e-9)))
    return float(values[order[min(at, len(order) - 1)]])
