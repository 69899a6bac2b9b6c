"""Reads one image the way timm does, at a reduced scale and in bounded memory."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, UnidentifiedImageError

THUMBNAIL = 64
"""Side in pixels of the square thumbnails that all features of pictures are computed on."""
MAX_PIXELS = 40_000_000
"""Pixels that all threads decode at a time. An image of more is left out of the sample.

The hungriest decoders (WebP, JPEG 2000) take 16 to 20 bytes a pixel, so this stays below a gigabyte.
"""
_BLOCK_BYTES = 64 * 1024 * 1024
"""Bytes that Pillow asks for at a time for a large image; see ``giving_memory_back``."""
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
"""Formats that are tried, whatever a file is called. Not all of Pillow's: some start other programs."""
_GREY_TOLERANCE = 6
"""Largest mean difference between channels (of 255) at which an image counts as grey: JPEG leaves small ones."""
_EXIF_ORIENTATION = 0x0112


T = TypeVar("T")


class UnreadableImageError(Exception):
    """An image that cannot be decoded, or not within the bounds; the message says why."""


@dataclass(frozen=True)
class Picture:
    """One decoded image.

    Attributes
    ----------
    thumbnail : ndarray of uint8, shape (64, 64, 3)
        RGB, squeezed to a square.
    width, height : int
        Size in pixels as stored; timm does not apply an EXIF rotation.
    n_bytes : int
        Size of the file; 0 if it never was one.
    grey, alpha, rotated : bool
        Whether it has no colour, has transparency (which timm drops), and asks to be rotated (which timm does not).
    """

    thumbnail: NDArray[np.uint8]
    width: int
    height: int
    n_bytes: int
    grey: bool
    alpha: bool
    rotated: bool


def decode(opened: BinaryIO | Image.Image) -> Picture:
    """Return an image as a picture; closes the stream.

    JPEG files are decoded at the smallest scale that is still larger than the thumbnail (the decoder skips the rest
    of the work), so their size is no limit unless they are progressive.

    Raises
    ------
    UnreadableImageError
        If it cannot be read within the bounds.
    """
    return _read(opened, _picture)


def decode_whole(opened: BinaryIO | Image.Image, use: Callable[[Image.Image], T]) -> T:
    """Return what ``use`` makes of all the pixels of an image, given as RGB; closes the stream.

    Raises
    ------
    UnreadableImageError
        As ``decode``.
    """

    def whole(image: Image.Image, n_bytes: int) -> T:
        width, height = image.size
        _refuse_too_large(width, height, width * height)
        with _within_bounds(0 if image.format == "WEBP" else width * height):
            return use(_to_rgb(image))

    return _read(opened, whole)


def _read(opened: BinaryIO | Image.Image, use: Callable[[Image.Image, int], T]) -> T:
    """Return what ``use`` makes of an image and of the size of its file; everything it raises is one error."""
    try:
        if isinstance(opened, Image.Image):
            return use(opened, 0)
        with opened:
            n_bytes = opened.seek(0, 2)
            opened.seek(0)
            if n_bytes == 0:
                raise UnreadableImageError("the file is empty")
            with _within_bounds(_pixels_held_open(opened)), _open(opened) as image:
                return use(image, n_bytes)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImageError("no image of a known format") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImageError("too many pixels") from error
    except Exception as error:  # isolation: on a damaged file the decoders raise anything, IndexError to struct.error
        raise UnreadableImageError(str(error) or type(error).__name__) from error


@contextmanager
def giving_memory_back() -> Iterator[None]:
    """Let the memory of large images go as soon as they are decoded, whichever thread did it.

    Pillow asks for 16 MiB at a time. The allocator of glibc keeps pieces of up to 32 MiB for the thread that gave them
    back, so eight threads would hold on to more than a gigabyte; larger pieces go back to the system.
    """
    core: Any = Image.core  # type: ignore[attr-defined]
    before = core.get_block_size()
    core.set_block_size(_BLOCK_BYTES)
    try:
        yield
    finally:
        core.set_block_size(before)


def _pixels_held_open(stream: BinaryIO) -> int:
    """Return the pixels that the decoder of a WebP file holds from when it is opened; others begin when it is read."""
    head = stream.read(30)
    stream.seek(0)
    if len(head) < 30 or head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return 0
    if head[12:16] == b"VP8X":
        width, height = 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    elif head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    _refuse_too_large(width, height, width * height)
    return width * height


def _refuse_too_large(width: int, height: int, decoded: int) -> None:
    if decoded > MAX_PIXELS:
        raise UnreadableImageError(f"too large to sample: {width} x {height} pixels")


def _open(stream: BinaryIO) -> Image.Image:
    if stream.read(3) == b"\xff\xd8\xff":
        stream.seek(0)
        # Not Image.open: its guard against decompression bombs looks at the full size, which is never decoded here.
        return JpegImagePlugin.JpegImageFile(stream)
    stream.seek(0)
    return Image.open(stream, formats=_formats())


@functools.cache
def _formats() -> tuple[str, ...]:
    """Return the formats of ``FORMATS`` that this Pillow reads."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _picture(image: Image.Image, n_bytes: int) -> Picture:
    width, height = image.size
    alpha = "A" in image.getbands() or "transparency" in image.info
    progressive = bool(image.info.get("progressive"))
    if n_bytes and image.format == "JPEG" and not progressive:
        image.draft("RGB", (2 * THUMBNAIL, 2 * THUMBNAIL))
    pixels = image.size[0] * image.size[1]
    _refuse_too_large(width, height, pixels)
    with _within_bounds(0 if image.format == "WEBP" else pixels):
        rgb = _to_rgb(image)
        rotated = n_bytes > 0 and image.getexif().get(_EXIF_ORIENTATION, 1) not in (0, 1)  # of a PNG this decodes all
        factor = max(1, min(rgb.size[0], rgb.size[1]) // (2 * THUMBNAIL))
        small = rgb.reduce(factor) if factor > 1 else rgb
        thumbnail = np.asarray(small.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BILINEAR))
        if n_bytes:
            image.close()  # gives its pixels back before the next large one begins
            del rgb, small
    grey = channel_spread(thumbnail).mean() <= _GREY_TOLERANCE
    return Picture(thumbnail, width, height, n_bytes, bool(grey), alpha, rotated)


def channel_spread(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the largest minus the smallest channel of RGB pixels of shape (..., 3); ten times as fast as max(axis)."""
    red, green, blue = np.moveaxis(pixels, -1, 0)
    spread: NDArray[np.uint8] = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return spread


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        # Pillow clips these at 255; keep the picture instead, scaled by what its values can reach.
        # In place: a copy of the largest image takes a quarter of the memory there is.
        values = np.array(image, dtype=np.float32)
        top = 65535.0 if image.mode != "F" else max(1.0, float(np.nanmax(values)))
        np.nan_to_num(values, copy=False).clip(0, top, out=values)
        values *= 255 / top
        return Image.fromarray(values.astype(np.uint8)).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")  # convert copies in any case


_changed = threading.Condition()
_pixels_in_work = 0


@contextmanager
def _within_bounds(pixels: int) -> Iterator[None]:
    """Wait until ``pixels`` more keep within ``MAX_PIXELS``."""
    global _pixels_in_work
    with _changed:
        _changed.wait_for(lambda: _pixels_in_work + pixels <= MAX_PIXELS)
        _pixels_in_work += pixels
    try:
        yield
    finally:
        with _changed:
            _pixels_in_work -= pixels
            _changed.notify_all()
