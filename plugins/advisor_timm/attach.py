"""Wraps timm's functions so that a training reports what it does, without changing what it does.

A wrapper calls the original first and exactly once and lets its errors pass; what is observed after it is guarded,
so that a bug here costs a record and never a training. Functions are replaced in the modules that define them, either
at once where timm is loaded already or as its modules load, so that later ``from timm... import`` finds the wrapper.
The training script's own ``train_one_epoch`` and ``validate`` exist by the time it calls the first timm factory, and
are wrapped then.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any

from advisor import Recorder, hookimpl
from advisor_timm.call import Call
from advisor_timm.capture import Capture

logger = logging.getLogger("advisor.timm")


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
_FUNCTION_NAMES = frozenset(name for names in WATCHED.values() for name in names if "." not in name)


@hookimpl
def advisor_attach(recorder: Recorder) -> Callable[[], None]:
    """Wrap timm, loaded or not, so that it reports to ``recorder``."""
    capture = Capture(recorder)
    attachment = Attachment(capture)
    attachment.attach()
    recorder.before_end.append(capture.finish)

    def undo() -> None:
        attachment.detach()
        recorder.before_end.remove(capture.finish)

    return undo


class Attachment:
    """Everything that was wrapped for one recorder, and how to undo it.

    Parameters
    ----------
    capture : Capture
        What is told of every call.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._pid = os.getpid()
        self._live = False
        self._finder = _Finder(self._wrap_module)
        self._wrapped: list[tuple[Any, str, Any, Any]] = []
        self._failed: set[str] = set()

    def attach(self) -> None:
        """Wrap what is loaded and watch for what will be."""
        self._live = True
        self._wrap(argparse.ArgumentParser, "parse_known_args", Capture.arguments_parsed)
        for name, module in list(sys.modules.items()):
            if name.startswith("timm.") and module is not None:
                self._wrap_module(module)
        _replace({id(original): wrapper for _, _, original, wrapper in self._wrapped})
        self._wrap_script()
        sys.meta_path.insert(0, self._finder)

    def detach(self) -> None:
        """Put every original back, except where someone has wrapped it again."""
        self._live = False
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        for owner, name, original, wrapper in reversed(self._wrapped):
            if vars(owner).get(name) is wrapper:
                setattr(owner, name, original)
        _replace({id(wrapper): original for _, _, original, wrapper in self._wrapped})
        self._wrapped.clear()

    def _wrap_module(self, module: ModuleType) -> None:
        """Wrap what a timm module defines itself; the names that other modules import from it follow."""
        package = ".".join(module.__name__.split(".")[:2])
        for qualified, observer in WATCHED.get(package, {}).items():
            owner_name, _, name = qualified.rpartition(".")
            owner = vars(module).get(owner_name) if owner_name else module
            if owner is not None and (owner is module or owner.__module__ == module.__name__):
                self._wrap(owner, name, observer, defined_in=module.__name__)

    def _wrap_script(self) -> None:
        script = sys.modules.get("__main__")
        if script is not None:
            for name, observer in SCRIPT_FUNCTIONS.items():
                self._wrap(script, name, observer)

    def _wrap(self, owner: Any, name: str, observer: Observer, defined_in: str | None = None) -> None:
        original = vars(owner).get(name)
        if not isinstance(original, FunctionType) or hasattr(original, "_advisor_original"):
            return
        if defined_in is not None and original.__module__ != defined_in:
            return
        wrapper = self._wrapper(original, observer)
        setattr(owner, name, wrapper)
        self._wrapped.append((owner, name, original, wrapper))

    def _wrapper(self, original: Callable[..., Any], observer: Observer) -> Callable[..., Any]:
        parameters = {
            name: parameter.default
            for name, parameter in inspect.signature(original).parameters.items()
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        }

        @functools.wraps(original)
        def call_and_observe(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            started = time.perf_counter()
            try:
                result = original(*args, **kwargs)
            except BaseException as error:
                self._observe_failure(error)
                raise
            self._observe(observer, Call(parameters, args, kwargs, result, time.perf_counter() - started))
            return result

        call_and_observe._advisor_original = original  # type: ignore[attr-defined]
        return call_and_observe

    def _observe(self, observer: Observer, call: Call) -> None:
        if not self._live or os.getpid() != self._pid:
            return
        self._guard(observer.__name__, functools.partial(observer, self._capture, call))
        if observer not in _FREQUENT:
            self._guard("wrap the script", self._wrap_script)

    def _observe_failure(self, error: BaseException) -> None:
        if self._live and os.getpid() == self._pid:
            self._guard("call_failed", functools.partial(self._capture.call_failed, error))

    def _guard(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # isolation: recording must never hurt the training it records
            if os.environ.get("ADVISOR_TESTING"):
                raise
            if what not in self._failed:
                self._failed.add(what)
                logger.warning(
                    "this run's record lacks something: %s failed: %s: %s", what, type(error).__name__, error
                )
                logger.debug("details", exc_info=error)


_FREQUENT = frozenset({Capture.accuracy_computed, Capture.tensor_reduced, Capture.rates_updated})


def _replace(replacements: dict[int, Any]) -> None:
    """Replace functions, by their ids, where modules imported them: ``from timm.models import create_model``.

    In ``__main__`` under whatever name, in other modules under the function's own.
    """
    for module_name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType):
            names = list(vars(module)) if module_name == "__main__" else _FUNCTION_NAMES & vars(module).keys()
            for name in names:
                if id(vars(module)[name]) in replacements:
                    setattr(module, name, replacements[id(vars(module)[name])])


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
            try:
                self._loaded(module)
            except Exception as error:  # isolation: a module that cannot be watched must still load
                logger.warning("%s is not watched: %s: %s", module.__name__, type(error).__name__, error)

        loader.exec_module = execute_and_report
