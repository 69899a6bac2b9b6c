"""Public fine-tuning runs as what models reach: by dataset and model, the expected best of three random trainings.

The runs of the Quick-Tune meta-dataset drew model and values together, so a model has about five runs on a dataset,
most with a learning rate that does not suit it. The best of all of them would favour models with many runs; the
expected best of three does not, and stands for what a good fine-tuning reaches. Runs of one epoch are left out: they
trained the classifier alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.advise.models.published import imagenet_results
from advisor.describe.model import describe_model
from advisor.errors import AdvisorError
from advisor.evaluate.pool import expected_best
from advisor.learn.model_choice import Candidate
from advisor.learn.table import Floats
from advisor.plugins import Plugins
from advisor.records.schema import ImportedRun, RunsAt

TRIALS = 3
MIN_DATASETS = 3
TODAY = {
    "convnext_small_384_in22ft1k": "convnext_small.fb_in22k_ft_in1k_384",
    "deit3_small_patch16_384_in21ft1k": "deit3_small_patch16_384.fb_in22k_ft_in1k",
    "swinv2_base_window12to24_192to384_22kft1k": "swinv2_base_window12to24_192to384.ms_in22k_ft_in1k",
    "tf_efficientnet_b4_ns": "tf_efficientnet_b4.ns_jft_in1k",
    "tf_efficientnet_b6_ns": "tf_efficientnet_b6.ns_jft_in1k",
    "tf_efficientnet_b7_ns": "tf_efficientnet_b7.ns_jft_in1k",
    "xcit_nano_12_p8_384_dist": "xcit_nano_12_p8_384.fb_dist_in1k",
    "xcit_small_12_p8_384_dist": "xcit_small_12_p8_384.fb_dist_in1k",
    "xcit_tiny_12_p8_384_dist": "xcit_tiny_12_p8_384.fb_dist_in1k",
    "xcit_tiny_24_p8_384_dist": "xcit_tiny_24_p8_384.fb_dist_in1k",
}
"""Names that older versions of timm had, and what timm maps them to; other models have their default weights."""


@dataclass(frozen=True)
class Reached:
    """What models reached on datasets, a row for every dataset and model with at least three runs.

    Attributes
    ----------
    dataset : ndarray of str, shape (n,)
        Names.
    model : sequence of Candidate
        The models.
    num_params : ndarray of shape (n,)
        Their parameters.
    n_train, n_classes : ndarray of shape (n,)
        Training images and classes.
    top1 : ndarray of shape (n,)
        Expected best accuracy of three runs, in percent.
    runs : int
        How many runs that is.
    """

    dataset: NDArray[np.str_]
    model: Sequence[Candidate]
    num_params: Floats
    n_train: Floats
    n_classes: Floats
    top1: Floats
    runs: int

    def __len__(self) -> int:
        return len(self.model)

    @property
    def names(self) -> NDArray[np.str_]:
        """Names of the models."""
        return np.array([candidate.name for candidate in self.model])

    @property
    def families(self) -> NDArray[np.str_]:
        """Families of the models."""
        return np.array([candidate.family for candidate in self.model])

    def only(self, rows: NDArray[np.bool_]) -> Reached:
        """Return some of the rows."""
        return Reached(
            dataset=self.dataset[rows],
            model=[candidate for candidate, taken in zip(self.model, rows, strict=True) if taken],
            num_params=self.num_params[rows],
            n_train=self.n_train[rows],
            n_classes=self.n_classes[rows],
            top1=self.top1[rows],
            runs=self.runs,
        )


def candidate_of(model: str) -> Candidate:
    """Return the model that public runs name."""
    architecture, _, tag = TODAY.get(model, model).partition(".")
    described = describe_model(architecture)
    name = f"{architecture}.{tag or described.pretrained_tags[0]}"
    return Candidate(name, architecture, described.family, imagenet_results()[name])


def read_reached(folder: Path) -> Reached:
    """Return what the models of the Quick-Tune meta-dataset in a folder reached.

    Raises
    ------
    AdvisorError
        If no importer knows the folder, or fewer than three datasets have models with three runs.
    """
    found: RunsAt | None = Plugins().call_first("advisor_import_runs", path=folder, world_size=None)
    items = [] if found is None else [item for item in found.items if isinstance(item, ImportedRun)]
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    sizes: dict[str, tuple[int, int]] = {}
    for item in items:
        run = item.run
        if len(item.epochs) > 1 and run.model and run.best_metric is not None and run.n_train and run.n_classes:
            scores[str(run.dataset_name), run.model].append(run.best_metric)
            sizes[str(run.dataset_name)] = run.n_train, run.n_classes
    enough = {key: values for key, values in sorted(scores.items()) if len(values) >= TRIALS}
    if len({dataset for dataset, _ in enough}) < MIN_DATASETS:
        raise AdvisorError(
            f"too few runs in {folder} to judge models by",
            cause=f"{len(enough)} models on a dataset have {TRIALS} runs of more than one epoch",
            hint="name the folder with table.csv of the Quick-Tune meta-dataset",
        )
    models = {model: candidate_of(model) for _, model in enough}
    params = {model: describe_model(candidate.architecture).num_params for model, candidate in models.items()}
    return Reached(
        dataset=np.array([dataset for dataset, _ in enough]),
        model=[models[model] for _, model in enough],
        num_params=np.array([params[model] for _, model in enough], dtype=np.float64),
        n_train=np.array([sizes[dataset][0] for dataset, _ in enough], dtype=np.float64),
        n_classes=np.array([sizes[dataset][1] for dataset, _ in enough], dtype=np.float64),
        top1=np.array([expected_best(np.array(values), TRIALS) for values in enough.values()]),
        runs=sum(len(values) for values in enough.values()),
    )
