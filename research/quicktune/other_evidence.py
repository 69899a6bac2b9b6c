"""What is known beside the recorded runs, judged alike: published recipes alone, and public runs as more evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from advisor.advise.recipes.published import advise_published
from advisor.advise.recipes.recipes import shipped_recipes
from advisor.advise.request import make_request
from advisor.evaluate.pool import Pool
from advisor.learn.table import Floats, Table, build_table, to_matrix
from advisor.records.schema import Dataset, Run, Status
from research.quicktune.joint_runs import JointRuns, describe_by_any_name


def judge_recipes(judged: Sequence[Pool]) -> dict[str, Floats]:
    """Return the regret of what published recipes and the fixed rule advise, no recorded run known.

    What they advise is looked up as the nearest configuration of a case.

    Parameters
    ----------
    judged : sequence of Pool
        The cases, n of them.

    Returns
    -------
    dict of str to ndarray of shape (n,)
        ``first``: of the first configuration; ``best of 3``: of the best of the first three.
    """
    recipes = shipped_recipes()
    first, third = np.zeros(len(judged)), np.zeros(len(judged))
    for i, pool in enumerate(judged):
        request = make_request(
            model=pool.case.model,
            opt=pool.case.opt,
            pretrained=False,
            img_size=pool.case.img_size,
            max_epochs=pool.max_epochs,
            prefer="accuracy",
            top_k=3,
        )
        # Recorded runs may be tuned from weights that timm does not have.
        request = replace(request, pretraining=pool.case.pretraining)
        advised = advise_published(recipes, request, pool.n_train, layer_decay=False).configurations
        scores = pool.score[[pool.nearest(configuration.as_dict()) for configuration in advised]]
        first[i], third[i] = pool.regret(scores[0]), pool.regret(scores[:3].max())
    return {"first": first, "best of 3": third}


def with_joint_runs(table: Table, joint: JointRuns) -> Table:
    """Return the table with imported runs, in which model and values were drawn together, as further evidence.

    A dataset of theirs is one case and one source: of each model there are too few runs to compare among themselves.
    The score is the best accuracy of the curve, as most of these runs were cut off by a limit on their time.
    """
    runs = [
        replace(run, status=Status.FINISHED, final_metric=run.best_metric, dataset_id=_id(run)) for run in joint.runs
    ]
    datasets = [_counted(run) for run in {_id(run): run for run in runs}.values()]
    more = build_table(runs, datasets, lambda name, size: describe_by_any_name(name).features(size))
    names = np.array([case.dataset_id for case in more.cases])
    _, dataset_of = np.unique(names, return_inverse=True)
    first_case = {int(index): case for case, index in zip(more.cases, dataset_of, strict=True)}
    named = dict(zip(more.columns, more.x.T, strict=True))
    return replace(
        table,
        x=np.concatenate([table.x, to_matrix(table.columns, named)]),
        score=np.concatenate([table.score, more.score]),
        hparams={name: np.concatenate([column, more.hparams[name]]) for name, column in table.hparams.items()},
        case_of=np.concatenate([table.case_of, len(table.cases) + dataset_of[more.case_of]]),
        cases=(*table.cases, *(first_case[i] for i in range(len(first_case)))),
        group_of=np.concatenate([table.group_of, more.group_of]),
        kind=np.concatenate([table.kind, more.kind]),
        n_train=np.concatenate([table.n_train, more.n_train]),
        n_eval=np.concatenate([table.n_eval, more.n_eval]),
        seconds=np.concatenate([table.seconds, more.seconds]),
    )


def _id(run: Run) -> str:
    return f"{run.source.value}:{run.dataset_name}"


def _counted(run: Run) -> Dataset:
    n_train, n_classes = run.n_train or 1, run.n_classes or 2
    return Dataset(
        dataset_id=_id(run),
        name=str(run.dataset_name),
        group=_id(run),
        n_train=n_train,
        n_eval=0,
        n_classes=n_classes,
        features={"log_n_train": math.log2(n_train), "log_n_classes": math.log2(n_classes)},
    )
