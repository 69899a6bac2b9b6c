"""Puts together what is observed of an epoch, from whichever calls a script makes.

Scripts like timm's train.py name their epochs (``train_one_epoch(epoch, ...)``, ``update_summary(epoch, ...)``). A
hand-written loop is followed by its evaluations and ``Scheduler.step`` alone; see `UnnamedEpochs`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from advisor_timm.metric_names import read_name

LogEpoch = Callable[[int, "dict[str, float]"], None]


def known_metrics(metrics: Any) -> dict[str, float]:
    """Return ``loss``, ``top1`` and ``top5`` of what a script's function returned, as far as it holds them.

    An accuracy that is not called top-1 by some name may be no percentage, and is left aside.
    """
    if not isinstance(metrics, Mapping):
        return {}
    found = {}
    for name, value in metrics.items():
        said = read_name(str(name))
        if said is not None and said.split is None and said.measure != "lr" and not (said.is_plain or said.is_average):
            found[said.measure] = float(value)
    return found


@dataclass
class _Evaluation:
    """The latest results of the raw model and of its moving average."""

    raw: dict[str, float] = field(default_factory=dict)
    average: dict[str, float] = field(default_factory=dict)

    def as_fields(self) -> dict[str, float]:
        fields = {f"eval_{name}": value for name, value in self.raw.items()}
        if "top1" in self.average:
            fields["ema_eval_top1"] = self.average["top1"]
        return fields


class NamedEpochs:
    """The epochs of a script that says which one it is in.

    Parameters
    ----------
    log : callable
        Takes the number of a finished epoch and its metrics by field name.
    """

    def __init__(self, log: LogEpoch) -> None:
        self._log = log
        self._epoch: int | None = None
        self._fields: dict[str, float] = {}
        self._evaluation = _Evaluation()
        self._since = time.perf_counter()
        self._logged: tuple[int, dict[str, float]] | None = None
        self.seen = False

    def trained(self, epoch: int, metrics: Any, lr: float | None, seconds: float) -> None:
        """Take the end of ``train_one_epoch``; what was left open before it is logged."""
        self.flush()
        self.seen = True
        self._epoch = epoch
        self._since = time.perf_counter() - seconds
        self._add_training(metrics)
        if lr is not None:
            self._fields["lr"] = lr

    def validated(self, metrics: Any, *, average: bool) -> None:
        """Take the result of an evaluation of the raw model, or of its moving average."""
        if average:
            self._evaluation.average = known_metrics(metrics)
        else:
            self._evaluation.raw = known_metrics(metrics)

    def summarised(self, epoch: int, training: Any, evaluation: Any, lr: float | None, *, has_average: bool) -> None:
        """Take a row of summary.csv, after which timm has nothing more to say about an epoch.

        With ``has_average`` and no evaluation seen by itself, the row's evaluation is the moving average's, because
        train.py overwrites the raw model's.
        """
        if self._epoch != epoch and self._epoch is not None:
            self.flush()
        self.seen = True
        self._epoch = epoch
        self._add_training(training)
        if not self._evaluation.raw and not self._evaluation.average:
            self.validated(evaluation, average=has_average)
        if lr is not None:
            self._fields["lr"] = lr
        self.flush()

    def stepped(self, epoch: int) -> None:
        """Take a scheduler step, which train.py makes instead of an evaluation under ``--val-interval``.

        Other scripts make it before the evaluation, which is then added to what is logged here.
        """
        if self._epoch is not None and epoch == self._epoch + 1:
            self._log_open()

    @property
    def is_open(self) -> bool:
        """Whether an epoch is held back."""
        return self._epoch is not None

    def flush(self) -> None:
        """Log what is new of the open epoch, if there is one, and close it."""
        self._log_open()
        self._epoch, self._fields, self._evaluation = None, {}, _Evaluation()
        self._since = time.perf_counter()

    def _log_open(self) -> None:
        fields = {**self._fields, **self._evaluation.as_fields()}
        if self._epoch is not None and (self._epoch, fields) != self._logged:
            self._logged = (self._epoch, fields)
            self._log(self._epoch, {**fields, "seconds": time.perf_counter() - self._since})

    def _add_training(self, metrics: Any) -> None:
        known = known_metrics(metrics)
        self._fields.update({f"train_{name}": known[name] for name in ("loss", "top1") if name in known})


@dataclass
class _Batch:
    """One call of ``accuracy``: its results as tensors, read only when the epoch ends."""

    values: dict[str, Any]
    samples: int
    whole: bool
    """Whether it stands for all processes, not only for this one's share."""


class UnnamedEpochs:
    """The epochs of a loop that is only seen through ``accuracy``, evaluations and ``Scheduler.step``.

    The weights' version counters tell whether training went on between two of these. An epoch ends at a scheduler
    step, or, without a scheduler, with an evaluation; an evaluation right after the step, with nothing trained in
    between, still belongs to the epoch that was stepped (as in DeiT's loop), one before it likewise (as in timm's).

    Parameters
    ----------
    log : callable
        Takes the number of a finished epoch and its metrics by field name.
    """

    def __init__(self, log: LogEpoch) -> None:
        self._log = log
        self._next = 0
        self.is_open = False
        self._stepped = False
        self._version: int | None = None
        self._lr: float | None = None
        self._training: list[_Batch] = []
        self._evaluation: list[_Batch] = []
        self._results: dict[str, float] = {}
        self._since = time.perf_counter()
        self.has_scheduler = False

    def begin(self, version: int | None) -> None:
        """Take the state of the weights before training."""
        self._version = version

    def trained_batch(self, values: dict[str, Any], samples: int, *, distributed: bool) -> None:
        """Take what ``accuracy`` returned for a batch of training."""
        if self.is_open and (self._stepped or (self._evaluation and not self.has_scheduler)):
            self.close()
        self._training.append(_Batch(values, samples, whole=not distributed))

    def evaluated_batch(
        self, values: dict[str, Any], samples: int, version: int | None, lr: float | None, *, distributed: bool
    ) -> None:
        """Take what ``accuracy`` returned for a batch of an evaluation."""
        if self._evaluated(version, lr):
            self._evaluation.append(_Batch(values, samples, whole=not distributed))

    def reduced(self, local: Any, reduced: Any) -> None:
        """Take the mean over all processes of a value that ``accuracy`` returned for this one."""
        for batches in (self._training, self._evaluation):
            if batches:
                for name, value in batches[-1].values.items():
                    if value is local:
                        batches[-1].values[name] = reduced
                        batches[-1].whole = True

    def validated(self, metrics: Any, version: int | None, lr: float | None) -> None:
        """Take the result of the script's own evaluation function."""
        known = known_metrics(metrics)
        if known and self._evaluated(version, lr):
            self._results = known

    def stepped(self, epoch: int, version: int | None, lr_before: float | None) -> None:
        """Take a call of ``Scheduler.step``."""
        self.has_scheduler = True
        if version != self._version:
            if self._stepped:
                self.close()
            self._version = version
            self._begin_epoch(lr_before)
        elif not self.is_open:
            self._next = epoch  # nothing trained yet: a resumed run is brought to where it stood
            return
        self._stepped = True

    def _evaluated(self, version: int | None, lr: float | None) -> bool:
        if version == self._version:
            return self.is_open  # an evaluation before any training is nobody's epoch
        if self._stepped or not self.has_scheduler:
            self.close()
        self._version = version
        self._evaluation, self._results = [], {}
        self._begin_epoch(lr)
        return True

    def _begin_epoch(self, lr: float | None) -> None:
        if not self.is_open:
            self.is_open, self._lr = True, lr

    def close(self) -> None:
        """Log the open epoch, if there is one."""
        if not self.is_open:
            return
        now = time.perf_counter()
        fields: dict[str, float] = {"seconds": now - self._since}
        if self._lr is not None:
            fields["lr"] = self._lr
        training = _mean(self._training)
        if "top1" in training:
            fields["train_top1"] = training["top1"]
        fields.update({f"eval_{name}": value for name, value in _mean(self._evaluation).items()})
        fields.update({f"eval_{name}": value for name, value in self._results.items()})
        epoch, self._next = self._next, self._next + 1
        self._since, self.is_open, self._stepped = now, False, False
        self._training, self._evaluation, self._results = [], [], {}
        self._log(epoch, fields)


def _mean(batches: list[_Batch]) -> dict[str, float]:
    """Return the means over samples; without the reduced values of all processes there is none."""
    batches = [batch for batch in batches if batch.whole]
    samples = sum(batch.samples for batch in batches)
    if not samples:
        return {}
    names = batches[0].values
    return {name: sum(float(batch.values[name]) * batch.samples for batch in batches) / samples for name in names}
