"""Watches timm's functions so that a training reports what it does, without changing what it does.

The original is called first and exactly once and its errors pass; what is observed after it is guarded, so that a bug
here costs a record and never a training. Functions stay the objects they are, so that whoever has imported them before
is seen too (see ``watching``); they are watched at once where timm is loaded already, or as its modules load. The
training script's own ``train_one_epoch`` and ``validate`` exist by the time it calls the first timm factory, and are
watched then.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from advisor import Recorder, hookimpl
from advisor_timm.call import Call
from advisor_timm.capture import Capture
from advisor_timm.watching import Watch, is_watchable, watch

Observer = Callable[[Capture, Call], None]

# Where timm defines what is watched. The packages are the same from 0.6.13 on, the modules within them are not.
WATCHED: dict[str, dict[str, Observer]] = {
    "timm.models": {"create_model": Capture.model_created},
    "timm.data": {
        "create_dataset": Capture.dataset_created,
        "create_loader": Capture.loader_created,
        "create_naflex_loader": Capture.loader_created,
        "Mixup.__init__": Capture.mixup_created,
    },
    "timm.loss": {"LabelSmoothingCrossEntropy.__init__": Capture.smoothing_loss_created},
    "timm.optim": {
        "optimizer_kwargs": Capture.optimizer_arguments_read,
        "create_optimizer_v2": Capture.optimizer_created,
    },
    "timm.scheduler": {
        "create_scheduler": Capture.scheduler_created_from_arguments,
        "create_scheduler_v2": Capture.scheduler_created,
        "Scheduler.update_groups": Capture.rates_updated,
        "Scheduler.step": Capture.scheduler_stepped,
        "PlateauLRScheduler.step": Capture.scheduler_stepped,
    },
    "timm.utils": {
        "random_seed": Capture.seeded,
        "accuracy": Capture.accuracy_computed,
        "reduce_tensor": Capture.tensor_reduced,
        "update_summary": Capture.summary_updated,
        "CheckpointSaver.save_checkpoint": Capture.checkpoint_saved,
        "ModelEma.__init__": Capture.moving_average_created,
        "ModelEmaV2.__init__": Capture.moving_average_created,
        "ModelEmaV3.__init__": Capture.moving_average_created,
    },
}
# The names that timm's train.py, and the scripts descending from it, give to their own functions.
SCRIPT_FUNCTIONS: dict[str, Observer] = {
    "train_one_epoch": Capture.epoch_trained,
    "validate": Capture.validated,
    "evaluate": Capture.validated,
}


@hookimpl
def advisor_attach(recorder: Recorder) -> Callable[[], None]:
    """Watch timm, loaded or not, so that it reports to ``recorder``."""
    capture = Capture(recorder)
    attachment = Attachment(capture, recorder.observe)
    attachment.attach()
    recorder.before_end.append(capture.finish)

    def undo() -> None:
        attachment.detach()
        recorder.before_end.remove(capture.finish)

    return undo


class Attachment:
    """Everything that is watched for one recorder, and how to undo it.

    Parameters
    ----------
    capture : Capture
        What is told of every call.
    guard : callable
        Calls a function with arguments and keeps whatever it raises from the script: ``Recorder.observe``.
    """

    def __init__(self, capture: Capture, guard: Callable[..., None]) -> None:
        self._capture = capture
        self._guard = guard
        self._pid = os.getpid()
        self._live = False
        self._finder = _Finder(self._module_loaded)
        self._watches: list[Watch] = []

    def attach(self) -> None:
        """Watch what is loaded, and for what will be."""
        self._live = True
        self._watch(argparse.ArgumentParser, "parse_known_args", Capture.arguments_parsed)
        for name, module in list(sys.modules.items()):
            if name.startswith("timm.") and module is not None:
                self._watch_module(module)
        self._watch_script()
        sys.meta_path.insert(0, self._finder)

    def detach(self) -> None:
        """Give every function its own code back."""
        self._live = False
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        while self._watches:
            self._watches.pop().end()

    def _module_loaded(self, module: ModuleType) -> None:
        self._guard(f"watching {module.__name__}", self._watch_module, module)

    def _watch_module(self, module: ModuleType) -> None:
        """Watch what a timm module defines itself."""
        package = ".".join(module.__name__.split(".")[:2])
        for qualified, observer in WATCHED.get(package, {}).items():
            owner_name, _, name = qualified.rpartition(".")
            owner = vars(module).get(owner_name) if owner_name else module
            if owner is not None and (owner is module or owner.__module__ == module.__name__):
                self._watch(owner, name, observer, defined_in=module.__name__)

    def _watch_script(self) -> None:
        script = sys.modules.get("__main__")
        if script is not None:
            for name, observer in SCRIPT_FUNCTIONS.items():
                self._watch(script, name, observer)

    def _watch(self, owner: Any, name: str, observer: Observer, defined_in: str | None = None) -> None:
        function = vars(owner).get(name)
        if is_watchable(function) and defined_in in (None, function.__module__):
            returned = functools.partial(self._observe, observer)
            self._watches.append(watch(function, returned, self._observe_failure))

    def _observe(self, observer: Observer, call: Call) -> None:
        if not self._live or os.getpid() != self._pid:
            return
        self._guard(observer.__name__, observer, self._capture, call)
        if observer not in _FREQUENT:
            self._guard("watching the script", self._watch_script)

    def _observe_failure(self, error: BaseException) -> None:
        if self._live and os.getpid() == self._pid:
            self._guard("call_failed", self._capture.call_failed, error)


_FREQUENT = frozenset({Capture.accuracy_computed, Capture.tensor_reduced, Capture.rates_updated})


class _Finder(MetaPathFinder):
    """Lets the other finders find timm's modules and tells of each once it has loaded."""

    def __init__(self, loaded: Callable[[ModuleType], None]) -> None:
        self._loaded = loaded
        self._finding: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the next finder gives, its loader prepared to report."""
        if ".".join(fullname.split(".")[:2]) not in WATCHED or fullname in self._finding:
            return None
        # A finder after this one may itself ask all finders, this one included.
        self._finding.add(fullname)
        try:
            later = (finder for finder in list(sys.meta_path) if finder is not self)
            specs = (finder.find_spec(fullname, path, target) for finder in later if hasattr(finder, "find_spec"))
            spec = next((spec for spec in specs if spec is not None), None)
        finally:
            self._finding.discard(fullname)
        if spec is not None and spec.loader is not None:
            self._report_after(spec.loader)
        return spec

    def _report_after(self, loader: Any) -> None:
        execute = getattr(loader, "exec_module", None)
        if execute is None or not hasattr(loader, "__dict__"):
            return

        def execute_and_report(module: ModuleType) -> None:
            # Once only, and gone already where the finder of another recorder has done the same.
            vars(loader).pop("exec_module", None)
            execute(module)
            self._loaded(module)

        loader.exec_module = execute_and_report
