"""A trial: one configuration, trained for some of its epochs, that may go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from advisor.learn.curves import Curve, curve_of
from advisor.records.outcome import epochs_done
from advisor.records.schema import Epoch, Run, Status
from advisor.space.configuration import Configuration
from advisor.space.hyperparameters import format_number


@dataclass(frozen=True)
class Trial:
    """A trial as its output folder and the store tell it.

    Attributes
    ----------
    number : int
        Counted from 0 in the order of their beginning.
    configuration : Configuration
        What it is trained with.
    seconds : float
        How long its processes ran.
    starting : float
        How long it took from the start of its process to its first epoch; 0 where that is not known.
    why : str
        Why it was begun, in words.
    notes : tuple of str
        What went wrong on the way, in words.
    error : str or None
        Why it cannot go on; None where it can.
    run : Run or None
        The latest of its recorded runs.
    epochs : tuple of Epoch
        Its recorded epochs in order, those of all its runs.
    lost : int
        Recorded epochs that were trained again.
    restarted : bool
        Whether it began again from its first epoch though it was to go on.
    too_large : int or None
        The smallest batch with which it ran out of memory; None where it did not.
    model : str or None
        Which one it trains, where a tuning is of several.
    """

    number: int
    configuration: Configuration
    seconds: float = 0.0
    starting: float = 0.0
    why: str = ""
    notes: tuple[str, ...] = ()
    error: str | None = None
    run: Run | None = None
    epochs: tuple[Epoch, ...] = field(default=(), repr=False)
    lost: int = 0
    restarted: bool = False
    too_large: int | None = None
    model: str | None = None

    @property
    def name(self) -> str:
        """Name of its folder, and the last part of the names of its runs."""
        return trial_name(self.number)

    @property
    def done(self) -> int:
        """Epochs trained."""
        return epochs_done({}, [{"epoch": epoch.epoch} for epoch in self.epochs])

    @property
    def diverged(self) -> bool:
        """Whether its training came apart."""
        return self.run is not None and self.run.status is Status.DIVERGED

    @property
    def ended(self) -> bool:
        """Whether nothing of it is left to train."""
        return self.diverged or self.done >= self.configuration.epochs

    @property
    def waits(self) -> bool:
        """Whether it could go on."""
        return not self.ended and self.error is None

    @property
    def reached(self) -> float | None:
        """Accuracy in percent after the last epoch that tells one; that of guessing where it diverged."""
        if self.diverged and self.run is not None and self.run.n_classes:
            return 100.0 / self.run.n_classes
        return next((epoch.eval_top1 for epoch in reversed(self.epochs) if epoch.eval_top1 is not None), None)

    @property
    def curve(self) -> Curve | None:
        """What its epochs tell of how it goes on; None where they tell nothing."""
        if self.run is None or not self.epochs:
            return None
        # As one run: the epochs of those that it was resumed from are here too.
        run = replace(self.run, epochs=self.configuration.epochs, resumed_from=None, extra={})
        return curve_of(run, self.epochs)

    def to_document(self) -> dict[str, Any]:
        """Return what the store does not know, as JSON values."""
        return {
            "number": self.number,
            "configuration": self.configuration.as_dict(),
            "seconds": round(self.seconds, 2),
            "starting": round(self.starting, 2),
            "why": self.why,
            "notes": list(self.notes),
            "error": self.error,
            "model": self.model,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Trial:
        """Return what ``to_document`` gave; its run and epochs are the store's."""
        values = document["configuration"]
        return cls(
            number=int(document["number"]),
            configuration=Configuration(
                lr=float(values["lr"]),
                batch_size=int(values["batch_size"]),
                epochs=int(values["epochs"]),
                dropout=float(values["dropout"]),
                weight_decay=float(values["weight_decay"]),
            ),
            seconds=float(document["seconds"]),
            starting=float(document["starting"]),
            why=str(document["why"]),
            notes=tuple(document["notes"]),
            error=document["error"],
            model=document.get("model"),
        )


def trial_name(number: int) -> str:
    """Return the name of the trial of a number."""
    return f"trial-{number:03}"


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial with the highest accuracy at the epoch where it stands; None where none tells."""
    reached = [(trial.reached, -trial.number, trial) for trial in trials if trial.reached is not None]
    return max(reached)[2] if reached else None


def in_words(trial: Trial) -> str:
    """Return the model of a trial, where there are several, and its configuration in one line."""
    values = [f"{name} {format_number(value)}" for name, value in trial.configuration.as_dict().items()]
    return ", ".join(values if trial.model is None else [trial.model, *values])
