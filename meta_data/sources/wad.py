"""Reads pictures from a WAD file of the Doom engine (format: https://doomwiki.org/wiki/WAD)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FLAT_SIDE = 64


class Wad:
    """The lumps of a WAD file, by the section they are in.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        count, directory = struct.unpack_from("<II", data, 4)
        self._lumps: list[tuple[str, bytes]] = []
        for index in range(count):
            start, size, raw = struct.unpack_from("<II8s", data, directory + 16 * index)
            self._lumps.append((raw.rstrip(b"\0").decode("ascii"), data[start : start + size]))
        palette = next(lump for name, lump in self._lumps if name == "PLAYPAL")
        self._palette = np.frombuffer(palette[:768], dtype="uint8").reshape(256, 3)

    def section(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Yield name and bytes of the lumps between ``prefix_START`` and ``prefix_END``."""
        inside = False
        for name, lump in self._lumps:
            if name in (f"{prefix}_START", f"{prefix}_END"):
                inside = name.endswith("START")
            elif inside and lump:
                yield name, lump

    def flat(self, lump: bytes) -> Image.Image:
        """Return a floor or ceiling: 64 x 64 pixels."""
        pixels = np.frombuffer(lump[: FLAT_SIDE**2], dtype="uint8").reshape(FLAT_SIDE, FLAT_SIDE)
        return Image.fromarray(self._palette[pixels])

    def picture(self, lump: bytes) -> Image.Image:
        """Return a sprite or a part of a wall, with transparency: columns of posts."""
        width, height = struct.unpack_from("<HH", lump)
        rgba: NDArray[np.uint8] = np.zeros((height, width, 4), dtype="uint8")
        for column, offset in enumerate(struct.unpack_from(f"<{width}I", lump, 8)):
            while lump[offset] != 255:
                top, length = lump[offset], lump[offset + 1]
                colours = self._palette[list(lump[offset + 3 : offset + 3 + length])]
                rgba[top : top + length, column, :3] = colours[: max(0, height - top)]
                rgba[top : top + length, column, 3] = 255
                offset += length + 4
        return Image.fromarray(rgba)
