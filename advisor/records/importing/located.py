"""Where the images of an imported run are, if its arguments name them as seen from another folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

from advisor.records.schema import ImportedRun

_PATHS = ("dataset_root", "class_map")


def located(item: ImportedRun) -> ImportedRun:
    """Return a run with the paths of its images and of its class map made absolute, where such are found.

    A relative path counts from the folder that the script was started in, which is not recorded: mostly a folder above
    the one that it wrote to, or the current one.
    """
    found = {name: _found(item.run.extra[name], Path(item.path)) for name in _PATHS if item.run.extra.get(name)}
    changed = {name: path for name, path in found.items() if path != item.run.extra[name]}
    return replace(item, run=replace(item.run, extra={**item.run.extra, **changed})) if changed else item


def _found(value: Any, read_at: Path) -> Any:
    if not isinstance(value, str) or Path(value).is_absolute() or PureWindowsPath(value).drive:
        return value
    for folder in (*read_at.absolute().parents, Path.cwd()):
        try:
            if (folder / value).exists():
                return str((folder / value).resolve())
        except (OSError, ValueError):
            break
    return value
