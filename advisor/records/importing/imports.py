"""Takes past runs of other tools into the store: recognised by plugins, each once however often it is imported."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import sqlalchemy as sa

from advisor.config import Config
from advisor.errors import UsageError
from advisor.plugins import Plugins
from advisor.records.encoding import from_json
from advisor.records.importing.located import located
from advisor.records.privacy.private_paths import cut_paths
from advisor.records.privacy.secrets import scrub, scrub_text
from advisor.records.schema import Epoch, ImportedRun, Run, RunsAt, Skipped
from advisor.records.store.rows import record, row, upsert
from advisor.records.store.store import Store
from advisor.records.store.tables import EPOCHS, RUNS
from advisor.space.hyperparameters import HYPERPARAMETERS

_RUNS_A_TRANSACTION = 250
_DATABASES = (".db", ".sqlite", ".sqlite3")
_UNKNOWN = "no importer knows anything in it"
_NOT_FOUND = "it begins later than at epoch 0, and the run that it continues was not found"
_KEPT = ("resumed_from", "dataset_id", "suggestion_id")
"""What the store may know of an imported run and its files do not tell."""
_NUMBERS = (int, float, type(None))
_MAX_INT = 2**63
_SAME = ("dataset_name", "img_size", "opt", *HYPERPARAMETERS)


@dataclass
class ImportReport:
    """What an import took, left out, and noticed.

    Attributes
    ----------
    new, updated, unchanged : int
        Runs that the store did not have, had otherwise, or had just so.
    epochs : int
        Epochs of all these runs.
    sources : Counter
        How many of these runs came from each source.
    resumed : int
        Runs that were joined to the one they continue.
    skipped : list of Skipped
        What was not taken, and why.
    notes : Counter
        What was noticed about runs that were taken, and about how many.
    run_ids : list of str
        The runs that were taken.
    """

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    epochs: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    run_ids: list[str] = field(default_factory=list)

    @property
    def runs(self) -> int:
        """How many runs were taken."""
        return self.new + self.updated + self.unchanged


def import_paths(
    store: Store,
    paths: Sequence[Path],
    plugins: Plugins,
    *,
    world_size: int | None = None,
    private_paths: Sequence[str] | None = None,
) -> ImportReport:
    """Take every run that a plugin finds at or below the paths.

    A run keeps its id as it is imported again, so that it is added once and updated after that. Secrets are taken
    out of its arguments. A run that begins later than at epoch 0 is joined to the one it continues: the one whose
    folder it names, else the only one with the same settings whose epochs reach up to it.

    Parameters
    ----------
    store : Store
        Where to.
    paths : sequence of Path
        Folders or files; folders are searched to the bottom, links in them are not followed.
    plugins : Plugins
        Whose ``advisor_import_runs`` is asked.
    world_size : int, optional
        Devices of the runs that do not tell theirs.
    private_paths : sequence of str, optional
        Beginnings of paths that records must not hold; by default the setting.

    Raises
    ------
    UsageError
        If a path does not exist.
    StoreError
        If the store cannot be written; what was taken before stays taken.
    """
    missing = next((path for path in paths if not path.exists()), None)
    if missing is not None:
        raise UsageError(f"there is no file or folder {missing}", hint="advisor records import PATH…")
    return import_runs(_items(paths, plugins, world_size), store, private_paths=private_paths)


def import_runs(
    items: Iterable[ImportedRun | Skipped], store: Store | None = None, *, private_paths: Sequence[str] | None = None
) -> ImportReport:
    """Take runs into the records that were read already, each once however often it is imported.

    Parameters
    ----------
    items : iterable of ImportedRun or Skipped
        The runs (see ``advisor.imported_run``), and what is no run, for the report.
    store : Store, optional
        Where to; by default the configured one.
    private_paths : sequence of str, optional
        Beginnings of paths that records must not hold; by default the setting.

    Returns
    -------
    ImportReport
        What was taken and what not.

    Raises
    ------
    StoreError
        If the store cannot be written; what was taken before stays taken.
    """
    config = Config()
    store = Store(config["store"]) if store is None else store
    private_paths = config["private_paths"] if private_paths is None else private_paths
    report = ImportReport()
    seen: dict[str, str] = {}
    batch: list[ImportedRun] = []
    continued: list[ImportedRun] = []
    for item in items:
        item = _checked(item)
        if isinstance(item, Skipped):
            report.skipped.append(item)
        elif item.run.run_id in seen:
            report.skipped.append(Skipped(path=item.path, reason=f"the same run as {seen[item.run.run_id]}"))
        else:
            seen[item.run.run_id] = item.path
            batch.append(_clean(located(item), private_paths))
            if _continues(item):
                continued.append(item)
        if len(batch) == _RUNS_A_TRANSACTION:
            _write(store, batch, report)
            batch = []
    _write(store, batch, report)
    _join(store, continued, report)
    return report


def _items(paths: Iterable[Path], plugins: Plugins, world_size: int | None) -> Iterator[ImportedRun | Skipped]:
    for path in paths:
        found = False
        for item in _find(path, plugins, world_size):
            found = True
            yield item
        if not found:
            yield Skipped(path=str(path), reason=_UNKNOWN)


def _find(root: Path, plugins: Plugins, world_size: int | None) -> Iterator[ImportedRun | Skipped]:
    waiting = [root]
    while waiting:
        path = waiting.pop()
        try:
            below = _below(path) if path.is_dir() else []
        except OSError as error:
            yield Skipped(path=str(path), reason=f"cannot be read: {error.strerror}")
            continue
        answer: RunsAt | None = plugins.call_first("advisor_import_runs", path=path, world_size=world_size)
        if answer is not None:
            try:
                yield from answer.items
            except Exception as error:  # isolation: a plugin's fault in one place must not lose the others
                yield Skipped(path=str(path), reason=f"the importer failed: {type(error).__name__}: {error}")
        if answer is None or not answer.whole_tree:
            waiting += reversed(below)


def _below(folder: Path) -> list[Path]:
    """Return the folders, and the files that may be databases, in a folder."""
    with os.scandir(folder) as entries:
        chosen = [
            entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False) or entry.name.endswith(_DATABASES)
        ]  # fmt: skip
    return [folder / name for name in sorted(chosen)]


def _checked(item: ImportedRun | Skipped) -> ImportedRun | Skipped:
    """Return a run as the store takes it; one that holds what no field can is left out, and loses no other."""
    if isinstance(item, Skipped):
        return item
    try:
        fields = {name: value for name, value in vars(item.run).items() if name != "extra"}
        run = replace(item.run, **from_json(Run, fields), extra=dict(item.run.extra))
        epochs = tuple(map(_checked_epoch, item.epochs))
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        return Skipped(path=str(item.path), reason=f"it holds a value that no record can: {error}")
    return replace(item, run=run, epochs=epochs)


def _checked_epoch(epoch: Epoch) -> Epoch:
    values = vars(epoch)
    if all(type(value) in _NUMBERS for name, value in values.items() if name != "run_id") and epoch.epoch < _MAX_INT:
        return epoch
    return Epoch(**from_json(Epoch, values))


def _clean(item: ImportedRun, private_paths: Sequence[str]) -> ImportedRun:
    run = item.run
    texts = {name: scrub_text(value) for name, value in vars(run).items() if isinstance(value, str)}
    cleaned = cut_paths({**texts, "extra": scrub(run.extra)}, private_paths)
    return replace(item, run=replace(run, **{**cleaned, "source": run.source, "status": run.status}))


def _write(store: Store, batch: Sequence[ImportedRun], report: ImportReport) -> None:
    if not batch:
        return
    ids = [item.run.run_id for item in batch]
    with store.writing() as connection:
        found = connection.execute(sa.select(RUNS).where(RUNS.c.run_id.in_(ids))).mappings()
        known = {one.run_id: one for one in (record(Run, values) for values in found)}
        changed = []
        for item in batch:
            before = known.get(item.run.run_id)
            run = item.run if before is None else _keep(item.run, before)
            if before is None:
                report.new += 1
            elif run == before:
                report.unchanged += 1
            else:
                report.updated += 1
            if run != before:
                changed.append((run, item.epochs))
            report.epochs += len(item.epochs)
            report.run_ids.append(run.run_id)
            report.sources[run.source.value] += 1
            report.notes.update(item.notes)
        # An updated run may have fewer epochs than before: those after the point it was resumed from.
        outdated = [run.run_id for run, _ in changed if run.run_id in known]
        if outdated:
            connection.execute(sa.delete(EPOCHS).where(EPOCHS.c.run_id.in_(outdated)))
        upsert(connection, RUNS, [row(run) for run, _ in changed])
        upsert(connection, EPOCHS, [row(epoch) for _, epochs in changed for epoch in epochs])


def _keep(run: Run, before: Run) -> Run:
    extra = {"scored_on_training_images": True} if before.scored_on_training_images else {}
    kept = {name: getattr(before, name) for name in _KEPT if getattr(run, name) is None}
    if "dataset_id" in kept and before.dataset_id is not None:  # its images told how many classes there are
        kept["n_classes"] = before.n_classes
    return replace(run, **kept, extra={**run.extra, **extra})


def _continues(item: ImportedRun) -> bool:
    """Return whether a run's first epochs are elsewhere; scripts that count from 1 resume nothing by that."""
    first = item.epochs[0].epoch if item.epochs else 0
    return first > 1 or (first == 1 and item.continues is not None)


def _join(store: Store, items: Iterable[ImportedRun], report: ImportReport) -> None:
    for item in items:
        before = _predecessor(store, item)
        if before is None:
            report.notes[_NOT_FOUND] += 1
            continue
        report.resumed += 1
        with store.writing() as connection:
            where = RUNS.c.run_id == item.run.run_id
            connection.execute(sa.update(RUNS).where(where).values(resumed_from=before.run_id))


def _predecessor(store: Store, item: ImportedRun) -> Run | None:
    run, first = item.run, item.epochs[0].epoch
    fitting = []
    for other in store.runs(source=run.source, model=run.model):
        epochs = [epoch.epoch for epoch in store.epochs(other.run_id)] if other.run_id != run.run_id else []
        if epochs and epochs[0] < first <= epochs[-1] + 1:
            fitting.append(other)
    named = set(re.split(r"[/\\]", item.continues or ""))
    for choice in (
        [other for other in fitting if other.name in named],
        [other for other in fitting if all(getattr(other, name) == getattr(run, name) for name in _SAME)],
    ):
        if len(choice) == 1:
            return choice[0]
    return None
