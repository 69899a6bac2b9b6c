"""Cases of sources that the adviser has never seen, and the advice a user would get there, own runs used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from advisor.advise.pipeline import answer
from advisor.advise.prepare import RunList, prepare
from advisor.advise.request import make_request
from advisor.advise.suggestion import Suggestion
from advisor.collect.datasets import read_provenance
from advisor.collect.planning.plan import PlannedCase, PlannedDataset, expand, read_plan
from advisor.collect.training.images import measure
from advisor.describe.dataset import describe
from advisor.describe.model import model_features
from advisor.errors import AdvisorError
from advisor.evaluate.baselines import Baseline, baselines
from advisor.evaluate.pool import Pool, pools
from advisor.learn.artefact import Artefact, fit_artefact
from advisor.learn.metamodel import meta_model_for
from advisor.learn.table import Case, Table, build_table
from advisor.records.evidence import Evidence
from advisor.records.schema import Dataset, Pretraining, Run, Source, Status
from advisor.space.configuration import Configuration, from_columns


@dataclass(frozen=True)
class HeldOut:
    """A case to train in, and an adviser that knows nothing of its source.

    Attributes
    ----------
    case : PlannedCase
        What is trained.
    dataset : Dataset
        Its description.
    artefact : Artefact
        Fitted to the evidence of all other sources.
    pool : Pool
        What was recorded in the case: only to judge by.
    baselines : mapping of str to Configuration
        What those choose who have no adviser, by name.
    """

    case: PlannedCase
    dataset: Dataset
    artefact: Artefact
    pool: Pool
    baselines: dict[str, Configuration]

    def advise(self, own: Sequence[Run] = (), top_k: int = 3) -> Suggestion:
        """Return what a user is advised who has these runs on the dataset and wants the best within the case's epochs.

        Parameters
        ----------
        own : sequence of Run
            Runs of the case, see ``own_run``.
        top_k : int
            How many suggestions.
        """
        request = make_request(
            model=self.case.model,
            opt=self.case.context.opt,
            pretrained=False,
            img_size=self.case.img_size,
            max_epochs=self.case.space.max_epochs,
            prefer="accuracy",
            top_k=top_k,
        )
        # Its weights may be a checkpoint of the plan, which timm does not have.
        request = replace(request, pretraining=self.pool.case.pretraining)
        return answer(self.artefact, prepare(self.artefact, request, self.dataset, RunList(own)))

    def own_run(self, configuration: Configuration, score: float) -> Run:
        """Return the record of a training in the case."""
        name = f"{self.case.case_id} {configuration}"
        return Run(
            run_id=name,
            source=Source.API,
            status=Status.FINISHED,
            dataset_id=self.dataset.dataset_id,
            model=self.case.model,
            opt=self.case.context.opt,
            pretrained=self.case.context.pretrained,
            img_size=self.case.img_size,
            augment=self.case.context.augment,
            metric="eval_top1",
            final_metric=score,
            epochs_done=configuration.epochs,
            lr=configuration.lr,
            batch_size=configuration.batch_size,
            epochs=configuration.epochs,
            dropout=configuration.dropout,
            weight_decay=configuration.weight_decay,
            extra={"checkpoint": self.case.context.checkpoint},
        )


def held_out_cases(
    plan: Path, data_dir: Path, evidence: Evidence, build: Callable[[str], object] | None = None
) -> Iterator[HeldOut]:
    """Yield the cases of a plan, each with an adviser fitted without its source.

    Parameters
    ----------
    plan : Path
        A plan's YAML file.
    data_dir : Path
        Where its datasets are.
    evidence : Evidence
        What was recorded.
    build : callable, optional
        Called with the name of a dataset that is not there.

    Raises
    ------
    AdvisorError
        If a dataset is not there, is another one than was recorded, or has too few recorded runs to judge by.
    """
    planned = read_plan(plan)
    described = {dataset.name: dataset for dataset in evidence.datasets}
    present = []
    for name in planned.dataset_names():
        path = data_dir / name
        if build is not None and not path.is_dir():
            build(name)
        _refuse_others(name, path, described.get(name))
        present.append(PlannedDataset(name, path, read_provenance(data_dir, name)["group"], measure(path)))
    table = build_table(evidence.runs, evidence.datasets, model_features)
    judged = list(pools(table))
    for case in chain.from_iterable(expand(planned, present)):
        dataset = described[case.dataset.name]
        recorded = _recorded_case(case, dataset)
        pool = next((pool for pool in judged if pool.case == recorded), None)
        if pool is None or pool.max_epochs != case.space.max_epochs:
            raise AdvisorError(
                f"{case.case_id} cannot be judged",
                cause=f"it has no recorded configurations of up to {case.space.max_epochs} epochs with a choice",
                hint="take another case into the plan, or collect this one first",
            )
        yield HeldOut(case, dataset, without_group(evidence, dataset.group), pool, _baselines(pool, judged, table))


def _recorded_case(case: PlannedCase, dataset: Dataset) -> Case:
    context = case.context
    pretraining = Pretraining.NONE
    if context.pretrained:
        pretraining = Pretraining.IMAGENET if case.imagenet else Pretraining.OTHER
    augmented = context.augment != "none"
    return Case(dataset.dataset_id, case.model, context.opt, pretraining, augmented, case.img_size)


def without_group(evidence: Evidence, group: str, pretraining: Pretraining = Pretraining.NONE) -> Artefact:
    """Return an adviser fitted to the evidence on trainings from a kind of weights, without anything of one source."""
    others = [dataset for dataset in evidence.datasets if dataset.group != group]
    known = {dataset.dataset_id for dataset in others}
    runs = [run for run in evidence.runs if run.dataset_id in known]
    table = build_table(runs, others, model_features)
    return fit_artefact(table, runs, others, model=meta_model_for(pretraining))


def _baselines(pool: Pool, judged: Sequence[Pool], table: Table) -> dict[str, Configuration]:
    others: list[Baseline] = baselines([other for other in judged if other.group != pool.group], table.columns)
    return {baseline.name: from_columns(pool.hparams, baseline.pick(pool)) for baseline in others}


def _refuse_others(name: str, path: Path, recorded: Dataset | None) -> None:
    if not path.is_dir() or recorded is None:
        raise AdvisorError(
            f"the dataset {name} is not there",
            cause=f"no folder {path}" if recorded else "no recorded run is on it",
            hint=f"python -m advisor._meta_data.sources {name} --data-dir {path.parent}",
        )
    found = describe(path).dataset.dataset_id
    if found != recorded.dataset_id:
        raise AdvisorError(
            f"{path} is not the dataset that was recorded as {name}",
            cause=f"its images give the id {found}, not {recorded.dataset_id}",
            hint=f"remove it, then python -m advisor._meta_data.sources {name} --data-dir {path.parent}",
        )
