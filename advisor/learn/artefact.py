"""The fitted meta-model as files: LightGBM's own text format beside a JSON manifest, never a pickle.

The same evidence and versions give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from advisor.errors import AdvisorError
from advisor.learn.metamodel import MetaModel
from advisor.learn.novelty import DatasetDistances
from advisor.learn.table import Table
from advisor.learn.targets import regret_within_cases
from advisor.learn.usable_runs import score_of, teaching
from advisor.records.schema import Dataset, Pretraining, Run, Status
from advisor.space.hyperparameters import HYPERPARAMETERS

SCHEMA = "advisor.metamodel/4"
MANIFEST = "manifest.json"
FINE_TUNING = "fine_tuning"
"""Folder, beside the manifest, of the meta-model for fine-tuning from ImageNet weights."""

_ASSUMED = ("sched", "warmup_epochs", "min_lr", "augment", "mixup", "label_smoothing")


@dataclass(frozen=True)
class Coverage:
    """What the evidence covers for one optimizer and one kind of pretraining.

    Attributes
    ----------
    bounds : mapping of str to (low, high)
        Smallest and largest value of each of the hyperparameters.
    img_size, num_params : (low, high)
        Smallest and largest of the inputs and models.
    assumes : mapping
        The most frequent rest of the recipe.
    runs, groups : int
        How many runs, of how many groups.
    models : tuple of str
        Names of the models; empty where an older version wrote the artefact.
    """

    opt: str
    pretraining: Pretraining
    bounds: Mapping[str, tuple[float, float]]
    img_size: tuple[int, int]
    num_params: tuple[int, int]
    assumes: Mapping[str, Any]
    runs: int
    groups: int
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatasetSummary:
    """What the evidence holds about one dataset: its description and the best run of every case."""

    dataset: Dataset
    runs: int
    best: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Artefact:
    """A fitted meta-model and what is needed to advise with it, without the runs it came from.

    Attributes
    ----------
    model : MetaModel
        The fitted model.
    noise : float or None
        Points of top-1 by which equal runs with other seeds differ, see ``seed_noise``; None if unknown.
    covered : sequence of Coverage
        What the evidence covers.
    known : sequence of DatasetSummary
        The datasets of the evidence.
    runs : int
        Runs that it learned from.
    data_sha256 : str
        Digest of the table that it was fitted to.
    evaluation : mapping or None
        How it did on sources it had not seen, as JSON values; None if it was not judged.
    fine_tuning : Artefact or None
        The meta-model for fine-tuning from ImageNet weights, which is fitted and judged apart; None without any.
    """

    model: MetaModel
    noise: float | None
    covered: Sequence[Coverage]
    known: Sequence[DatasetSummary]
    runs: int
    data_sha256: str
    evaluation: Mapping[str, Any] | None = None
    fine_tuning: Artefact | None = None

    def of(self, pretraining: Pretraining) -> Artefact:
        """Return the meta-model that learned from trainings that start from weights of a kind."""
        return self.fine_tuning if pretraining is Pretraining.IMAGENET and self.fine_tuning is not None else self

    @property
    def version(self) -> str:
        """A name that changes whenever the evidence does."""
        return self.data_sha256[:12]

    @cached_property
    def dataset_distances(self) -> DatasetDistances:
        """Distances to the datasets of the evidence, in the order of ``known``."""
        return DatasetDistances.of([known.dataset for known in self.known])

    def covering(self, opt: str, pretraining: Pretraining) -> Coverage | None:
        """Return what is covered for an optimizer and a kind of pretraining; None if nothing is."""
        return next((c for c in self.covered if (c.opt, c.pretraining) == (opt, pretraining)), None)

    def groups_in(self, coverage: Coverage) -> list[str]:
        """Return the sources of data that have runs in a context, sorted."""
        context = (coverage.opt, coverage.pretraining)
        return sorted(
            {
                known.dataset.group
                for known in self.known
                if any((best["opt"], best["pretraining"]) == context for best in known.best)
            }
        )

    def save(self, folder: Path) -> None:
        """Write ``manifest.json`` and one text file a member into ``folder``.

        What was there stays whole until everything is written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        files = {f"{name}.txt": text for name, text in self.model.to_texts().items()}
        manifest = {
            "schema": SCHEMA,
            "version": self.version,
            "data_sha256": self.data_sha256,
            "runs": self.runs,
            "datasets": len(self.known),
            "noise": self.noise,
            "model": self.model.to_manifest(),
            "fitted_with": fitted_with(),
            "evaluation": self.evaluation,
            "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()},
            "covered": [asdict(c) for c in self.covered],
            "known": [asdict(k) for k in self.known],
        }
        texts = {**files, MANIFEST: json.dumps(manifest, indent=1) + "\n"}
        former = _members_in(folder)
        try:
            for name, text in texts.items():
                (folder / f"{name}.part").write_text(text, encoding="utf-8")
            for name in texts:
                (folder / f"{name}.part").replace(folder / name)
        finally:
            for name in texts:
                (folder / f"{name}.part").unlink(missing_ok=True)
        for name in former - texts.keys():
            (folder / name).unlink(missing_ok=True)
        if self.fine_tuning is not None:
            self.fine_tuning.save(folder / FINE_TUNING)

    @classmethod
    def load(cls, folder: Path) -> Artefact:
        """Read what ``save`` wrote.

        Raises
        ------
        AdvisorError
            If files are missing, changed since they were written, or of another schema.
        """
        hint = "run `advisor train` to fit it again"
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if manifest["schema"] != SCHEMA:
                raise AdvisorError(f"the meta-model in {folder} is of schema {manifest['schema']}", hint=hint)
            texts = {name: (folder / name).read_text(encoding="utf-8") for name in manifest["files"]}
        except (OSError, ValueError, KeyError) as error:
            raise AdvisorError(f"no usable meta-model in {folder}", cause=str(error), hint=hint) from error
        for name, text in texts.items():
            if hashlib.sha256(text.encode()).hexdigest() != manifest["files"][name]:
                raise AdvisorError(f"{folder / name} is not the file that was fitted", cause="it changed", hint=hint)
        apart = folder / FINE_TUNING
        return cls(
            model=MetaModel.from_texts(
                manifest["model"], {name.removesuffix(".txt"): text for name, text in texts.items()}
            ),
            noise=manifest["noise"],
            covered=[_covered(c) for c in manifest["covered"]],
            known=[DatasetSummary(Dataset(**k["dataset"]), k["runs"], k["best"]) for k in manifest["known"]],
            runs=manifest["runs"],
            data_sha256=manifest["data_sha256"],
            evaluation=manifest.get("evaluation"),
            fine_tuning=cls.load(apart) if (apart / MANIFEST).is_file() else None,
        )


def _members_in(folder: Path) -> set[str]:
    """Return the files that the manifest in a folder names; none where there is no readable one."""
    try:
        return set(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def fitted_with() -> dict[str, str]:
    """Return the versions that decide the bits of a fit."""
    return {name: version(name) for name in ("lightgbm", "numpy", "scipy")}


def fit_artefact(
    table: Table,
    runs: Sequence[Run],
    datasets: Sequence[Dataset],
    workers: int = 1,
    *,
    model: MetaModel | None = None,
) -> Artefact:
    """Fit the meta-model to records.

    Parameters
    ----------
    table : Table
        What ``build_table`` makes of the runs and datasets.
    runs : sequence of Run
        Any runs; those that are no evidence are left out.
    datasets : sequence of Dataset
        The datasets they name.
    workers : int
        Threads to share the fitting among.
    model : MetaModel, optional
        The unfitted meta-model; by default the usual one.

    Returns
    -------
    Artefact

    Raises
    ------
    AdvisorError
        If there is evidence of fewer than two groups.
    """
    if len(set(table.group_of)) < 2:
        raise AdvisorError(
            "there is too little evidence to learn from",
            cause=f"{len(table)} usable runs of {len(set(table.group_of))} groups of datasets, at least 2 are needed",
            hint="record runs on further datasets, see `advisor records list`",
        )
    evidence = teaching(runs, {d.dataset_id: d for d in datasets})
    of_dataset: dict[str, list[Run]] = {}
    for run in evidence:
        of_dataset.setdefault(str(run.dataset_id), []).append(run)
    return Artefact(
        model=(model or MetaModel()).fit(table, workers),
        noise=seed_noise(table),
        covered=_cover(evidence, {d.dataset_id: d.group for d in datasets}),
        known=[_know(d, of_dataset[d.dataset_id]) for d in datasets if d.dataset_id in of_dataset],
        runs=len(table),
        data_sha256=digest(table),
    )


def seed_noise(table: Table) -> float | None:
    """Return by how much scores differ between runs that differ in nothing but the seed, if any do.

    The median, over configurations in the better half of their case, of the standard deviation between seeds. The
    median, because a few small sets with unstable configurations would decide a mean.
    """
    better = regret_within_cases(table.score, table.case_of) <= 1
    keys: dict[tuple[Any, ...], list[float]] = {}
    for i in np.flatnonzero(better):
        key = (table.case_of[i], *(table.hparams[name][i] for name in HYPERPARAMETERS))
        keys.setdefault(key, []).append(table.score[i])
    deviations = [statistics.stdev(scores) for scores in keys.values() if len(scores) > 1]
    return statistics.median(deviations) if deviations else None


def _cover(evidence: Sequence[Run], group_of: Mapping[str, str]) -> list[Coverage]:
    by_context: dict[tuple[str, Pretraining], list[Run]] = {}
    for run in evidence:
        by_context.setdefault((str(run.opt), run.pretraining), []).append(run)
    return [
        Coverage(
            opt=opt,
            pretraining=pretraining,
            bounds={name: _extent([float(getattr(run, name)) for run in runs]) for name in HYPERPARAMETERS},
            img_size=_extent([run.img_size for run in runs if run.img_size]),
            num_params=_extent([run.num_params for run in runs if run.num_params]),
            assumes={name: Counter(getattr(run, name) for run in runs).most_common(1)[0][0] for name in _ASSUMED},
            runs=len(runs),
            groups=len({group_of[str(run.dataset_id)] for run in runs if run.dataset_id in group_of}),
            models=tuple(sorted({str(run.model) for run in runs})),
        )
        for (opt, pretraining), runs in sorted(by_context.items())
    ]


def _extent(values: list[Any]) -> tuple[Any, Any]:
    return (min(values), max(values)) if values else (0, 0)


def _know(dataset: Dataset, runs: Sequence[Run]) -> DatasetSummary:
    cases: dict[tuple[str, str, Pretraining], Run] = {}
    for run in runs:
        if run.status is Status.DIVERGED:
            continue
        key = (str(run.model), str(run.opt), run.pretraining)
        if key not in cases or score_of(run, dataset.n_classes) > score_of(cases[key], dataset.n_classes):
            cases[key] = run
    best = [
        {
            "model": model,
            "opt": opt,
            "pretrained": pretraining is not Pretraining.NONE,
            "pretraining": pretraining.value,
            "top1": run.final_metric,
            **{name: getattr(run, name) for name in HYPERPARAMETERS},
        }
        for (model, opt, pretraining), run in sorted(cases.items())
    ]
    # NaN has no place in JSON; a feature that is unknown is left out instead.
    features = {name: value for name, value in sorted(dataset.features.items()) if math.isfinite(value)}
    return DatasetSummary(replace(dataset, features=features), len(runs), best)


def _covered(fields: dict[str, Any]) -> Coverage:
    return Coverage(
        **{
            **fields,
            "pretraining": Pretraining(fields["pretraining"]),
            "bounds": {name: (low, high) for name, (low, high) in fields["bounds"].items()},
            "img_size": tuple(fields["img_size"]),
            "num_params": tuple(fields["num_params"]),
            "models": tuple(fields.get("models", ())),
        }
    )


def digest(table: Table) -> str:
    """Return the SHA-256 of everything in a table that a fit depends on."""
    digest = hashlib.sha256("\n".join(table.columns).encode())
    for part in (table.x, table.score, table.case_of):
        digest.update(np.ascontiguousarray(part).data)
    digest.update("\n".join(table.group_of).encode())
    return digest.hexdigest()
