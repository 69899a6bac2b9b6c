"""The run that a callback of a training framework reports: begun, told of an epoch at a time, and ended."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from advisor import process_recorder, record_run
from advisor_timm.environment import device_name, peak_memory, versions
from advisor_timm.importing.percent import in_percent

if TYPE_CHECKING:
    from advisor import ActiveRun

F = TypeVar("F", bound=Callable[..., None])


@dataclass(frozen=True)
class Training:
    """What a framework knows of a training that begins.

    Attributes
    ----------
    module : Module or None
        What is trained; the network of timm in it is looked for.
    optimizer, scheduler : optional
        As the framework was given them.
    loader : optional
        The training images, in batches.
    fields : mapping
        What its settings say, as fields of a run.
    """

    module: Any = None
    optimizer: Any = None
    scheduler: Any = None
    loader: Any = None
    fields: Mapping[str, Any] = field(default_factory=dict)


def contained(hook: F) -> F:
    """Make a callback's hook safe for the training that calls it: what it raises is said once and goes no further."""

    @functools.wraps(hook)
    def called(*args: Any, **kwargs: Any) -> None:
        process_recorder().observe(hook.__qualname__, functools.partial(hook, *args, **kwargs))

    return called  # type: ignore[return-value]


class CallbackRun:
    """A run that the hooks of a callback report; each of them is ``contained``.

    Parameters
    ----------
    framework : str
        The package whose version is recorded.
    dataset, suggestion
        As ``advisor.record_run`` takes them; without a dataset, the loader's is taken.
    fields : mapping
        What the user told of the run, which goes before what the framework knows.
    """

    def __init__(self, framework: str, dataset: Any, suggestion: Any, fields: Mapping[str, Any]) -> None:
        self._framework = framework
        self._dataset = dataset
        self._suggestion = suggestion
        self._told = dict(fields)
        self._context: AbstractContextManager[ActiveRun] | None = None
        self._run: ActiveRun | None = None
        self._known: dict[str, Any] = {}
        self._rows: list[dict[str, Any]] = []
        self._logged: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None
        self._fractions_usual = False
        self._since = 0.0
        self._trained_seconds = 0.0
        self._eval_seconds = 0.0
        self._eval_seconds_before = 0.0

    def begin(self, training: Training) -> None:
        """Begin a run; one that is still going on is ended before."""
        self.end()
        network = network_in(training.module)
        module = sys.modules.get(self._framework)
        self._known = {
            **training.fields,
            **network_fields(network),
            "versions": {**versions(), self._framework: str(getattr(module, "__version__", "unknown"))},
            **self._told,
        }
        self._rows, self._logged, self._open = [], [], None
        self._trained_seconds = self._eval_seconds = 0.0
        self._context = record_run(
            training.loader if self._dataset is None else self._dataset,
            network,
            training.optimizer,
            training.scheduler,
            self._suggestion,
            **self._known,
        )
        self._run = self._context.__enter__()
        process_recorder().before_end.append(self._hand_over)

    def know(self, **fields: Any) -> None:
        """Take what shows while it trains; what the user told stays."""
        new = {name: value for name, value in fields.items() if value is not None and name not in self._told}
        if self._run is not None and not new.items() <= self._known.items():
            self._known.update(new)
            self._run.update(**new)

    def epoch_begins(self, epoch: int) -> None:
        """Take that an epoch, counted from 0, begins; the one before is over."""
        self._close_epoch()
        self._open, self._since = {"epoch": epoch}, time.perf_counter()
        self._eval_seconds_before = self._eval_seconds

    def epoch_trained(self, optimizer: Any) -> None:
        """Take that the epoch's last batch was trained; evaluations may follow."""
        if self._open is None:
            return
        rates = [float(group["lr"]) for group in optimizer.param_groups]
        self._open["lr"] = sum(rates) / len(rates)
        evaluating = self._eval_seconds - self._eval_seconds_before
        self._trained_seconds += time.perf_counter() - self._since - evaluating

    def add(self, metrics: Mapping[str, Any], *, fractions_usual: bool = False) -> None:
        """Add metrics of ``Epoch``, by field name, to the epoch that is open.

        Accuracies that never exceed 1 are taken as fractions where those are usual.
        """
        if self._open is not None:
            self._open.update({name: float(value) for name, value in metrics.items()})
            self._fractions_usual = self._fractions_usual or fractions_usual

    def evaluated(self, seconds: float, images: int | None) -> None:
        """Take how long an evaluation took, and of how many images."""
        self._eval_seconds += seconds
        self.know(n_eval=images, eval_seconds=self._eval_seconds)

    def end(self, error: BaseException | None = None) -> None:
        """End the run, if there is one."""
        if self._context is None:
            return
        context, self._context = self._context, None
        try:
            if error is None:
                context.__exit__(None, None, None)
            else:
                context.__exit__(type(error), error, error.__traceback__)
        finally:
            process_recorder().before_end.remove(self._hand_over)
            self._run = None

    def _close_epoch(self) -> None:
        """Log the open epoch, and again those before it whose accuracies are now seen to be percentages."""
        if self._run is None or self._open is None:
            return
        row, self._open = self._open, None
        if "lr" not in row:
            return  # it was not trained to its end
        self._rows.append({**row, "seconds": time.perf_counter() - self._since})
        rows, _ = in_percent(self._rows, self._known.get("n_classes"), by_custom=self._fractions_usual)
        for position, known in enumerate(rows):
            if self._logged[position : position + 1] != [known]:
                self._run.log_epoch(**known)
        self._logged = rows
        images = self._known.get("n_train")
        if images and self._trained_seconds > 0:
            self.know(samples_per_second=len(rows) * images / self._trained_seconds)

    def _hand_over(self) -> None:
        """Report what is held back; the run is about to end, maybe with the process."""
        self._close_epoch()
        self.know(peak_memory=peak_memory())


def network_in(module: Any) -> Any:
    """Return the network of timm that a module is or holds, else the module."""
    if module is None:
        return None
    return next((part for part in module.modules() if hasattr(part, "pretrained_cfg")), module)


def network_fields(network: Any) -> dict[str, Any]:
    """Return what a network says beyond what ``record_run`` reads of it."""
    if network is None:
        return {}
    rates = [float(part.drop_prob or 0.0) for part in network.modules() if type(part).__name__ == "DropPath"]
    return {"drop_path": max(rates, default=0.0), "device": device_name(network.parameters())}


def size_of(loader: Any) -> int | None:
    """Return the number of images that a loader goes through, if it says."""
    dataset: Any = getattr(loader, "dataset", None)
    return len(dataset) if hasattr(dataset, "__len__") else None
