"""A case of an invented source that nobody trains in: its scores are those of the invented response surface."""

from pathlib import Path

import pytest

from advisor.collect.planning.design import Budget
from advisor.collect.planning.plan import Design, PlannedCase, PlannedContext, PlannedDataset
from advisor.collect.training.images import Size
from advisor.evaluate.pool import pools
from advisor.space.configuration import Configuration
from research.held_out.advice import HeldOut

HELD_OUT = "d1"


class Surface:
    """Stands in for ``TrainedRuns``; counts what is asked."""

    def __init__(self, accuracy):
        self.accuracy = accuracy
        self.asked = []

    def score(self, case, configuration, seed):
        self.asked.append((configuration, seed))
        return self.accuracy(1 / 3, *configuration.as_dict().values()) + 0.1 * seed


@pytest.fixture(scope="session")
def new_surface(accuracy):
    """Makes a surface that nothing was asked of."""
    return lambda: Surface(accuracy)


@pytest.fixture(scope="session")
def held_out(records, table_of, fitted, quick) -> HeldOut:
    runs, datasets = records(n_groups=7, runs_per_case=32)
    dataset = next(dataset for dataset in datasets if dataset.dataset_id == HELD_OUT)
    pool = next(
        p for p in pools(table_of(runs, datasets)) if p.case.dataset_id == HELD_OUT and p.case.model == "test_resnet"
    )
    others = [other for other in datasets if other.dataset_id != HELD_OUT]
    seen = [run for run in runs if run.dataset_id != HELD_OUT]
    planned = PlannedDataset(
        dataset.name, Path("nowhere"), dataset.group, Size(dataset.n_train, dataset.n_eval, dataset.n_classes, 32)
    )
    return HeldOut(
        case=PlannedCase(planned, "test_resnet", PlannedContext(), Design(), Budget()),
        dataset=dataset,
        artefact=quick(fitted(seen, others), seen, others),
        pool=pool,
        baselines={
            "fixed rule": Configuration(1e-3, 64, 20, 0.0, 0.05),
            "sane default": Configuration(1e-3, 64, 20, 0.0, 0.05),
            "timm's train.py defaults": Configuration(0.07, 128, 20, 0.0, 2e-5),
            "best on average": Configuration(3e-3, 64, 20, 0.0, 0.05),
            "oracle": Configuration(3e-3, 32, 20, 0.0, 0.01),
        },
    )
