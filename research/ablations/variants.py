"""What was tried for the meta-model, and what each gave: ``python -m research.ablations.variants RUNS``.

It prints docs/meta-model.md. Every variant is judged as the advice is, on sources that were left out, by the
configuration it puts first. RUNS is the folder of the public Quick-Tune runs, which one of them learns from as well.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advisor.evaluate.pool import Pool, clear_pools
from advisor.evaluate.protocol import robust_order
from advisor.evaluate.summary import bootstrap_interval, mean_by_group
from advisor.learn.artefact import seed_noise
from advisor.learn.metamodel import MetaModel
from advisor.learn.nearby_lr import LR_NEIGHBOURS
from advisor.learn.table import Floats, Table, build_table
from research.pages.rendering import render
from research.quicktune.joint_runs import JointRuns, read_joint_runs
from research.quicktune.other_evidence import judge_recipes, with_joint_runs

if TYPE_CHECKING:
    import lightgbm


class RankingModel(MetaModel):
    """A meta-model whose members rank the runs of a case (LambdaMART) instead of predicting regrets."""

    def _regret_parameters(self, member: int) -> dict[str, Any]:
        ranking = {"objective": "lambdarank", "label_gain": list(range(31))}
        return {**self._seeded(member), **ranking, **self.parameters}

    def _regret_data(
        self, x: Floats, y: Floats, weight: Floats, case_of: NDArray[np.int64], parameters: Mapping[str, Any]
    ) -> lightgbm.Dataset:
        import lightgbm

        order = np.argsort(case_of, kind="stable")
        relevance = np.round(30 * (1 - np.clip(y[order], 0, 1)))
        sizes = np.unique(case_of[order], return_counts=True)[1]
        data = lightgbm.Dataset(x[order], relevance, weight=weight[order], group=sizes, params=dict(parameters))
        return data.construct()

    def predict_regret(self, x: Floats) -> Floats:
        """Return what each member expects, as a regret: what ranks gives high values to the best."""
        return -super().predict_regret(x)


VARIANTS: dict[str, Callable[[], MetaModel]] = {
    "as shipped": MetaModel,
    "target: regret": lambda: MetaModel(target="regret"),
    "target: rank in the case": lambda: MetaModel(target="rank"),
    "target: log-odds below the best": lambda: MetaModel(target="log-odds"),
    # LightGBM takes no constraints together with a quantile.
    "objective: median": lambda: MetaModel(
        parameters={"objective": "quantile", "alpha": 0.5, "monotone_constraints": None}
    ),
    "objective: lambdarank by case": lambda: RankingModel(target="rank"),
    "no dataset features": lambda: MetaModel(blind_share=1.0),
    "images only in half of the members": lambda: MetaModel(ranking_features=("images",)),
    "structure only in half of the members": lambda: MetaModel(ranking_features=("structure",)),
    "dataset features in every member": lambda: MetaModel(blind_share=0.0),
    "best thresholds, not random ones": lambda: MetaModel(parameters={"extra_trees": False}),
    "no monotone constraint": lambda: MetaModel(parameters={"monotone_constraints": None}),
    "twice the leaves": lambda: MetaModel(parameters={"num_leaves": 31}),
    "a third of the trees": lambda: MetaModel(n_estimators=50),
    "twice the trees": lambda: MetaModel(n_estimators=300),
    "twice the trees, half the learning rate": lambda: MetaModel(n_estimators=300, parameters={"learning_rate": 0.05}),
    "twelve members": lambda: MetaModel(n_members=12),
}


PLAIN_INPUTS = "no inputs derived from the hyperparameters"
NOT_ROBUST = "no averaging over nearby learning rates"
RECIPES = "published recipes and the rule alone, no meta-model"
JOINT = "public Quick-Tune runs as further evidence"
DERIVED = (
    "log_steps",
    "log_epoch_steps",
    "log_samples_seen",
    "log_lr_per_sqrt_batch",
    "log_lr_per_batch",
    "log_lr_steps",
    "log_shrinkage",
    "batch_share",
)


def judge(
    table: Table, judged: Sequence[Pool], make: Callable[[], MetaModel], robust: bool = True
) -> dict[str, Floats]:
    """Return the regret of a variant's first pick and of the best of its first three in every case.

    Parameters
    ----------
    table : Table
        The evidence.
    judged : sequence of Pool
        Its cases.
    make : callable
        Returns the unfitted variant.
    robust : bool
        Whether the regret is averaged over nearby learning rates, as the advice does.
    """
    factors = LR_NEIGHBOURS if robust else (1.0,)
    first, third = np.zeros(len(judged)), np.zeros(len(judged))
    for group in sorted({pool.group for pool in judged}):
        model = make().fit_regret(table.take(table.group_of != group))
        for i, pool in enumerate(judged):
            if pool.group != group:
                continue
            order = robust_order(model, pool, factors)
            first[i] = pool.regret(pool.score[order[0]])
            third[i] = pool.regret(pool.score[order[:3]].max())
    return {"first": first, "best of 3": third}


def compare(table: Table, joint: JointRuns, workers: int = 1) -> list[dict[str, Any]]:
    """Return a row a variant: mean regrets over groups, and the paired difference to the shipped one.

    Parameters
    ----------
    table : Table
        The evidence.
    joint : JointRuns
        Public runs that one of the variants learns from as well.
    workers : int
        Processes to share the variants among.
    """
    from joblib import Parallel, delayed

    groups = np.array([pool.group for pool in clear_pools(table, seed_noise(table))])
    names = [*VARIANTS, PLAIN_INPUTS, NOT_ROBUST, RECIPES, JOINT]
    found = Parallel(n_jobs=workers)(delayed(_judge_named)(table, joint, name) for name in names)
    rows: list[dict[str, Any]] = []
    for name, regret in zip(names, found, strict=True):
        difference = regret["first"] - found[0]["first"]
        low, high = bootstrap_interval(difference, groups)
        rows.append(
            {
                "variant": name,
                "first": float(mean_by_group(regret["first"], groups).mean()),
                "median": float(np.median(regret["first"])),
                "best of 3": float(mean_by_group(regret["best of 3"], groups).mean()),
                "difference": float(mean_by_group(difference, groups).mean()),
                "low": low,
                "high": high,
            }
        )
    return rows


def _judge_named(table: Table, joint: JointRuns, name: str) -> dict[str, Floats]:
    noise = seed_noise(table)
    if name == RECIPES:
        return judge_recipes(clear_pools(table, noise))
    if name == PLAIN_INPUTS:
        table = table.without_columns(DERIVED)
    if name == JOINT:
        table = with_joint_runs(table, joint)
    return judge(table, clear_pools(table, noise), VARIANTS.get(name, MetaModel), robust=name != NOT_ROBUST)


def page(table: Table, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return docs/meta-model.md."""
    judged = clear_pools(table, seed_noise(table))
    groups = len({pool.group for pool in judged})
    return render("meta-model", runs=len(table), cases=len(judged), groups=groups, rows=rows)


def main() -> None:
    """Print the page for the shipped evidence and the public runs of the folder that is named."""
    from advisor.collect.engine import available_cores
    from advisor.describe.model import model_features
    from advisor.records.evidence import load_evidence

    evidence = load_evidence()
    table = build_table(evidence.runs, evidence.datasets, model_features)
    joint = read_joint_runs(Path(sys.argv[1]))
    print(page(table, compare(table, joint, available_cores())), end="")


if __name__ == "__main__":
    main()
