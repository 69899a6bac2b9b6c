"""Random access to what can only be read in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
_KEPT = 256
"""Items that stay in memory behind the last one read: threads ask for them slightly out of order."""


class InOrder(Generic[T]):
    """Goes on from where it stands, and starts again only if it must.

    Parameters
    ----------
    start : callable
        Returns an iterator over all items from the first.
    """

    def __init__(self, start: Callable[[], Iterator[T]]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._kept: dict[int, T] = {}
        self._next = 0
        self._items: Iterator[T] = iter(())

    def __getitem__(self, index: int) -> T:
        """Return an item.

        Raises
        ------
        OSError
            If the items end before it.
        """
        with self._lock:
            if index not in self._kept:
                if index < self._next or self._next == 0:
                    self._next, self._kept, self._items = 0, {}, self._start()
                while self._next <= index:
                    try:
                        self._kept[self._next] = next(self._items)
                    except StopIteration:
                        self._next, self._kept = 0, {}
                        raise OSError("the source ends before this image") from None
                    self._kept.pop(self._next - _KEPT, None)
                    self._next += 1
            return self._kept[index]
