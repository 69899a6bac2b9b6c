"""Fits the meta-models to the shipped evidence and the user's own runs, and puts them to use if they do no worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.collect.engine import available_cores
from advisor.describe.model import model_features
from advisor.errors import AdvisorError
from advisor.evaluate.gate import Verdict, judge_fit
from advisor.learn.artefact import Artefact, fit_artefact
from advisor.learn.metamodel import meta_model_for
from advisor.learn.table import build_table
from advisor.learn.usable_runs import left_out, teaching
from advisor.records.evidence import Evidence, load_evidence, load_fine_tuning
from advisor.records.schema import Dataset, Pretraining, Run
from advisor.records.sharing.pool import not_known, read_pool

if TYPE_CHECKING:
    from advisor.records.store.store import Store


@dataclass(frozen=True)
class TrainedMetaModel:
    """What came of fitting the meta-models.

    Attributes
    ----------
    artefact : Artefact
        The fitted meta-model for trainings from scratch, that for fine-tuning within it, each with how it was judged.
    folder : Path
        Where they were written.
    own_runs, own_runs_used : int
        The user's runs, and how many of them were learned from.
    faults : tuple of str
        In what they do worse than what they replace; empty unless they were to be used all the same.
    left_out : mapping of str to int
        How many of the user's runs were not learned from, by the reason.
    used_by_source : mapping of str to int
        How many of those that were came from where.
    added, added_used : int
        The runs of shared folders that are none of the user's or the shipped ones, and how many were learned from.
    """

    artefact: Artefact
    folder: Path
    own_runs: int
    own_runs_used: int
    faults: tuple[str, ...]
    left_out: Mapping[str, int]
    used_by_source: Mapping[str, int]
    added: int = 0
    added_used: int = 0


def train(
    store: Store, folder: Path, *, add: Sequence[Path] = (), force: bool = False, workers: int | None = None
) -> TrainedMetaModel:
    """Fit the meta-models to the shipped evidence and the runs in a store.

    Each is judged on sources of datasets that it was not fitted to. One that does worse there than the shipped one, or
    than what was best on average, is not used.

    Parameters
    ----------
    store : Store
        The user's runs; datasets that runs were trained on and that are readable here are described into it.
    folder : Path
        Where the meta-models are written.
    add : sequence of Path
        Folders of shared records to learn from too, as ``advisor records export --share`` writes them.
    force : bool
        Whether they are used even if they do worse.
    workers : int, optional
        Threads; by default one per core.

    Raises
    ------
    AdvisorError
        If one does worse than what it replaces and ``force`` is off, there is too little evidence, or a folder of
        shared records is none.
    """
    from advisor.describe.recorded import describe_recorded

    pools = [read_pool(path) for path in add]
    describe_recorded(store)
    own, datasets = [run.to_learn_from() for run in store.each_run()], store.datasets()
    from_scratch, from_weights = load_evidence(), load_fine_tuning()
    shipped = (from_scratch, from_weights)
    added, added_datasets = not_known(
        pools,
        (*own, *(run for one in shipped for run in one.runs)),
        (*datasets, *(dataset for one in shipped for dataset in one.datasets)),
    )
    datasets = [*datasets, *added_datasets]
    tuned = [run for run in (*own, *added) if run.pretraining is Pretraining.IMAGENET]
    others = [run for run in (*own, *added) if run.pretraining is not Pretraining.IMAGENET]
    workers = workers or available_cores()
    scratch, judged = fit_judged(from_scratch, Pretraining.NONE, others, datasets, workers)
    fine_tuning, judged_apart = fit_judged(from_weights, Pretraining.IMAGENET, tuned, datasets, workers)
    faults = judged.faults + tuple(f"for fine-tuning, {fault}" for fault in judged_apart.faults)
    if faults and not force:
        raise AdvisorError(
            "the fitted meta-model does worse on sources it has not seen, and is not used",
            cause="; ".join(faults),
            hint=f"{_WITHOUT_ADDED if added else _LOOK}, or use it all the same with `advisor train --force`",
        )
    artefact = replace(scratch, fine_tuning=fine_tuning)
    artefact.save(folder)
    by_id = {dataset.dataset_id: dataset for dataset in datasets}
    used = teaching(own, by_id)
    sources = Counter(run.source.value for run in used)
    return TrainedMetaModel(
        artefact,
        folder,
        len(own),
        len(used),
        faults,
        left_out(own, by_id),
        sources,
        len(added),
        len(teaching(added, by_id)),
    )


_LOOK = "see which of your runs are wrong with `advisor records list`"
_WITHOUT_ADDED = "leave out what you added with --add"


def fit_judged(
    shipped: Evidence,
    pretraining: Pretraining,
    own: Sequence[Run] = (),
    own_datasets: Sequence[Dataset] = (),
    workers: int = 1,
) -> tuple[Artefact, Verdict]:
    """Fit the meta-model for a kind of weights to evidence and own runs, and judge it on sources left out.

    Parameters
    ----------
    shipped : Evidence
        The shipped evidence on trainings from such weights.
    pretraining : Pretraining
        The kind of weights.
    own, own_datasets : sequence
        Further runs, and the datasets they name.
    workers : int
        Threads.
    """
    runs = list({run.run_id: run for run in (*shipped.runs, *own)}.values())
    datasets = list({dataset.dataset_id: dataset for dataset in (*own_datasets, *shipped.datasets)}.values())
    model = meta_model_for(pretraining)
    table = build_table(runs, datasets, model_features)
    artefact = fit_artefact(table, runs, datasets, workers, model=model)
    before = table if not own else build_table(shipped.runs, shipped.datasets, model_features)
    verdict = judge_fit(table, before, model, workers=workers)
    return replace(artefact, evaluation=verdict.evaluation), verdict
