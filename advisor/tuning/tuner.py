"""Tunes: begins trials, lets them wait and go on, by what is decided after every epoch."""

from __future__ import annotations

import errno
import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from advisor.errors import AdvisorError
from advisor.records.schema import Run, Status
from advisor.records.store.sync import sync_own
from advisor.tuning.disk import REMOVED, bytes_used, make_room
from advisor.tuning.opening import Opened
from advisor.tuning.outlook import Outlook
from advisor.tuning.plan import ENDINGS, Plan
from advisor.tuning.training.process import LOG, Process, Start, TrialProcess
from advisor.tuning.trials import Trial, best_of, in_words

LOOK_SECONDS, LOOK_ANYWAY_SECONDS = 0.25, 2.0
SLOWEST_EPOCH, LEAST_SECONDS = 10.0, 120.0
"""A trial hangs when an epoch takes so many times the usual, and so long at least."""
FIRST_EPOCH_SECONDS = 1800.0
"""The same before any epoch has shown what is usual."""
STORING_SECONDS = 90.0
"""How long a process may take to end once it was told to."""
_AGAIN = "make room, and give the same command again: it goes on where it was"
_MOST_FAILURES = 3
"""Trials that fail before any has trained an epoch, until that is taken for the script's fault."""


@dataclass(frozen=True)
class Ending:
    """How a tuning ended.

    Attributes
    ----------
    why : str
        In words.
    trials : sequence of Trial
        All of its trials.
    """

    why: str
    trials: Sequence[Trial]


@dataclass
class _Training:
    """A trial in training: its process and device, and how far it was when that began.

    ``seen`` is when it last was known to get on, ``decided_at`` after how many epochs it was last decided about,
    ``earlier`` the id of its latest run before this process.
    """

    trial: Trial
    process: Process
    device: str | None
    before: int
    spent: float
    seen: float
    decided_at: int
    earlier: str | None
    interrupted: bool = False

    @property
    def run(self) -> Run | None:
        """What this process has recorded; None before it has."""
        run = self.trial.run
        return None if run is None or run.run_id == self.earlier else run


class Tuner:
    """Trains the trials of a plan, each in a process of its own.

    Parameters
    ----------
    plan : Plan
        What is tuned; its session is held by the caller.
    opened : Opened
        The tuning of a script.
    devices : sequence of str or None
        Where to train, a trial each; None is where the script does.
    say : callable
        Takes lines about what is done.
    start : callable
        Starts the training of a trial.
    max_disk : int, optional
        Bytes that the trials' checkpoints may take.
    """

    def __init__(
        self,
        plan: Plan,
        opened: Opened,
        devices: Sequence[str | None],
        say: Callable[[str], None],
        start: Start = TrialProcess,
        max_disk: int | None = None,
    ) -> None:
        self._start_process, self._max_disk = start, max_disk
        self._plan, self._session, self._opened, self._config = plan, plan.session, opened, opened.config
        self._devices, self._say = devices, say
        self._training: dict[int, _Training] = {}
        self._nothing_at, self._nothing_as = (-1, -1), ""
        self._too_full = False
        self._taken = 0.0

    def run(self) -> Ending:
        """Tune until the budget is spent or nothing is expected to gain more than the noise.

        An exception, Ctrl-C included, ends the trials in training cleanly before it goes on.
        """
        if not self._plan.resumes:
            self._say(f"{self._session.asked['script']} has no --resume that is kept to: every trial is trained whole")
        try:
            return self._tune()
        finally:
            self._end_all()

    def _tune(self) -> Ending:
        while True:
            self._plan.tick()
            self._look_after()
            if self._plan.costs.left <= 0:
                why = "spent"
                self._tell_all()
            else:
                why = self._fill()
            if why and not self._training:
                return Ending(ENDINGS[why], self._plan.trials)
            time.sleep(LOOK_SECONDS)

    def _fill(self) -> str:
        """Begin or go on with trials where devices are free; return why not, where there is nothing to train."""
        busy = [training.device for training in self._training.values()]
        for device in self._devices:
            if device in busy:
                busy.remove(device)
                continue
            # While nothing new is known of those in training the answer is the same.
            known = len(self._training), sum(trial.done for trial in self._plan.trials)
            if known == self._nothing_at:
                return self._nothing_as
            outlook = self._plan.look(self._training)
            if self._make_room(outlook):
                outlook = self._plan.look(self._training)
            choice = self._plan.choose(outlook, self._training)
            if choice.row is None:
                self._nothing_at, self._nothing_as = known, choice.why
                return choice.why
            self._start(outlook, choice.row, device)
        return ""

    def _start(self, outlook: Outlook, row: int, device: str | None) -> None:
        is_new = row >= len(outlook.trials)
        trial = self._plan.trial_of(outlook, row)
        resume = self._session.checkpoint(trial) if self._plan.resumes and trial.done else None
        if is_new:
            doing = f"begins ({trial.why})"
        elif resume is not None:
            doing = f"goes on after epoch {trial.done}"
        else:
            doing = "begins again from its first epoch"
            doing += ", as it has no checkpoint" if trial.done and self._plan.resumes else ""
        self._say(f"{trial.name} {doing}: {in_words(trial)}")
        self._train(trial, device, resume)

    def _train(self, trial: Trial, device: str | None, resume: Path | None) -> None:
        script, suggestion = self._opened.way(trial)
        words = script.command(suggestion, trial.configuration, self._session.folder, trial.name, resume)
        if device is not None:
            words += [script.arguments.options["device"], device]
        words = ["--name", self._session.run_name(trial), *words]
        process = self._start_process(words, self._session.trial_folder(trial), self._config.environment())
        before = trial.done if resume is not None else 0
        earlier = None if trial.run is None else trial.run.run_id
        self._training[trial.number] = _Training(
            trial, process, device, before, trial.seconds, seen=time.monotonic(), decided_at=before, earlier=earlier
        )

    def _look_after(self) -> None:
        """Take what the trials in training have recorded, and let those wait that are not worth going on with now."""
        has_news = self._has_news()
        for number, training in list(self._training.items()):
            before = training.trial.done
            if has_news:
                self._take(training)
            trial, process = training.trial, training.process
            if trial.done != before or process.started is None:
                training.seen = time.monotonic()
            if process.status is not None:
                process.tell()  # lets go of its stdin
                del self._training[number]
                self._ended(training)
            elif self._is_over(training):
                process.kill()
            elif process.told is None:
                self._attend(training)

    def _has_news(self) -> bool:
        """Return whether something was recorded since the last look; another command may have taken it in before."""
        news = (
            sync_own(self._plan.store, self._config).lines > 0 or time.monotonic() - self._taken > LOOK_ANYWAY_SECONDS
        )
        if news:
            self._taken = time.monotonic()
        return news

    def _take(self, training: _Training) -> None:
        """Bring a trial up to date with the store."""
        trial = self._session.refreshed(training.trial, self._plan.store)
        started = training.process.started
        seconds = training.spent + (0.0 if started is None else time.monotonic() - started)
        starting = trial.starting
        if not starting and trial.epochs and trial.done > training.before and trial.epochs[-1].seconds:
            took = sum(epoch.seconds or 0.0 for epoch in trial.epochs[training.before :])
            starting = max(0.0, seconds - training.spent - took)
        training.trial = replace(trial, seconds=seconds, starting=starting)
        self._plan.trials[trial.number] = training.trial

    def _is_over(self, training: _Training) -> bool:
        """Return whether a process that was told to end has nothing more to say, or takes too long."""
        told, run = training.process.told, training.run
        has_ended = run is not None and run.status is not Status.RUNNING
        return told is not None and time.monotonic() - told > (1.0 if has_ended else STORING_SECONDS)

    def _attend(self, training: _Training) -> None:
        """Look at a trial in training after an epoch, or when one takes too long."""
        trial, process = training.trial, training.process
        if self._plan.resumes and trial.restarted:
            self._say(f"{trial.name} began again from its first epoch: the script ignores --resume")
            self._plan.resumes = False
            self._say("from now on every trial is trained whole, and none waits")
            training.trial = self._plan.keep(trial, f"the script ignored --resume: {training.before} epochs again")
            return
        if time.monotonic() - training.seen > self._patience(training):
            minutes = (time.monotonic() - training.seen) / 60
            process.kill()
            if trial.ended:
                self._say(f"{trial.name} does not end {minutes:.1f} minutes after its last epoch; it is ended")
                return
            training.trial = self._plan.keep(replace(trial, error="it hung"), f"no epoch in {minutes:.1f} minutes")
            self._say(f"{trial.name} hangs: no epoch in {minutes:.1f} minutes; it is ended")
            return
        if trial.ended or trial.done in (0, training.decided_at) or not self._plan.resumes:
            return
        if not self._session.can_wait(trial):
            return
        training.decided_at = trial.done
        outlook = self._plan.look(self._training)
        self._tell_progress(trial, outlook)
        self._make_room(outlook)
        if self._plan.choose(outlook, self._training, trial.number).row == trial.number:
            return
        self._say(f"{trial.name} waits after epoch {trial.done} of {trial.configuration.epochs}")
        training.trial = self._plan.keep(trial, self._why_wait(trial, outlook))
        training.interrupted = True
        process.tell()

    def _make_room(self, outlook: Outlook) -> bool:
        """Remove checkpoints where they take too much; return whether a trial cannot go on without them."""
        if self._max_disk is None:
            return False
        promise = outlook.options.mean[: len(outlook.trials)].tolist()
        gone = make_room(self._session, self._plan.trials, promise, self._training, self._max_disk)
        for trial in gone:
            self._say(f"{trial.name} cannot go on: {REMOVED}")
            self._plan.keep(replace(trial, error=REMOVED), REMOVED)
        if not self._too_full and bytes_used(self._session, self._plan.trials) > self._max_disk:
            self._too_full = True
            self._say("the checkpoints of the best trial and of those in training take more than --max-disk")
        return bool(gone)

    def _why_wait(self, trial: Trial, outlook: Outlook) -> str:
        mean, deviation = outlook.options.mean[trial.number], outlook.options.deviation[trial.number]
        best = best_of([one for one in self._plan.trials if one.number != trial.number])
        against = "" if best is None or best.reached is None else f"; {best.name} has {best.reached:.1f} %"
        return f"stopped after epoch {trial.done}, expected to end at {mean:.1f} ± {deviation:.1f} %{against}"

    def _tell_progress(self, trial: Trial, outlook: Outlook) -> None:
        mean, deviation = outlook.options.mean[trial.number], outlook.options.deviation[trial.number]
        best = best_of(self._plan.trials)
        so_far = "" if best is None else f"; best so far {best.reached:.1f} % ({best.name})"
        reached = "?" if trial.reached is None else f"{trial.reached:.1f} %"
        self._say(
            f"{trial.name} epoch {trial.done} of {trial.configuration.epochs}: {reached}, expected to end at "
            f"{mean:.1f} ± {deviation:.1f} %{so_far}; {self._plan.left} left"
        )

    def _patience(self, training: _Training) -> float:
        took = [epoch.seconds for trial in self._plan.trials for epoch in trial.epochs if epoch.seconds]
        if not took:
            quarter = self._plan.budget.seconds / 4 if self._plan.budget.seconds else FIRST_EPOCH_SECONDS
            return max(min(quarter, FIRST_EPOCH_SECONDS), LEAST_SECONDS)
        usual = statistics.median(took) * SLOWEST_EPOCH
        starting = max((trial.starting for trial in self._plan.trials), default=0.0) * SLOWEST_EPOCH
        return max(usual + (starting if training.trial.done == training.before else 0.0), LEAST_SECONDS)

    def _ended(self, training: _Training) -> None:
        """Note how a process ended."""
        sync_own(self._plan.store, self._config)
        self._take(training)
        trial, run, status = training.trial, training.run, training.process.status
        if trial.error is not None:
            pass  # it was said when it was found
        elif trial.ended:
            self._say(
                f"{trial.name} ended at {trial.reached:.1f} %" if trial.reached is not None else f"{trial.name} ended"
            )
        elif run is not None and run.out_of_memory:
            trial = self._shrink(trial)
        elif status is not None and status < 0 and not training.interrupted:
            trial = self._killed(trial, training, -status)
        elif not training.interrupted:
            message = run.error if run is not None and run.error else f"exit status {status}"
            log = self._session.trial_folder(trial) / LOG
            if os.strerror(errno.ENOSPC) in message:
                raise AdvisorError("the disk is full", cause=f"{trial.name} could not write: see {log}", hint=_AGAIN)
            trial = self._plan.keep(replace(trial, error=message), message)
            self._say(f"{trial.name} failed: {message}; see {log}")
        self._plan.keep(trial)
        self._stop_if_all_fail()

    def _killed(self, trial: Trial, training: _Training, number: int) -> Trial:
        """Return a trial whose process was killed; it goes on from its checkpoint, if it got anywhere before."""
        said = f"killed by signal {number} in epoch {trial.done + 1}"
        self._say(f"{trial.name} was {said}")
        again = trial.done > training.before or said not in trial.notes
        return self._plan.keep(trial if again else replace(trial, error=said), said)

    def _shrink(self, trial: Trial) -> Trial:
        """Return a trial that ran out of memory with half its batch, which it goes on with."""
        half = trial.configuration.batch_size // 2
        if half < 1 or "batch_size" not in self._opened.way(trial)[0].arguments.open:
            return self._plan.keep(replace(trial, error="out of memory"), "it ran out of memory")
        self._say(f"{trial.name} ran out of memory: its batch is halved to {half}, and no larger one is tried")
        smaller = replace(trial.configuration, batch_size=half)
        said = f"out of memory with a batch of {trial.configuration.batch_size}; halved"
        return self._plan.keep(replace(trial, configuration=smaller), said)

    def _stop_if_all_fail(self) -> None:
        failed = [trial for trial in self._plan.trials if trial.error is not None]
        if len(failed) >= _MOST_FAILURES and not any(trial.done for trial in self._plan.trials):
            log = self._session.trial_folder(failed[-1]) / LOG
            for trial in failed:  # it is not their fault: they are begun again by the same command
                self._plan.keep(replace(trial, error=None))
            raise AdvisorError(f"the first {len(failed)} trials failed", cause=str(failed[-1].error), hint=f"see {log}")

    def _end_all(self) -> None:
        """End the trials in training; what they have trained until now is kept."""
        self._tell_all()
        deadline = time.monotonic() + STORING_SECONDS
        with suppress(AdvisorError):  # what ended the tuning is what is to be said
            while self._training and time.monotonic() < deadline:
                time.sleep(LOOK_SECONDS)
                self._look_after()
        for training in self._training.values():
            training.process.kill()
        with suppress(AdvisorError):
            self._session.seconds = self._plan.seconds

    def _tell_all(self) -> None:
        """Tell the trials in training to end; one that has just ended stores its checkpoint and ends by itself."""
        for training in self._training.values():
            if training.trial.done != training.trial.configuration.epochs:
                training.process.tell()
                training.interrupted = True
