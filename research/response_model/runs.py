"""Public fine-tuning runs as what the response model is fitted to.

Of the Quick-Tune meta-dataset only complete runs count: 49 or 50 epochs, by the accuracy of the last. Runs of one epoch
are linear probes, others were cut by a limit on their time. ``pct_to_freeze`` is the share of the layers that is not
trained, 1 for the head alone. Its ``adam`` couples the weight decay. Its ``drop`` is not timm's drop_rate of today, and
is not looked at.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.advise.recipes.published import lr_voices
from advisor.advise.recipes.recipes import Recipes, Situation, pretraining_corpus
from advisor.describe.model_description import ModelDescription
from advisor.errors import AdvisorError
from advisor.learn.response import FineTuning, model_kind
from advisor.learn.table import Floats
from advisor.plugins import Plugins
from advisor.records.schema import ImportedRun, Run, RunsAt
from advisor.space.optimizers import batch_factor, recipe_family
from research.quicktune.joint_runs import describe_by_any_name

COMPLETE_EPOCHS = 49
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
    """

    cases: Sequence[FineTuning]
    dataset: NDArray[np.str_]
    model: NDArray[np.str_]
    lr: Floats
    weight_decay: Floats
    accuracy: Floats
    best_epoch: Floats

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def opt(self) -> NDArray[np.str_]:
        """The optimizer of each."""
        return np.array([case.opt for case in self.cases])

    def of(self, name: str) -> Floats:
        """Return an attribute of all cases."""
        return np.array([getattr(case, name) for case in self.cases], dtype=np.float64)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> PublicRuns:
        """Return some of the runs."""
        return PublicRuns(
            [self.cases[i] for i in np.arange(len(self))[rows]],
            *(getattr(self, name)[rows] for name in ("dataset", "model", "lr", "weight_decay", "accuracy")),
            self.best_epoch[rows],
        )


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
    )


def _case(run: Run, recipes: Recipes) -> FineTuning:
    model = describe_by_any_name(str(run.model))
    frozen = run.extra.get("pct_to_freeze")
    return fine_tuning(
        model,
        recipes,
        opt=str(run.opt),
        n_train=run.n_train or 10_000,
        batch_size=run.batch_size or 1,
        share_trained=1 - float(frozen) if frozen is not None else 1.0,
        epochs=run.epochs,
    )


def fine_tuning(
    model: ModelDescription,
    recipes: Recipes,
    *,
    opt: str,
    n_train: int,
    batch_size: int,
    share_trained: float = 1.0,
    epochs: int | None = None,
    tag: str | None = None,
    img_size: int | None = None,
) -> FineTuning:
    """Return a fine-tuning with the learning rate that recipes give it."""
    tag = next(iter(model.pretrained_tags), "") if tag is None else tag
    side = img_size or model.img_size
    case = FineTuning(
        n_train=n_train,
        num_params=model.num_params,
        img_size=side,
        pretrain_img_size=model.img_size,
        kind=model_kind(model),
        opt=opt,
        batch_size=batch_size,
        recipe_lr=1.0,
        share_trained=share_trained,
    )
    reference = _reference_lr(recipes, opt, model.is_transformer, _situation(model, n_train, side, tag, epochs))
    return replace(case, recipe_lr=math.exp(reference) * batch_factor(recipe_family(opt), batch_size))


def _situation(model: ModelDescription, n_train: int, side: int, tag: str, epochs: int | None) -> Situation:
    return Situation(
        log_n_train=math.log2(n_train),
        log_params=math.log2(model.num_params),
        log_img_size=math.log2(side),
        attention=model.attention_share,
        corpus=pretraining_corpus(tag),
        log_epochs=math.log2(epochs) if epochs else math.nan,
    )


@functools.lru_cache(maxsize=10_000)
def _reference_lr(recipes: Recipes, opt: str, attention: bool, situation: Situation) -> float:
    return lr_voices(recipes, opt, pretrained=True, attention=attention, situation=situation).quantile(0.5)
