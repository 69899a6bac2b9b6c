"""Trains what a plan asks for and is not recorded yet."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from advisor.collect.engine import Engine
from advisor.collect.planning.plan import Plan, PlannedCase, PlannedDataset, PlannedRun, expand
from advisor.collect.training.worker import make_job, train_job
from advisor.errors import AdvisorError
from advisor.records.schema import Run, Source, Status
from advisor.records.store.store import Store
from advisor.records.store.sync import sync

SYNC_SECONDS = 60.0
_EARLY_POINTS = 17
ENDED = frozenset({Status.FINISHED, Status.DIVERGED, Status.FAILED})
"""Statuses after which a run is not trained again: an outcome is known, even where it is a failure."""


class Progress(Protocol):
    """Is told how a collection goes."""

    def begin(self, what: str, points: int, cost: float) -> None:
        """Hear that so many runs, of so much cost in all, are about to be trained."""

    def advance(self, cost: float) -> None:
        """Hear that a run of this cost has come back."""


@dataclass
class Summary:
    """How a collection ended."""

    planned: int = 0
    recorded_before: int = 0
    trained: int = 0
    died: list[str] = field(default_factory=list)
    """Runs that have no outcome because their workers died under them."""
    statuses: dict[str, int] = field(default_factory=dict)
    """Of all planned runs that have ended, now and before."""


class Collection:
    """One plan, over the datasets that are there, recorded into one store.

    Parameters
    ----------
    plan : Plan
        Cases whose checkpoint is not there are left out.
    datasets : iterable of PlannedDataset
        Each must be in the store with its features.
    dataset_ids : mapping of str to str
        The id in the store of each dataset, by name.
    store : Store
    spool_dir : Path
        Where the workers' recorders write.
    retry_failed : bool
        Whether runs that are recorded as FAILED are trained again.
    device : str
        Cases that the plan wants trained elsewhere are left out.
    """

    def __init__(
        self,
        plan: Plan,
        datasets: Iterable[PlannedDataset],
        dataset_ids: Mapping[str, str],
        store: Store,
        spool_dir: Path,
        *,
        retry_failed: bool = False,
        device: str = "cpu",
    ) -> None:
        self.blocks: list[list[PlannedCase]] = [
            [
                case
                for case in block
                if case.context.device == device and (case.weights is None or case.weights.is_file())
            ]
            for block in expand(plan, datasets)
        ]
        self._plan = plan
        self._dataset_ids = dataset_ids
        self._store = store
        self._spool_dir = spool_dir
        self._skipped = ENDED - {Status.FAILED} if retry_failed else ENDED

    def run(self, engine: Engine, progress: Progress) -> Summary:
        """Train everything that is outstanding.

        Raises
        ------
        AdvisorError
            If another process is collecting into the same spool folder.
        """
        self._spool_dir.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self._spool_dir / "collect.lock", timeout=0):
                return self._run(engine, progress)
        except Timeout as error:
            raise AdvisorError(
                f"another collection writes to {self._spool_dir}",
                cause="two at once would train the same runs twice",
                hint="wait for it, or set another ADVISOR_SPOOL_DIR and ADVISOR_STORE",
            ) from error

    def _run(self, engine: Engine, progress: Progress) -> Summary:
        summary = Summary()
        sync(self._store, self._spool_dir)
        before = recorded_runs(self._store)
        lost: set[str] = set()
        ended: Counter[str] = Counter()
        for number, cases in enumerate(self.blocks, 1):
            for phase in ("first runs", "repeats of the best"):
                recorded = recorded_runs(self._store)
                points = _first(cases) if phase == "first runs" else _repeats(cases, recorded)
                summary.planned += len(points)
                summary.recorded_before += sum(point.point_id in before for point in points)
                missing = self._missing(points, recorded)
                if missing:
                    what = f"block {number} of {len(self.blocks)}, {phase}"
                    progress.begin(what, len(missing), sum(point.cost for point in missing))
                    lost |= self._train(missing, engine, progress)
                    summary.trained += len(missing)
                    recorded = recorded_runs(self._store)
                ended.update(recorded[point.point_id].status.value for point in points if point.point_id in recorded)
        summary.died, summary.statuses = sorted(lost), dict(ended)
        summary.trained -= len(lost)
        return summary

    def _train(self, points: list[PlannedRun], engine: Engine, progress: Progress) -> set[str]:
        costs = {point.point_id: point.cost for point in points}
        jobs = (
            make_job(point, self._plan.name, self._dataset_ids[point.case.dataset.name], self._spool_dir)
            for point in points
        )
        lost, synced = set(), time.monotonic()
        for finished in engine.run(train_job, jobs):
            if finished.died:
                lost.add(finished.task.point_id)
            progress.advance(costs[finished.task.point_id])
            if time.monotonic() - synced > SYNC_SECONDS:
                sync(self._store, self._spool_dir)
                synced = time.monotonic()
        sync(self._store, self._spool_dir)
        return lost

    def outline(self) -> dict[str, object]:
        """Return how much the plan asks for, over the datasets that are there, and how much of it is recorded.

        The repeats of the best are left out: which they are follows from the results.
        """
        cases = [case for block in self.blocks for case in block]
        points = _first(cases)
        recorded = recorded_runs(self._store)
        costs = [point.cost for point in points]
        return {
            "datasets": len({case.dataset.name for case in cases}),
            "groups": len({case.dataset.group for case in cases}),
            "cases": len(cases),
            "runs": len(points),
            "runs_outstanding": len(self._missing(points, recorded)),
            "median_cost": statistics.median(costs) if costs else None,
            "total_cost": sum(costs),
        }

    def _missing(self, points: Iterable[PlannedRun], recorded: Mapping[str, Run]) -> list[PlannedRun]:
        return [p for p in points if p.point_id not in recorded or recorded[p.point_id].status not in self._skipped]


def _first(cases: Iterable[PlannedCase]) -> list[PlannedRun]:
    """Return the runs that depend on no result: the core and half the random points of every case, then the rest.

    A collection cut short has then something to say about every case of a block, rather than everything about a few.
    """
    points = [case.points() for case in cases]
    early = [point for of_case in points for point in of_case[:_EARLY_POINTS]]
    return early + [point for of_case in points for point in of_case[_EARLY_POINTS:]]


def _repeats(cases: Iterable[PlannedCase], recorded: Mapping[str, Run]) -> list[PlannedRun]:
    scores = {
        point_id: run.final_metric
        for point_id, run in recorded.items()
        if run.status is Status.FINISHED and run.final_metric is not None
    }
    return [point for case in cases for point in case.repeats(scores)]


def recorded_runs(store: Store) -> dict[str, Run]:
    """Return the collected runs that have ended, by the id of their planned run; of several the last."""
    runs = store.runs(source=Source.COLLECT, descending=False)
    return {run.extra["point"]: run for run in runs if run.status in ENDED and "point" in run.extra}
