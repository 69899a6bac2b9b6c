"""Every hook a plugin can implement.

Observing hooks are called for every plugin, on the recorder's background thread, with frozen copies. Extending
hooks are collected from all plugins. Hooks marked *first answer wins* stop at the first result that is not None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import click

    from advisor.advise.suggestion import Suggestion
    from advisor.collect.engine import Engine
    from advisor.describe.sample import Sample
    from advisor.describe.sources.images import ImageDataset
    from advisor.records.recording.attaching import AttachableRecorder
    from advisor.records.schema import Epoch, Run, RunsAt

hookspec = pluggy.HookspecMarker("advisor")
hookimpl = pluggy.HookimplMarker("advisor")


@hookspec
def advisor_run_start(run: Run) -> None:
    """Observe that a run began; ``run`` holds what is known before the first epoch."""


@hookspec
def advisor_epoch_end(run: Run, epoch: Epoch) -> None:
    """Observe that an epoch of ``run`` ended with the metrics in ``epoch``."""


@hookspec
def advisor_run_end(run: Run) -> None:
    """Observe that a run ended; ``run`` holds its status and outcome."""


@hookspec
def advisor_attach(recorder: AttachableRecorder) -> Callable[[], None] | None:
    """Wrap a training framework so that it reports to ``recorder``; return how to undo it."""


@hookspec
def advisor_meta_features(sample: Sample) -> Mapping[str, float] | None:
    """Return further features of a dataset; each name is prefixed with the plugin's."""


@hookspec
def advisor_engines() -> Mapping[str, Callable[..., Engine]] | None:
    """Return engines for ``advisor collect --engine NAME``, by name."""


@hookspec
def advisor_register_commands(cli: click.Group) -> None:
    """Add commands to the command line."""


@hookspec(firstresult=True)
def advisor_open_dataset(source: Any) -> ImageDataset | None:
    """Open a dataset that is no image folder; first answer wins."""


@hookspec(firstresult=True)
def advisor_import_runs(path: Path, world_size: int | None) -> RunsAt | None:
    """Read the runs that another tool left at ``path``, a file or one folder; first answer wins.

    It is asked again for each folder in ``path`` unless the answer covers the whole tree. A run's id is made from what
    it is (see ``advisor.imported_run``), so that reading it again gives the same. ``world_size`` is the number of
    devices that runs were trained on which do not say it themselves.
    """


@hookspec(firstresult=True)
def advisor_render(suggestion: Suggestion, format: str) -> str | None:
    """Render a suggestion in a further output format; first answer wins."""
