"""A picture of the dataset: some images of each class, as the sample sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from advisor.describe.sample import read_picture
from advisor.describe.sources.decode import THUMBNAIL, Picture
from advisor.describe.sources.images import ImageDataset, printable
from advisor.errors import AdvisorError

_CLASSES, _IMAGES = 20, 10
"""Rows (classes, the largest first) and columns of the sheet."""
_GAP, _MARGIN, _LABEL = 4, 12, 168
"""Pixels between images, around the sheet, and for the names."""
_PAPER, _INK, _FAINT = "white", "#222222", "#888888"


def contact_sheet(dataset: ImageDataset, *, seed: int = 0) -> Image.Image:
    """Return the sheet: a row of up to ten training images for each of the up to twenty largest classes.

    Images keep their aspect ratio; one that cannot be decoded leaves a crossed-out place.
    """
    rng = np.random.default_rng(seed)
    counts = dataset.train.counts()
    shown = [int(i) for i in np.argsort(-counts, kind="stable")[:_CLASSES] if counts[i]]
    step = THUMBNAIL + _GAP
    title = 2 * _MARGIN + 18
    sheet = Image.new("RGB", (2 * _MARGIN + _LABEL + _IMAGES * step, title + len(shown) * step + 2 * _MARGIN), _PAPER)
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(16), ImageFont.load_default(12)
    hidden = dataset.n_classes - len(shown)
    heading = f"{_drawable(dataset.name)}: {dataset.n_train:,} training images of {dataset.n_classes:,} classes"
    draw.text((_MARGIN, _MARGIN), heading + (f", the {len(shown)} largest shown" if hidden else ""), _INK, large)
    for row, label in enumerate(shown):
        top = title + row * step
        draw.text(
            (_MARGIN, top + THUMBNAIL // 2 - 16), _drawable(dataset.classes[label])[:24] or "(no name)", _INK, small
        )
        draw.text((_MARGIN, top + THUMBNAIL // 2), f"{counts[label]:,} images", _FAINT, small)
        members = np.flatnonzero(dataset.train.labels == label)
        chosen = np.sort(rng.choice(members, min(_IMAGES, len(members)), replace=False))
        for column, index in enumerate(chosen.tolist()):
            left = _MARGIN + _LABEL + column * step
            picture = read_picture(dataset.train, index)
            if isinstance(picture, Picture):
                _paste(sheet, picture, left, top)
            else:
                box = (left, top, left + THUMBNAIL - 1, top + THUMBNAIL - 1)
                draw.rectangle(box, outline=_FAINT)
                draw.line(box, fill=_FAINT)
    return sheet


def write_contact_sheet(dataset: ImageDataset, path: Path, *, seed: int = 0) -> None:
    """Write the sheet as a PNG file.

    Raises
    ------
    AdvisorError
        If the file cannot be written.
    """
    try:
        contact_sheet(dataset, seed=seed).save(path, "PNG")
    except OSError as error:
        raise AdvisorError(
            f"cannot write the contact sheet {printable(str(path))}",
            cause=error.strerror or str(error),
            hint="give a file in a folder that exists: --contact-sheet sheet.png",
        ) from error


def _paste(sheet: Image.Image, picture: Picture, left: int, top: int) -> None:
    """Paste a thumbnail in the aspect ratio of the original, in the middle of its place."""
    longest = max(picture.width, picture.height)
    width = max(1, round(THUMBNAIL * picture.width / longest))
    height = max(1, round(THUMBNAIL * picture.height / longest))
    image = Image.fromarray(picture.thumbnail).resize((width, height), Image.Resampling.BILINEAR)
    sheet.paste(image, (left + (THUMBNAIL - width) // 2, top + (THUMBNAIL - height) // 2))


def _drawable(name: str) -> str:
    """Return a name in the letters that Pillow's own font has; others become a question mark."""
    return printable(name).encode("latin-1", "replace").decode("latin-1")
