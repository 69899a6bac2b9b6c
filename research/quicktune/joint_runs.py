"""Imported runs in which model and values were drawn together: a case is a dataset, a choice is a whole training.

Regret is normalised by the range of a case: (best - score) / (best - worst). The score is the best top-1 accuracy of
the curve; runs of one epoch are left out, most of them failed or were cut off.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.describe.model import describe_model
from advisor.describe.model_description import ModelDescription
from advisor.errors import AdvisorError
from advisor.learn.table import Floats
from advisor.plugins import Plugins
from advisor.records.schema import ImportedRun, Run, RunsAt

_CATEGORIES = ("opt", "sched", "augment")
_NUMBERS = ("batch_size", "weight_decay", "dropout", "mixup", "cutmix", "label_smoothing", "warmup_epochs", "amp")
FROZEN = ("linear_probing", "pct_to_freeze")
"""How much of the network is trained at all, which says more than any other of the further arguments."""
_WIDE = 100.0
"""A number whose values span such a factor acts by factors."""


@dataclass(frozen=True)
class JointRuns:
    """Runs as numbers.

    Attributes
    ----------
    runs : sequence of Run
        The runs, n of them.
    dataset : ndarray of str, shape (n,)
        The case of each.
    score, regret : ndarray of shape (n,)
        Best top-1 accuracy in percent; regret in the case, 0 to 1.
    blocks : dict of str to ndarray of shape (n, d_i)
        What a run is, by what it is about: ``model`` and ``optimizer`` as indicators, ``descriptors`` of the model,
        ``lr``, ``batch``, ``frozen`` and the ``rest`` of the arguments as numbers, ``size`` of the dataset.
    """

    runs: Sequence[Run]
    dataset: NDArray[np.str_]
    score: Floats
    regret: Floats
    blocks: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def x(self) -> Floats:
        """All that is known of each run, shape (n, d)."""
        return np.hstack(list(self.blocks.values()))


def read_joint_runs(folder: Path, plugins: Plugins | None = None) -> JointRuns:
    """Return the runs that an importer finds at a folder.

    Raises
    ------
    AdvisorError
        If no importer knows the folder, or it holds fewer than three datasets with at least ten runs.
    """
    found: RunsAt | None = (plugins or Plugins()).call_first("advisor_import_runs", path=folder, world_size=None)
    if found is None:
        raise AdvisorError(
            f"{folder} holds no runs that can be read",
            cause="no importer knows what lies there",
            hint="name the folder with table.csv of the Quick-Tune meta-dataset (`advisor plugins` lists importers)",
        )
    taken = [item.run for item in found.items if isinstance(item, ImportedRun) and len(item.epochs) > 1]
    runs = [run for run in taken if run.best_metric is not None and run.model and run.lr]
    names, counts = np.unique([str(run.dataset_name) for run in runs], return_counts=True)
    enough = set(names[counts >= 10])
    if len(enough) < 3:
        raise AdvisorError(
            f"too few runs in {folder} to judge by",
            cause=f"{len(enough)} datasets have ten runs of more than one epoch, at least 3 are needed",
            hint="name a folder with more of them",
        )
    return joint_runs([run for run in runs if run.dataset_name in enough])


def joint_runs(runs: Sequence[Run]) -> JointRuns:
    """Return runs as numbers."""
    dataset = np.array([str(run.dataset_name) for run in runs])
    score = np.array([run.best_metric for run in runs], dtype=np.float64)
    regret = np.zeros(len(runs))
    for name in np.unique(dataset):
        rows = dataset == name
        best, worst = score[rows].max(), score[rows].min()
        regret[rows] = (best - score[rows]) / max(best - worst, 1e-9)
    described = [describe_by_any_name(str(run.model)).features(run.img_size or 224) for run in runs]
    further = sorted({k for run in runs for k, value in run.extra.items() if isinstance(value, (int, float))})
    rest = [name for name in further if name not in FROZEN]
    numbers = [[_number(getattr(run, name)) for run in runs] for name in _NUMBERS]
    numbers += [[_number(run.extra.get(name)) for run in runs] for name in rest]
    lr, batch = np.log2([run.lr or 1.0 for run in runs]), np.log2([run.batch_size or 1 for run in runs])
    sizes = [[_number(run.n_train) for run in runs], [_number(run.n_classes) for run in runs]]
    macs = np.array([features.get("log_macs", features.get("log_params", 0.0)) for features in described])
    n_train = np.log2(np.maximum(np.nan_to_num(np.array(sizes[0]), nan=1.0), 1.0))
    return JointRuns(
        runs=runs,
        dataset=dataset,
        score=score,
        regret=regret,
        blocks={
            "model": _indicators([str(run.model) for run in runs]),
            "descriptors": _scaled([[f[name] for f in described] for name in sorted(described[0])]),
            "optimizer": _indicators([str(run.opt) for run in runs]),
            "lr": _scaled([lr.tolist()]),
            "batch": _scaled([batch.tolist()]),
            "frozen": _scaled([[_number(run.extra.get(name)) for run in runs] for name in FROZEN]),
            "rest": np.hstack(
                [
                    _scaled(numbers),
                    *(_indicators([str(getattr(run, name)) for run in runs]) for name in _CATEGORIES[1:]),
                ]
            ),
            # What a time limit cuts off depends on how much there is to compute.
            "size": np.hstack(
                [_scaled(sizes), np.column_stack([n_train + macs, n_train - batch, lr - batch, lr - batch / 2])]
            ),
        },
    )


@functools.cache
def describe_by_any_name(name: str) -> ModelDescription:
    """Return the description of a model; public runs name some as older versions of timm did, of which timm warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return describe_model(name)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else np.nan


def _indicators(values: Sequence[str]) -> Floats:
    return np.asarray(np.array(values)[:, None] == np.unique(values), dtype=np.float64)


def _scaled(columns: Sequence[Sequence[float]]) -> Floats:
    """Return columns of mean 0 and deviation 1, by factors where they span many; what is unknown is 0."""
    result = []
    for column in columns:
        values = np.array(column, dtype=np.float64)
        positive = values[values > 0]
        if len(positive) and positive.max() / positive.min() >= _WIDE and not (values < 0).any():
            values = np.log2(np.maximum(values, positive.min() / 10))
        known = values[np.isfinite(values)]
        middle, deviation = (known.mean(), known.std()) if len(known) else (0.0, 0.0)
        result.append(np.nan_to_num((values - middle) / (deviation if deviation > 0 else 1.0)))
    return np.column_stack(result)
