"""``for trial in advisor.tune(...)``: tunes a loop of one's own."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.advise.suggestion import Suggested, Suggestion
from advisor.config import Config
from advisor.errors import AdvisorError, UsageError
from advisor.records.recording.hand_written_loop import record_run
from advisor.records.store.sync import sync_own
from advisor.space.configuration import Configuration
from advisor.tuning.clock import budget_of
from advisor.tuning.opening import open_loop
from advisor.tuning.plan import ENDINGS, Plan
from advisor.tuning.session import CHECKPOINT, write_whole
from advisor.tuning.trials import Trial, in_words

if TYPE_CHECKING:
    from advisor.records.recording.active import ActiveRun
    from advisor.records.schema import Dataset

RECORDED_SECONDS = 10.0
"""How long an epoch may take to get from ``log_epoch`` into the store."""

_SAVED = "saved.json"

logger = logging.getLogger("advisor.tune")


class LoopTrial:
    """A trial of a loop: what to train with, and how far.

    Attributes
    ----------
    name : str
        Of the trial.
    folder : Path
        A folder of its own.
    configuration : Configuration
        Learning rate, batch size, epochs, dropout and weight decay.
    checkpoint : Path
        Where to save the state after every epoch. Without it a trial cannot wait, and is trained whole.
    resumes : bool
        Whether to load the state from there first.
    """

    def __init__(self, plan: Plan, trial: Trial, suggestion: Suggestion, dataset: Dataset, config: Config) -> None:
        self._plan, self._trial, self._dataset, self._config = plan, trial, dataset, config
        self._suggestion = suggestion.model_copy(update={"suggestions": (Suggested.of(trial.configuration),)})
        self._began = time.monotonic()
        self.name, self.configuration = trial.name, trial.configuration
        self.folder = plan.session.trial_folder(trial)
        self.checkpoint = self.folder / CHECKPOINT
        self.resumes = bool(trial.done) and self.checkpoint.is_file()
        self._before = self._epochs_saved() if self.resumes else 0

    def __getattr__(self, name: str) -> float:
        """Return a hyperparameter by its name."""
        if name in Configuration.__dataclass_fields__:
            value: float = getattr(self.configuration, name)
            return value
        raise AttributeError(name)

    def model_kwargs(self) -> dict[str, Any]:
        """Return keywords for ``timm.create_model``."""
        return self._suggestion.model_kwargs()

    def optimizer_kwargs(self) -> dict[str, Any]:
        """Return keywords for ``timm.optim.create_optimizer_v2``."""
        return self._suggestion.optimizer_kwargs()

    def scheduler_kwargs(self) -> dict[str, Any]:
        """Return keywords for ``timm.scheduler.create_scheduler_v2``."""
        return self._suggestion.scheduler_kwargs()

    def record(self, **facts: Any) -> AbstractContextManager[ActiveRun]:
        """Return what records the training; ``facts`` are more for ``advisor.record_run``, such as ``optimizer``."""
        extra = {"output_dir": str(self.folder), **({"resume": str(self.checkpoint)} if self.resumes else {})}
        return record_run(
            **{
                "dataset": self._dataset,
                "suggestion": self._suggestion,
                "name": self._plan.session.run_name(self._trial),
                "extra": extra,
                **facts,
            }
        )

    def train_epochs(self) -> Iterator[int]:
        """Give the numbers of the epochs to train, until the trial has ended or is to wait.

        Every one has to be reported by ``log_epoch``, with ``eval_top1``, before the next is asked for.

        Raises
        ------
        AdvisorError
            If one was not.
        """
        for epoch in range(self._before, self.configuration.epochs):
            began = time.time()
            yield epoch
            self._take(epoch)
            if self._trial.diverged:
                return
            if self.checkpoint.is_file() and self.checkpoint.stat().st_mtime >= began:
                write_whole(self.folder / _SAVED, {"epochs": epoch + 1, "written": self._written()})
                if self._is_to_wait():
                    return

    def _written(self) -> int:
        return self.checkpoint.stat().st_mtime_ns

    def _epochs_saved(self) -> int:
        """Return how many epochs the checkpoint has.

        What was killed between saving and reporting an epoch has one more, or one less, than the recorded ones.
        """
        try:
            noted = json.loads((self.folder / _SAVED).read_text(encoding="utf-8"))
        except FileNotFoundError:  # it was killed in its first epoch, or soon after
            return 1
        return int(noted["epochs"]) + int(self._written() != noted["written"])

    def _take(self, epoch: int) -> None:
        deadline = time.monotonic() + RECORDED_SECONDS
        while True:
            self.refresh()
            if any(one.epoch == epoch for one in self._trial.epochs):
                return
            if time.monotonic() > deadline:
                raise AdvisorError(
                    f"epoch {epoch} of {self.name} was not reported",
                    cause="the next epoch was asked for without it",
                    hint="with trial.record() as run: … run.log_epoch(epoch, eval_top1=…)",
                )
            time.sleep(0.05)

    def refresh(self) -> Trial:
        """Take what was recorded of it into the plan; return it."""
        sync_own(self._plan.store, self._config)
        seconds = self._trial.seconds + time.monotonic() - self._began
        self._began = time.monotonic()
        refreshed = self._plan.session.refreshed(replace(self._trial, seconds=seconds), self._plan.store)
        self._trial = self._plan.keep(refreshed)
        self._plan.tick()
        return self._trial

    def _is_to_wait(self) -> bool:
        if self._plan.costs.left <= 0:
            return True
        if self._trial.ended:
            return False
        taken = (self._trial.number,)
        return self._plan.choose(self._plan.look(taken), taken, self._trial.number).row != self._trial.number


def tune(
    dataset: str | Path | Any,
    *,
    model: str | None = None,
    opt: str = "adamw",
    pretrained: bool | None = None,
    img_size: int | None = None,
    class_map: str | None = None,
    max_epochs: int | None = None,
    max_batch_size: int | None = None,
    fix: Mapping[str, float] | None = None,
    budget: str | None = None,
    max_epochs_total: int | None = None,
    trials: int | None = None,
    folder: str | Path = Path("output", "tuning", "loop"),
) -> Iterator[LoopTrial]:
    """Tune a loop of one's own: give trials to train until the budget is spent or nothing more is expected to gain.

    The same call goes on where it was. A trial that waits is given again when it is worth going on with.

    Parameters
    ----------
    dataset, class_map, model, opt, pretrained, img_size, max_epochs, max_batch_size, fix
        As for ``Advisor.suggest``; what is fixed is not tuned.
    budget : str, optional
        How long to tune in all, such as ``"2h"``.
    max_epochs_total : int, optional
        Epochs of all trials together, instead.
    trials : int, optional
        Begin no more than this.
    folder : path
        Where the tuning is kept.

    Yields
    ------
    LoopTrial

    Raises
    ------
    AdvisorError
        If the dataset cannot be described, another process tunes in the folder, or a trial recorded no epoch.

    Examples
    --------
    >>> for trial in advisor.tune("flowers", model="resnet18", budget="2h"):  # doctest: +SKIP
    ...     model, optimizer, scheduler = build(trial)
    ...     if trial.resumes:
    ...         load(trial.checkpoint)
    ...     with trial.record(model=model, optimizer=optimizer, scheduler=scheduler) as run:
    ...         for epoch in trial.train_epochs():
    ...             loss = train(model)
    ...             run.log_epoch(epoch, train_loss=loss, eval_top1=evaluate(model))
    ...             save(trial.checkpoint)
    """
    asked = {
        "model": model,
        "opt": opt,
        "pretrained": pretrained,
        "img_size": img_size,
        "max_epochs": max_epochs,
        "max_batch_size": max_batch_size,
        "fix": dict(fix or {}),
    }
    opened = open_loop(dataset, class_map, asked, Path(folder), logger.warning)
    with opened.session.held():
        plan = opened.plan(budget_of(budget, max_epochs_total, trials))
        while plan.costs.left > 0:
            outlook = plan.look()
            choice = plan.choose(outlook)
            if choice.row is None:
                logger.warning("the tuning ended: %s", ENDINGS[choice.why])
                return
            trial = plan.trial_of(outlook, choice.row)
            logger.info("%s: %s", trial.name, in_words(trial))
            given = LoopTrial(plan, trial, opened.suggestion, opened.dataset, opened.config)
            before = trial.done
            yield given
            after = given.refresh()
            if not after.ended and after.done == before and not after.lost:
                raise UsageError(
                    f"{trial.name} recorded no epoch",
                    hint="with trial.record() as run: for epoch in trial.train_epochs(): … run.log_epoch(epoch, …)",
                )
        logger.warning("the tuning ended: %s", ENDINGS["spent"])
