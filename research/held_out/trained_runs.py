"""Trainings on behalf of an evaluation: each is trained once, in the collection's own way, and kept in a file."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from advisor.collect.planning.plan import PlannedCase, PlannedRun
from advisor.collect.training.images import load_images
from advisor.collect.training.trainer import Diverged, data_config, train
from advisor.errors import AdvisorError
from advisor.learn.usable_runs import is_evidence, score_of
from advisor.records.schema import Run
from advisor.space.configuration import Configuration
from advisor.space.hyperparameters import HYPERPARAMETERS

FIELDS = ("point", "dataset", "model", "opt", "seed", *HYPERPARAMETERS, "top1", "diverged", "seconds")


class TrainedRuns:
    """Scores of configurations: as recorded in the evidence, as trained before, or trained now.

    Runs are identified as those of a collection are: by a hash of everything that decides the result. One that is known
    is not trained again.

    Parameters
    ----------
    path : Path
        A CSV file that holds the runs trained here; it need not exist yet.
    recorded : iterable of Run
        The evidence, as outcomes to look up.
    """

    def __init__(self, path: Path, recorded: Iterable[Run] = ()) -> None:
        self._path = path
        self.trained = 0
        self._scores = {
            str(run.extra["point"]): score_of(run, run.n_classes or 1)
            for run in recorded
            if "point" in run.extra and is_evidence(run)
        }
        self._scores |= _read(path)

    def score(self, case: PlannedCase, configuration: Configuration, seed: int) -> float:
        """Return the final top-1 accuracy in percent, chance where the training diverged; train it if need be."""
        training = replace(case.points()[0].training, configuration=configuration, seed=seed)
        point = PlannedRun(case, training, "core", "")
        if point.point_id not in self._scores:
            self._scores[point.point_id] = self._train(point)
        return self._scores[point.point_id]

    def _train(self, point: PlannedRun) -> float:
        case, training = point.case, point.training
        images = load_images(case.dataset.path, training.img_size, data_config(training.model)["interpolation"])
        top1, diverged, started = 100.0 / images.n_classes, False, time.process_time()
        try:
            for result in train(training, images, weights=case.weights):
                top1 = result.eval_top1
        except Diverged:
            top1, diverged = 100.0 / images.n_classes, True
        self.trained += 1
        top1 = round(top1, 3)
        row = {
            "point": point.point_id,
            "dataset": case.dataset.name,
            "model": training.model,
            "opt": training.opt,
            "seed": training.seed,
            **training.configuration.as_dict(),
            "top1": top1,
            "diverged": int(diverged),
            "seconds": round(time.process_time() - started, 1),
        }
        # A run a line, at once: what is interrupted goes on where it stopped.
        new = not self._path.exists()
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
        return top1


def _read(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["point"]: float(row["top1"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise AdvisorError(
            f"the runs in {path} cannot be read", cause=str(error), hint=f"remove {path} to train them again"
        ) from error
