"""Runs of an invented response surface with a known optimum, to test learning and search against.

They exist in tests only: every record that ships comes from a training that happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

import advisor.describe.model
from advisor.learn.artefact import Artefact, fit_artefact
from advisor.learn.metamodel import MetaModel
from advisor.learn.table import Table, build_table
from advisor.records.schema import Dataset, Run, Source, Status

BEST_LR = 3e-3


MODELS = ("test_resnet", "test_vit")


def describe_model(name: str, img_size: int) -> Mapping[str, float]:
    return advisor.describe.model.describe_model(name).features(img_size)


def accuracy(difficulty: float, lr: float, batch_size: int, epochs: int, dropout: float, decay: float) -> float:
    """Percent; the optimum is at ``BEST_LR``, batch 32, many epochs, no dropout."""
    loss = 0.8 * np.log10(lr / BEST_LR) ** 2 + 0.15 * np.log2(batch_size / 32) ** 2
    loss += 2.0 / epochs + dropout + 0.02 * abs(np.log10(max(decay, 1e-7)) + 2)
    return float(100 / (1 + np.exp(-(3.0 - difficulty - loss))))


def records(n_groups: int = 6, runs_per_case: int = 40, seed: int = 0) -> tuple[list[Run], list[Dataset]]:
    """Runs of ``n_groups`` datasets, each of its own group, with a convolutional network and a transformer."""
    rng = np.random.default_rng(seed)
    runs, datasets = [], []
    for g in range(n_groups):
        difficulty = g / n_groups * 2
        features = {"log_n_train": float(np.log2(200 * (g + 1))), "nn_top1": 95 - 20 * difficulty, "noise": 0.1 * g}
        dataset = Dataset(
            dataset_id=f"d{g}", name=f"set-{g}", group=f"group-{g}", n_train=200 * (g + 1), n_eval=1000, n_classes=10,
            features=features,
        )  # fmt: skip
        datasets.append(dataset)
        for model in MODELS:
            for i in range(runs_per_case):
                hparams = {
                    "lr": float(10 ** rng.uniform(-5, -1)),
                    "batch_size": int(2 ** rng.integers(3, 8)),
                    "epochs": 20 if i % 2 else int(rng.integers(2, 20)),
                    "dropout": float(rng.choice([0.0, 0.2, 0.4])),
                    "weight_decay": float(rng.choice([0.0, 1e-4, 1e-2, 0.3])),
                }
                score = accuracy(difficulty, *hparams.values())
                runs.append(
                    Run(
                        run_id=f"r{g}{model}{i}",
                        source=Source.COLLECT,
                        status=Status.FINISHED,
                        dataset_id=dataset.dataset_id,
                        n_train=dataset.n_train,
                        n_eval=1000,
                        n_classes=10,
                        model=model,
                        pretrained=False,
                        num_params=2**17,
                        img_size=32,
                        opt="adamw",
                        sched="cosine",
                        warmup_epochs=0.0,
                        min_lr=0.0,
                        augment="none",
                        mixup=0.0,
                        label_smoothing=0.1,
                        metric="eval_top1",
                        final_metric=score,
                        best_metric=score,
                        epochs_done=hparams["epochs"],
                        train_seconds=1.0,
                        extra={"kind": "sobol"},
                        **hparams,
                    )
                )
    return runs, datasets


def table_of(runs: Sequence[Run], datasets: Sequence[Dataset]) -> Table:
    return build_table(runs, datasets, describe_model)


def fitted(runs: Sequence[Run], datasets: Sequence[Dataset]) -> Artefact:
    return fit_artefact(table_of(runs, datasets), runs, datasets)


def quick(artefact: Artefact, runs: Sequence[Run], datasets: Sequence[Dataset]) -> Artefact:
    """The artefact with a tenth of the trees: it finds the same optimum, and answers ten times as fast."""
    return replace(artefact, model=MetaModel(n_members=2, n_estimators=60).fit(table_of(runs, datasets)))
