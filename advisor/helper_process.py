"""How processes are started that do something for this program beside the one that asks for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_WITHOUT_FOLDER = (
    "import runpy, sys; del sys.path[0]; runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
)


def helper_process(
    arguments: Sequence[str], settings: Mapping[str, str] | None = None, module: str = "advisor"
) -> dict[str, Any]:
    """Return command and environment, as ``subprocess`` takes them, of a module of ours in a process of its own.

    It imports nothing from the working folder: what was unpacked there, or belongs to the script, must not run.

    Parameters
    ----------
    arguments : sequence of str
        What follows ``python -m MODULE``.
    settings : mapping, optional
        Variables to set, as of ``Config.environment``.
    module : str
        What is run.

    Raises
    ------
    OSError
        If the path of this Python is not known.
    """
    if not sys.executable:
        raise OSError("the path of this Python is not known")
    if sys.version_info >= (3, 11):
        command = [sys.executable, "-P", "-m", module]
    else:
        command = [sys.executable, "-c", _WITHOUT_FOLDER.format(module=module)]
    return {"args": [*command, *arguments], "env": {**os.environ, **_path(), **(settings or {})}}


def _path() -> dict[str, str]:
    """Return PYTHONPATH without the working folder, which an empty entry means too."""
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # it was deleted
        here = None
    kept = [
        entry
        for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if entry and os.path.realpath(entry) != here
    ]
    root = str(Path(__file__).parents[1])
    if os.path.realpath(root) == here:  # a checkout, which nobody has installed
        kept.append(root)
    return {"PYTHONPATH": os.pathsep.join(kept)}
