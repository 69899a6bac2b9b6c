"""The meta-model: from what is known before a training to how good it will turn out.

Two questions are learned apart, because they need different answers from the same records. *How far does this
configuration fall short of the best in its case?* compares runs within a case only, so it cannot be misled by some
datasets being easier than others. *What accuracy will come out?* is about the level, which the dataset's own
structure mostly decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advisor.learn.table import Floats, Table

if TYPE_CHECKING:
    import lightgbm

LEVEL = 0.8
"""Nominal coverage of the intervals."""

_PARAMETERS: dict[str, Any] = {
    "objective": "regression",
    "learning_rate": 0.05,
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
    shortfall : ndarray of shape (n,)
        Expected regret on the scale of ``regret_within_cases``; smaller is better.
    spread : ndarray of shape (n,)
        Standard deviation of the shortfall between the members, each fitted to other groups.
    top1, low, high : ndarray of shape (n,)
        Expected accuracy in percent and the interval that holds with probability ``LEVEL``.
    """

    shortfall: Floats
    spread: Floats
    top1: Floats
    low: Floats
    high: Floats


def logit(top1: Floats) -> Floats:
    """Return the log-odds of accuracies in percent, kept finite by half a percent at either end."""
    share = np.clip(np.asarray(top1, dtype=np.float64) / 100, 0.005, 0.995)
    return np.log(share / (1 - share))


def from_logit(value: Floats) -> Floats:
    """Return accuracies in percent from log-odds."""
    return 100 / (1 + np.exp(-value))


def regret_within_cases(score: Floats, case_of: NDArray[np.int64]) -> Floats:
    """Return each run's regret in its case: (best - score) / (best - median), 0 the best, 1 a median run.

    Clipped at 2, so that how exactly a hopeless run fails does not matter. A case in which nothing differs is 0.

    Parameters
    ----------
    score : ndarray of shape (n,)
        Accuracies in percent.
    case_of : ndarray of int, shape (n,)
        The case of each run.

    Returns
    -------
    ndarray of shape (n,), in [0, 2]
    """
    regret = np.zeros(len(score))
    for case in np.unique(case_of):
        rows = case_of == case
        best, median = score[rows].max(), np.median(score[rows])
        if best > median:
            regret[rows] = np.minimum(2.0, (best - score[rows]) / (best - median))
    return regret


class MetaModel:
    """Bagged LightGBM models of the shortfall and of the accuracy.

    Every other member that predicts the shortfall is blind to the dataset's features: it says what holds for a model
    anywhere, and draws what the others make of few datasets toward it.

    Parameters
    ----------
    n_members : int
        Members of each ensemble, at least 2; each leaves another share of the groups out.
    n_estimators : int
        Trees a member.
    random_state : int
        Seed of everything random.

    Attributes
    ----------
    columns_ : tuple of str
        The features it was fitted to.
    residual_ : float
        Half width of the interval on the log-odds scale: the ``LEVEL`` quantile of the errors that members make on
        groups they have not seen, over the better half of each case's runs (advice is never about the worse half).
    """

    def __init__(self, n_members: int = 6, n_estimators: int = 300, random_state: int = 0) -> None:
        self.n_members = n_members
        self.n_estimators = n_estimators
        self.random_state = random_state

    def fit(self, table: Table) -> MetaModel:
        """Fit to a table.

        Parameters
        ----------
        table : Table
            Runs of at least two groups.

        Returns
        -------
        MetaModel
            Itself.

        Raises
        ------
        ValueError
            If the table holds fewer than two groups.
        """
        groups = np.unique(table.group_of)
        if len(groups) < 2:
            raise ValueError(f"evidence of at least two groups is needed, not {len(groups)}")
        regret = regret_within_cases(table.score, table.case_of)
        level = logit(table.score)
        fold_of = self._folds(groups)
        self.columns_ = table.columns
        self.shortfall_: list[lightgbm.Booster] = []
        self.level_: list[lightgbm.Booster] = []
        held_out = np.zeros(len(table))
        # More of the epochs that a case allows may be wasted, but do not make its final accuracy worse.
        falling = [-1 if name == "log_epochs_share" else 0 for name in table.columns]
        # Trees never split on a feature that is unknown throughout.
        blind = table.x.copy()
        blind[:, [name.startswith("data:") for name in table.columns]] = np.nan
        for member in range(self.n_members):
            out = np.isin(table.group_of, groups[fold_of == member])
            seen = blind if member % 2 else table.x
            self.shortfall_.append(self._train(seen[~out], regret[~out], member, falling))
            self.level_.append(self._train(table.x[~out], level[~out], member))
            if out.any():
                held_out[out] = _predict(self.level_[-1], table.x[out])
        better_half = regret <= 1
        self.residual_ = float(np.quantile(np.abs(held_out - level)[better_half], LEVEL))
        return self

    def predict(self, x: Floats) -> Prediction:
        """Predict for features of shape (n, d) in the order of ``columns_``."""
        shortfall = np.array([_predict(member, x) for member in self.shortfall_])
        level = np.mean([_predict(member, x) for member in self.level_], axis=0)
        return Prediction(
            shortfall=shortfall.mean(axis=0),
            spread=shortfall.std(axis=0),
            top1=from_logit(level),
            low=from_logit(level - self.residual_),
            high=from_logit(level + self.residual_),
        )

    def clone(self) -> MetaModel:
        """Return an unfitted model with the same parameters."""
        return MetaModel(self.n_members, self.n_estimators, self.random_state)

    def to_texts(self) -> dict[str, str]:
        """Return every member in LightGBM's text format, by name."""
        return {
            f"{kind}_{i}": member.model_to_string()
            for kind, members in (("shortfall", self.shortfall_), ("level", self.level_))
            for i, member in enumerate(members)
        }

    def to_manifest(self) -> dict[str, Any]:
        """Return everything else that ``from_texts`` needs, as JSON values."""
        return {
            "n_members": self.n_members,
            "n_estimators": self.n_estimators,
            "random_state": self.random_state,
            "columns": list(self.columns_),
            "residual": self.residual_,
        }

    @classmethod
    def from_texts(cls, manifest: Mapping[str, Any], texts: Mapping[str, str]) -> MetaModel:
        """Return the fitted model that ``to_manifest`` and ``to_texts`` describe."""
        import lightgbm

        model = cls(manifest["n_members"], manifest["n_estimators"], manifest["random_state"])
        members = {name: lightgbm.Booster(model_str=text) for name, text in texts.items()}
        model.columns_ = tuple(manifest["columns"])
        model.residual_ = manifest["residual"]
        model.shortfall_ = [members[f"shortfall_{i}"] for i in range(model.n_members)]
        model.level_ = [members[f"level_{i}"] for i in range(model.n_members)]
        return model

    def _folds(self, groups: NDArray[np.str_]) -> NDArray[np.int64]:
        shuffled = np.random.default_rng(self.random_state).permutation(len(groups))
        return np.asarray(shuffled % self.n_members, dtype=np.int64)

    def _train(self, x: Floats, y: Floats, member: int, monotone: list[int] | None = None) -> lightgbm.Booster:
        import lightgbm

        parameters = {**_PARAMETERS, "seed": self.random_state + member}
        if monotone is not None:
            parameters["monotone_constraints"] = monotone
        return lightgbm.train(parameters, lightgbm.Dataset(x, y), num_boost_round=self.n_estimators)


def _predict(member: lightgbm.Booster, x: Floats) -> Floats:
    return np.asarray(member.predict(x, num_threads=1), dtype=np.float64)
