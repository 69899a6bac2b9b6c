"""What each group of dataset features adds to the meta-model: ``python -m research.ablations.feature_groups``.

It writes docs/dataset-features.md: which features distinguish datasets, what they correlate with, and what each adds on
sources that were never seen, for the ranking of configurations and for the expected accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.collect.engine import available_cores
from advisor.describe.features.compute import all_features
from advisor.evaluate.pool import Pool, clear_pools, pools
from advisor.evaluate.summary import bootstrap_interval, mean_by_group
from advisor.learn.artefact import seed_noise
from advisor.learn.metamodel import MetaModel
from advisor.learn.table import Floats, Table, build_table, hidden_features
from advisor.records.schema import Dataset
from research.ablations.feature_seconds import feature_seconds
from research.ablations.variants import judge
from research.pages.rendering import DOCS, render

GROUPS = ("size", "images", "structure", "probe")
_ENOUGH = 8
"""Datasets without which there is no correlation."""


def with_groups(table: Table, kept: Sequence[str]) -> Table:
    """Return the table with only these groups of dataset features known; the others' values are unknown throughout."""
    x = table.x.copy()
    x[:, hidden_features(table.columns, kept)] = np.nan
    return replace(table, x=x)


def ablations() -> dict[str, tuple[str, ...]]:
    """Return the sets of groups that are compared, by name."""
    alone = {f"{group} alone": (group,) for group in GROUPS}
    without = {f"all but {group}": tuple(g for g in GROUPS if g != group) for group in GROUPS}
    return {"none": (), "all": GROUPS, **alone, **without}


def _small() -> MetaModel:
    """Return a model that sees every feature; of fewer members than the shipped one, as many are fitted here."""
    return MetaModel(n_members=3, n_estimators=100, ranking_features=GROUPS, accuracy_features=GROUPS, blind_share=0.0)


def accuracy_errors(table: Table, judged: Sequence[Pool]) -> Floats:
    """Return how far expected accuracies are from the best score of every case, in points, its source left out."""
    errors = np.zeros(len(judged))
    for group in sorted({pool.group for pool in judged}):
        model = _small().fit(table.take(table.group_of != group))
        for i, pool in enumerate(judged):
            if pool.group == group:
                row = int(pool.score.argmax())
                errors[i] = abs(float(model.predict(pool.x[row : row + 1]).top1[0]) - float(pool.score[row]))
    return errors


def compare(table: Table, workers: int = 1) -> list[dict[str, Any]]:
    """Return a row a set of groups: regret of the first pick and error of the accuracy, with the difference to none."""
    from joblib import Parallel, delayed

    sets = ablations()
    judged = Parallel(n_jobs=workers)(delayed(_values)(with_groups(table, kept)) for kept in sets.values())
    groups = np.array([pool.group for pool in clear_pools(table, seed_noise(table))])
    rows: list[dict[str, Any]] = []
    for name, values in zip(sets, judged, strict=True):
        row: dict[str, Any] = {"features": name}
        for what, value in values.items():
            difference = value - judged[0][what]
            row[what] = float(mean_by_group(value, groups).mean())
            row[f"{what}_difference"] = float(mean_by_group(difference, groups).mean())
            row[f"{what}_interval"] = bootstrap_interval(difference, groups)
        rows.append(row)
    return rows


def _values(table: Table) -> dict[str, Floats]:
    judged = clear_pools(table, seed_noise(table))
    return {"regret": judge(table, judged, _small)["first"], "points": accuracy_errors(table, judged)}


def separation(datasets: Sequence[Dataset]) -> dict[str, float]:
    """Return by feature the share of its variance over datasets that lies between their sources, in [0, 1].

    Of features with a value for every dataset that vary; 1 means that a source's datasets all have the same value.
    """
    result = {}
    sources = np.array([dataset.group for dataset in datasets])
    for name in sorted({name for dataset in datasets for name in dataset.features}):
        values = np.array([dataset.features.get(name, np.nan) for dataset in datasets])
        if np.isnan(values).any() or values.std() == 0:
            continue
        within = sum(((values[sources == s] - values[sources == s].mean()) ** 2).sum() for s in set(sources))
        result[name] = float(1 - within / ((values - values.mean()) ** 2).sum())
    return result


def correlations(table: Table, datasets: Sequence[Dataset]) -> dict[str, dict[str, float]]:
    """Return Spearman's rank correlation of every feature with what was best on the datasets, over datasets.

    What was best is taken from the best configuration of each case and, over the cases of a dataset, the mean of the
    ranks it has among the cases of the same model, optimizer and start, so that models do not matter.
    """
    from scipy.stats import rankdata, spearmanr

    judged = list(pools(table))
    outcomes: dict[str, Callable[[Pool], float]] = {
        "best accuracy": lambda pool: float(pool.score.max()),
        "best lr": lambda pool: float(pool.hparams["lr"][pool.score.argmax()]),
        "best batch size": lambda pool: float(pool.hparams["batch_size"][pool.score.argmax()]),
        "best dropout": lambda pool: float(pool.hparams["dropout"][pool.score.argmax()]),
        "best weight decay": lambda pool: float(pool.hparams["weight_decay"][pool.score.argmax()]),
    }
    ids = [pool.case.dataset_id for pool in judged]
    kinds = [pool.case[1:] for pool in judged]
    ranks: dict[str, NDArray[np.float64]] = {}
    for what, of in outcomes.items():
        values, rank = np.array([of(pool) for pool in judged]), np.zeros(len(judged))
        for kind in set(kinds):
            rows = np.array([other == kind for other in kinds])
            rank[rows] = (rankdata(values[rows]) - 0.5) / rows.sum()
        ranks[what] = np.array(
            [np.mean([r for r, i in zip(rank, ids, strict=True) if i == one]) for one in dict.fromkeys(ids)]
        )
    by_id = {dataset.dataset_id: dataset for dataset in datasets}
    seen = [by_id[one] for one in dict.fromkeys(ids)]
    result: dict[str, dict[str, float]] = {}
    for feature in all_features():
        values = np.array([dataset.features.get(feature.name, np.nan) for dataset in seen])
        known = np.isfinite(values)
        if known.sum() >= _ENOUGH and np.ptp(values[known]) > 0:
            result[feature.name] = {
                what: float(spearmanr(values[known], rank[known]).statistic) for what, rank in ranks.items()
            }
    return result


def most_alike(datasets: Sequence[Dataset]) -> dict[str, tuple[str, float]]:
    """Return for every feature the other one that it goes along with most: its name and Spearman's rank correlation.

    Of features that vary, over the datasets that have both.
    """
    from scipy.stats import spearmanr

    names = [feature.name for feature in all_features()]
    values = {name: np.array([d.features.get(name, np.nan) for d in datasets]) for name in names}
    result: dict[str, tuple[str, float]] = {}
    for name in names:
        found: list[tuple[str, float]] = []
        for other in names:
            both = np.isfinite(values[name]) & np.isfinite(values[other])
            if other != name and both.sum() >= _ENOUGH and np.ptp(values[name][both]) and np.ptp(values[other][both]):
                found.append((other, float(spearmanr(values[name][both], values[other][both]).statistic)))
        if found:
            result[name] = max(found, key=lambda pair: abs(pair[1]))
    return result


def page(
    table: Table,
    datasets: Sequence[Dataset],
    rows: Sequence[Mapping[str, Any]],
    seconds: Mapping[str, float],
) -> str:
    """Return docs/dataset-features.md."""
    judged = clear_pools(table, seed_noise(table))
    between, related, alike = separation(datasets), correlations(table, datasets), most_alike(datasets)
    outcomes = list(next(iter(related.values())))
    features = [
        (
            f"`{feature.name}`",
            feature.group,
            f"{between[feature.name]:.0%}" if feature.name in between else "",
            *(f"{related[feature.name][outcome]:+.2f}" for outcome in outcomes),
            "`{}` {:+.2f}".format(*alike[feature.name]) if feature.name in alike else "",
        )
        for feature in all_features()
        if feature.name in related
    ]
    return render(
        "dataset-features",
        runs=len(table),
        datasets=len(datasets),
        cases=len(judged),
        groups=len({pool.group for pool in judged}),
        sets=[_set_cells(row, seconds) for row in rows],
        outcomes=outcomes,
        features=features,
    )


def _set_cells(row: Mapping[str, Any], seconds: Mapping[str, float]) -> list[str]:
    """Return the line of the table on a set of groups of features."""
    cells = [row["features"], f"{sum(seconds[group] for group in ablations()[row['features']]):.1f}"]
    for what, digits in (("regret", 3), ("points", 1)):
        low, high = row[f"{what}_interval"]
        cells += [
            f"{row[what]:.{digits}f}",
            f"{row[f'{what}_difference']:+.{digits}f}",
            f"{low:+.{digits}f} to {high:+.{digits}f}",
        ]
    return cells


def main() -> None:
    """Write the page for the shipped evidence."""
    from advisor.describe.model import model_features
    from advisor.records.evidence import load_evidence

    evidence = load_evidence()
    table = build_table(evidence.runs, evidence.datasets, model_features, with_probe=True)
    (DOCS / "dataset-features.md").write_text(
        page(table, evidence.datasets, compare(table, available_cores()), feature_seconds()), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
