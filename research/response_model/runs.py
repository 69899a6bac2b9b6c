"""Public fine-tuning runs as what the response model is fitted to.

Of the Quick-Tune meta-dataset only complete runs count: 49 or 50 epochs, by the accuracy of the last. Runs of one epoch
are linear probes, others were cut by a limit on their time. ``pct_to_freeze`` is the share of the layers that is not
trained, 1 for the head alone. Its ``adam`` couples the weight decay. Its ``drop`` is not timm's drop_rate of today, and
is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.advise.recipes.fine_tuning import describe_fine_tuning
from advisor.advise.recipes.recipes import Recipes
from advisor.errors import AdvisorError
from advisor.learn.response import FineTuning
from advisor.learn.table import Floats
from advisor.plugins import Plugins
from advisor.records.schema import ImportedRun, Run, RunsAt
from research.quicktune.joint_runs import describe_by_any_name

COMPLETE_EPOCHS, PLANNED_EPOCHS = 49, 50
MIN_DATASETS = 3


@dataclass(frozen=True)
class PublicRuns:
    """Complete runs.

    Attributes
    ----------
    cases : sequence of FineTuning
        What was trained, n of them; ``recipe_lr`` is that of published recipes.
    dataset, model : ndarray of str, shape (n,)
        Names.
    lr, weight_decay : ndarray of shape (n,)
        The values that were drawn, almost uniformly.
    accuracy : ndarray of shape (n,)
        Accuracy after the last epoch, as a share of the best in the dataset.
    best_epoch : ndarray of shape (n,)
        The first epoch within one point of the accuracy at the end, from 1.
    settings : ndarray of shape (n, d)
        Everything else that was drawn (regularisers, augmentation, schedule), for a model of the outcome.
    """

    cases: Sequence[FineTuning]
    dataset: NDArray[np.str_]
    model: NDArray[np.str_]
    lr: Floats
    weight_decay: Floats
    accuracy: Floats
    best_epoch: Floats
    settings: Floats

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def opt(self) -> NDArray[np.str_]:
        """The optimizer of each."""
        return np.array([case.opt for case in self.cases])

    def of(self, name: str) -> Floats:
        """Return an attribute of all cases."""
        return np.array([getattr(case, name) for case in self.cases], dtype=np.float64)


def read_public_runs(folder: Path, recipes: Recipes) -> PublicRuns:
    """Return the complete runs of the Quick-Tune meta-dataset in a folder.

    Raises
    ------
    AdvisorError
        If no importer knows the folder, or it holds complete runs on fewer than three datasets.
    """
    found: RunsAt | None = Plugins().call_first("advisor_import_runs", path=folder, world_size=None)
    items = [] if found is None else [item for item in found.items if isinstance(item, ImportedRun)]
    whole = [item for item in items if len(item.epochs) >= COMPLETE_EPOCHS and item.run.model and item.run.lr]
    if len({item.run.dataset_name for item in whole}) < MIN_DATASETS:
        raise AdvisorError(
            f"too few complete runs in {folder}",
            cause=f"{len(whole)} runs of {COMPLETE_EPOCHS} epochs or more were found",
            hint="name the folder with table.csv of the Quick-Tune meta-dataset",
        )
    curves = [np.array([epoch.eval_top1 or 0.0 for epoch in item.epochs]) for item in whole]
    dataset = np.array([str(item.run.dataset_name) for item in whole])
    last = np.array([curve[-1] for curve in curves])
    best = {name: max(last[dataset == name].max(), 1e-9) for name in np.unique(dataset)}
    return PublicRuns(
        cases=[_case(item.run, recipes) for item in whole],
        dataset=dataset,
        model=np.array([str(item.run.model) for item in whole]),
        lr=np.array([item.run.lr for item in whole], dtype=np.float64),
        weight_decay=np.array([item.run.weight_decay or 0.0 for item in whole]),
        accuracy=last / np.array([best[name] for name in dataset]),
        best_epoch=np.array([1.0 + int(np.argmax(curve >= curve[-1] - 1)) for curve in curves]),
        settings=_settings([item.run for item in whole]),
    )


_NUMBERS = ("warmup_epochs", "dropout", "mixup", "cutmix", "label_smoothing", "n_classes")


def _settings(runs: Sequence[Run]) -> Floats:
    extra = sorted({name for run in runs for name, value in run.extra.items() if isinstance(value, (int, float))})
    columns = [[_number(run.extra.get(name)) for run in runs] for name in extra]
    columns += [[_number(getattr(run, name)) for run in runs] for name in _NUMBERS]
    for words in ([str(run.sched) for run in runs], [str(run.augment) for run in runs]):
        columns += [[float(word == category) for word in words] for category in sorted(set(words))]
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else -1.0


def with_recipes(runs: PublicRuns, recipes: Recipes) -> PublicRuns:
    """Return the runs with the learning rates of other recipes."""
    cases = []
    for case, name in zip(runs.cases, runs.model, strict=True):
        model = describe_by_any_name(str(name))
        cases.append(
            describe_fine_tuning(
                model,
                recipes,
                opt=case.opt,
                n_train=case.n_train,
                batch_size=case.batch_size,
                share_trained=case.share_trained,
                epochs=PLANNED_EPOCHS,
            )
        )
    return replace(runs, cases=cases)


def _case(run: Run, recipes: Recipes) -> FineTuning:
    model = describe_by_any_name(str(run.model))
    frozen = run.extra.get("pct_to_freeze")
    return describe_fine_tuning(
        model,
        recipes,
        opt=str(run.opt),
        n_train=run.n_train or 10_000,
        batch_size=run.batch_size or 1,
        share_trained=1 - float(frozen) if frozen is not None else 1.0,
        epochs=PLANNED_EPOCHS,
    )
