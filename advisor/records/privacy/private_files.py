"""Folders and files that only their owner reads: 0700 and 0600, however open the umask is.

A folder with the set-group-id bit (``chmod g+s``) is one that its owner shares with a group on purpose; what is made in
it is for the group too.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_OTHERS = 0o077


def make_private_folder(folder: Path) -> None:
    """Make a folder, with those above it that are missing; one of ours that others may read is closed to them.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        with suppress(OSError):  # a file system without modes
            made.chmod(0o700)
    if not missing:
        _close(folder, 0o700)


def make_private_file(path: Path) -> None:
    """Make a file of a private folder where there is none; one of ours that others may read is closed to them.

    A file that is there is not opened: to close it again would take from a database its locks on it, whoever in this
    process holds them (https://sqlite.org/howtocorrupt.html, 2.2).

    Raises
    ------
    OSError
        If it cannot be made.
    """
    if path.exists():
        if not _is_shared(path.parent):
            _close(path, 0o600)
        return
    with suppress(FileExistsError):  # another process was faster
        os.close(open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))


def open_private(path: Path, flags: int) -> int:
    """Open a file of a private folder as ``os.open`` does; one of ours that others may read is closed to them."""
    mode = 0o660 if _is_shared(path.parent) else 0o600
    descriptor = os.open(path, flags, mode)
    if mode == 0o600:
        _close(path, mode)
    return descriptor


def _is_shared(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_ISGID)


def _close(path: Path, mode: int) -> None:
    """Take from others what they may do with a file or folder of ours, unless it is shared on purpose."""
    with suppress(OSError, AttributeError):  # Windows has no users of this kind
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & _OTHERS and not found.st_mode & stat.S_ISGID:
            path.chmod(mode)
