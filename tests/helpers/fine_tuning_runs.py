"""Evidence on fine-tuning, invented: a response with a known optimum for each optimizer, and the core of real plans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from synthetic import accuracy, records

from advisor.collect.planning.design import Space, core
from advisor.records.evidence import Evidence
from advisor.records.schema import Run
from advisor.space.configuration import Configuration

LITE0, LITE2 = "tf_efficientnet_lite0", "tf_efficientnet_lite2"
MAX_EPOCHS = 10
SGD_RATES = 10
"""SGD's best learning rate over AdamW's, which is ``synthetic.BEST_LR``."""


def fine_tuning_evidence(n_groups: int = 4) -> Evidence:
    """Return runs of each source: lite0 with AdamW, in the first two also lite2, in all but the first also SGD.

    The cases of the first have 8 random configurations, the others 10.
    """
    templates, datasets = records(n_groups=n_groups, runs_per_case=1)
    template = templates[0]
    runs: list[Run] = []
    for place, dataset in enumerate(datasets):
        contexts = [(LITE0, "adamw")] + [(LITE2, "adamw")] * (place < 2) + [(LITE0, "sgd")] * (place > 0)
        for model, opt in contexts:
            space = Space(opt, True, False, int(dataset.n_train or 0), MAX_EPOCHS, imagenet=True)
            points = [("core", name, point) for name, point in core(space).items()]
            points += [("sobol", str(i), point) for i, point in enumerate(_drawn(space, 10 if place else 8, place))]
            for kind, label, point in points:
                rate = point.lr / (SGD_RATES if opt == "sgd" else 1)
                score = accuracy(
                    place / n_groups * 2, rate, point.batch_size, point.epochs, point.dropout, point.weight_decay
                )
                runs.append(
                    replace(
                        template,
                        run_id=f"{dataset.name}-{model}-{opt}-{label}",
                        dataset_id=dataset.dataset_id,
                        dataset_name=dataset.name,
                        n_train=dataset.n_train,
                        model=model,
                        opt=opt,
                        pretrained=True,
                        img_size=64,
                        final_metric=score,
                        best_metric=score,
                        epochs_done=point.epochs,
                        seed=0,
                        extra={"kind": kind, "label": label, "checkpoint": "in1k", "trainable": "all"},
                        **point.as_dict(),  # type: ignore[arg-type]
                    )
                )
    return Evidence(tuple(runs), tuple(datasets), {}, Path("nowhere"))


def _drawn(space: Space, n: int, seed: int) -> list[Configuration]:
    rng = np.random.default_rng(seed)
    low, high = np.log10(space.learning_rates)
    return [
        Configuration(
            lr=float(10 ** rng.uniform(low, high)),
            batch_size=int(2 ** rng.integers(3, 8)),
            epochs=int(rng.integers(2, space.max_epochs + 1)),
            dropout=float(rng.choice([0.0, 0.2, 0.4])),
            weight_decay=float(rng.choice([0.0, 1e-4, 1e-2])),
        )
        for _ in range(n)
    ]
