"""Where a run comes from: the script, the commit of its repository, the versions of Python and of this program."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

from advisor.version import __version__


def provenance() -> dict[str, Any]:
    """Return the fields of a run that tell where it comes from, as far as they are known."""
    versions = {"python": platform.python_version(), "timm-advisor": __version__}
    fields: dict[str, Any] = {"versions": versions}
    script = _script()
    if script is not None:
        fields["script"] = str(script)
        commit = git_commit(script.parent)
        if commit is not None:
            fields["git_commit"] = commit
    return fields


def _script() -> Path | None:
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return None if file is None else Path(file).absolute()


def script_folder() -> Path | None:
    """Return the folder of the script that this process runs, if it runs one."""
    script = _script()
    return None if script is None else script.parent


def git_commit(folder: Path) -> str | None:
    """Return the commit checked out in the repository that a folder lies in.

    Read from the repository's files (see gitrepository-layout(5)), because a training process should not start
    another program. None outside a repository, before its first commit, and where refs are not kept in files.
    """
    for parent in (folder, *folder.parents):
        dot_git = parent / ".git"
        try:
            if dot_git.is_dir():
                return _head(dot_git)
            if dot_git.is_file():  # a worktree or submodule: "gitdir: PATH"
                return _head(parent / dot_git.read_text(encoding="utf-8").removeprefix("gitdir:").strip())
        except (OSError, UnicodeDecodeError):
            return None
    return None


def _head(git_dir: Path) -> str | None:
    head = (git_dir / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return head or None
    ref = head.removeprefix("ref:").strip()
    common_file = git_dir / "commondir"
    common = git_dir / common_file.read_text(encoding="utf-8").strip() if common_file.is_file() else git_dir
    for folder in (git_dir, common):
        if (folder / ref).is_file():
            return (folder / ref).read_text(encoding="utf-8").strip()
    packed = common / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {ref}")), None)
