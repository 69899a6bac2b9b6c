"""Fits the meta-model to the shipped evidence and the user's own runs, and puts it to use if it does no worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.collect.engine import available_cores
from advisor.describe.model import describe_model
from advisor.errors import AdvisorError
from advisor.evaluate.gate import judge_fit
from advisor.learn.artefact import Artefact, fit_artefact
from advisor.learn.table import build_table, teaching
from advisor.records.evidence import load_evidence

if TYPE_CHECKING:
    from advisor.records.store.store import Store


@dataclass(frozen=True)
class Trained:
    """What came of fitting the meta-model.

    Attributes
    ----------
    artefact : Artefact
        The fitted meta-model, with how it was judged.
    folder : Path
        Where it was written.
    own_runs, own_runs_used : int
        The user's runs, and how many of them it learned from.
    faults : tuple of str
        In what it does worse than what it replaces; empty unless it was to be used all the same.
    """

    artefact: Artefact
    folder: Path
    own_runs: int
    own_runs_used: int
    faults: tuple[str, ...]

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """How it did on sources that it had not seen."""
        return self.artefact.evaluation or {}


def train(store: Store, folder: Path, *, force: bool = False, workers: int | None = None) -> Trained:
    """Fit the meta-model to the shipped evidence and the runs in a store.

    It is judged on sources of datasets that it was not fitted to. One that does worse there than the shipped model, or
    than what was best on average, is not used.

    Parameters
    ----------
    store : Store
        The user's runs; datasets that runs were trained on and that are readable here are described into it.
    folder : Path
        Where the meta-model is written.
    force : bool
        Whether it is used even if it does worse.
    workers : int, optional
        Threads; by default one per core.

    Raises
    ------
    AdvisorError
        If it does worse than what it replaces and ``force`` is off, or there is too little evidence.
    """
    from advisor.describe.recorded import describe_recorded

    describe_recorded(store)
    workers = workers or available_cores()
    shipped, own = load_evidence(), store.runs()
    runs = list({run.run_id: run for run in (*shipped.runs, *own)}.values())
    datasets = {dataset.dataset_id: dataset for dataset in (*store.datasets(), *shipped.datasets)}
    table = build_table(runs, datasets.values(), _model_features)
    artefact = fit_artefact(table, runs, list(datasets.values()), workers)
    verdict = judge_fit(table, build_table(shipped.runs, shipped.datasets, _model_features), workers=workers)
    if verdict.faults and not force:
        raise AdvisorError(
            "the fitted meta-model does worse on sources it has not seen, and is not used",
            cause="; ".join(verdict.faults),
            hint="see which of your runs are wrong with `advisor records list`, or use it all the same with "
            "`advisor train --force`",
        )
    judged = replace(artefact, evaluation=verdict.evaluation)
    judged.save(folder)
    return Trained(judged, folder, len(own), len(teaching(own, datasets)), verdict.faults)


def _model_features(name: str, img_size: int) -> Mapping[str, float]:
    return describe_model(name).features(img_size)
