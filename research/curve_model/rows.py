"""Recorded runs, each cut after some of its epochs: what the curve model is fitted to and judged on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.learn.curve_model import to_scale
from advisor.learn.curves import COLUMNS, Curve, curve_of
from advisor.learn.table import Floats, case_of
from advisor.records.evidence import Evidence
from advisor.records.schema import Epoch

CUTS = (0.2, 0.4, 0.6, 0.8)
"""Shares of the planned epochs after which runs are cut."""
_HIDDEN = ("n_train", "n_eval", "num_params", "batch_size", "lr", "opt", "train_loss", "eval_loss")
"""What a run in use may not tell; each is hidden from some rows that are fitted to."""
_HIDDEN_SHARE = 0.08
_SPARSE_SHARE = 0.1
"""Share of the rows fitted to that were evaluated in every second or third epoch only."""


@dataclass(frozen=True)
class Rows:
    """Runs so far, and how they ended.

    Attributes
    ----------
    curves : sequence of Curve, length n
        Everything that was recorded of each run until it was cut.
    x : ndarray of shape (n, d)
        Its features.
    x_hidden : ndarray of shape (n, d)
        The same where some rows lack some of what was recorded.
    last, chance, final : ndarray of shape (n,)
        Last and final accuracy, and that of guessing, in percent. A run that stopped at a loss that is not a number
        ended at chance.
    source : ndarray of str, shape (n,)
        Source of the images: what is held out together.
    cell : ndarray of str, shape (n,)
        Source and start of the weights: each counts alike.
    case, run : ndarray of int, shape (n,)
        Numbers of the case and of the run.
    cut : ndarray of shape (n,)
        After which of ``CUTS``.
    """

    curves: Sequence[Curve]
    x: Floats
    x_hidden: Floats
    last: Floats
    chance: Floats
    final: Floats
    source: NDArray[np.str_]
    cell: NDArray[np.str_]
    case: NDArray[np.int64]
    run: NDArray[np.int64]
    cut: Floats

    def __len__(self) -> int:
        return len(self.final)

    @property
    def gain(self) -> Floats:
        """From the last known accuracy to the final one, on the scale of ``to_scale``."""
        return np.asarray(to_scale(self.final, self.chance) - to_scale(self.last, self.chance))

    @property
    def planned(self) -> Floats:
        """Planned epochs."""
        return np.array([curve.planned for curve in self.curves], dtype=np.float64)

    @property
    def fine_tuned(self) -> NDArray[np.bool_]:
        """Whether training started from ImageNet weights."""
        return np.char.endswith(self.cell, "imagenet")

    def share(self, power: float = 1.0) -> Floats:
        """Return how much each row counts, 1 on average: its cell's number of rows to the power of ``-power``."""
        _, at, counts = np.unique(self.cell, return_inverse=True, return_counts=True)
        weight = (counts.astype(np.float64) ** -power)[at]
        return np.asarray(weight / weight.mean())

    def take(self, rows: NDArray[Any]) -> Rows:
        """Return the given rows (a mask or indices)."""
        at = np.arange(len(self))[rows]
        arrays = {name: getattr(self, name)[at] for name in self.__dataclass_fields__ if name != "curves"}
        return Rows(curves=[self.curves[i] for i in at], **arrays)


def build_rows(evidence: Iterable[Evidence], random_state: int = 0) -> Rows:
    """Return the rows of all runs of at least two epochs that have a curve."""
    random = np.random.default_rng(random_state)
    curves: list[Curve] = []
    hidden: list[Curve] = []
    columns: dict[str, list[Any]] = {name: [] for name in ("final", "source", "cell", "case", "run", "cut")}
    runs = 0
    for part in evidence:
        source_of = {dataset.dataset_id: dataset.group for dataset in part.datasets}
        epochs: dict[str, list[Epoch]] = defaultdict(list)
        for epoch in part.epochs:
            epochs[epoch.run_id].append(epoch)
        for run in part.runs:
            recorded = epochs[run.run_id]
            planned = run.epochs or 0
            if planned < 2 or not recorded or not run.n_classes:
                continue
            came_to_its_end = len(recorded) == planned
            final = recorded[-1].eval_top1 if came_to_its_end else 100.0 / run.n_classes
            source = source_of[str(run.dataset_id)]
            done_at = {max(1, round(share * planned)): share for share in reversed(CUTS)}
            for done, share in sorted(done_at.items()):
                curve = curve_of(run, recorded[:done])
                if done >= planned or done > len(recorded) or curve is None:
                    continue
                curves.append(curve)
                hidden.append(_hide(curve, random))
                for name, value in (
                    ("final", final),
                    ("source", source),
                    ("cell", f"{source} {run.pretraining.value}"),
                    ("case", case_of(run)),
                    ("run", runs),
                    ("cut", share),
                ):
                    columns[name].append(value)
            runs += 1
    number = {case: i for i, case in enumerate(dict.fromkeys(columns["case"]))}
    return Rows(
        curves=curves,
        x=_features(curves),
        x_hidden=_features(hidden),
        last=np.array([curve.last for curve in curves]),
        chance=np.array([curve.chance for curve in curves]),
        final=np.array(columns["final"], dtype=np.float64),
        source=np.array(columns["source"]),
        cell=np.array(columns["cell"]),
        case=np.array([number[case] for case in columns["case"]]),
        run=np.array(columns["run"]),
        cut=np.array(columns["cut"]),
    )


def accuracies_alone(rows: Rows) -> Rows:
    """Return the rows as a run has them of which nothing is known but its accuracies, classes and planned epochs."""
    curves = [Curve(planned=c.planned, top1=c.top1, n_classes=c.n_classes, warmup_epochs=1.0) for c in rows.curves]
    return replace(rows, curves=curves, x=_features(curves))


def _features(curves: Sequence[Curve]) -> Floats:
    return np.array([curve.features() for curve in curves]).reshape(-1, len(COLUMNS))


def _hide(curve: Curve, random: np.random.Generator) -> Curve:
    """Return a curve without some of what is known; the last accuracy stays, from which the gain is counted."""
    drawn = random.random(len(_HIDDEN) + 1)
    unknown = {name: None for name, draw in zip(_HIDDEN, drawn[:-1], strict=True) if draw < _HIDDEN_SHARE}
    fields: dict[str, Any] = {name: np.empty(0) if name.endswith("loss") else value for name, value in unknown.items()}
    if drawn[-1] < _SPARSE_SHARE:
        every = 2 if drawn[-1] < _SPARSE_SHARE / 2 else 3
        evaluated = (np.arange(curve.done) - curve.done + 1) % every == 0
        fields["top1"] = np.where(evaluated, curve.top1, np.nan)
        if "eval_loss" not in fields:
            fields["eval_loss"] = np.where(evaluated, curve.eval_loss, np.nan)
    return replace(curve, **fields)
