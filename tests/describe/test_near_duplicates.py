"""Which images count as the same, whatever was done to them on the way."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from advisor.describe.features.views import shrink
from advisor.describe.near_duplicates import MAX_SHARE, SIDE, shared, thumbnails, with_contrast
from advisor.describe.sources.decode import decode


def seen(images) -> np.ndarray:
    """Return the thumbnails of image files, as ``pack_thumbnails`` keeps them."""
    rows = np.stack([decode(io.BytesIO(data)).thumbnail for data in images])
    return with_contrast(np.rint(255 * shrink(rows, SIDE)).reshape(len(rows), -1).astype(np.float32))


def files(images, format="PNG", **options) -> list[bytes]:
    buffers = [io.BytesIO() for _ in images]
    for image, buffer in zip(images, buffers, strict=True):
        image.save(buffer, format, **options)
    return [buffer.getvalue() for buffer in buffers]


@pytest.mark.parametrize(
    "change",
    [
        lambda image: (image, "JPEG", {"quality": 50}),
        lambda image: (image.resize((40, 40)), "PNG", {}),
        lambda image: (image.resize((300, 300)), "WEBP", {"quality": 70}),
        lambda image: (image.filter(ImageFilter.GaussianBlur(1)), "PNG", {}),
        lambda image: (image.convert("P", palette=Image.Palette.ADAPTIVE), "PNG", {}),
    ],
    ids=["jpeg", "smaller", "larger", "blurred", "palette"],
)
def test_a_changed_copy_is_a_near_duplicate(scene, change):
    originals = [scene(seed) for seed in range(40)]
    changed = [files([image], format, **options)[0] for image, format, options in map(change, originals)]
    assert shared(seen(files(originals)), seen(changed)) == 1


def test_other_pictures_are_not(scene):
    first, second = seen(files([scene(i) for i in range(60)])), seen(files([scene(100 + i) for i in range(60)]))
    assert shared(first, second) == 0


def test_it_counts_the_share_in_the_dataset_of_which_more_is_shared(scene):
    small = seen(files([scene(i) for i in range(10)]))
    large = seen(files([scene(i) for i in range(9, 60)]))
    assert shared(small, large) == shared(large, small) == pytest.approx(0.1)
    assert shared(small, large) > MAX_SHARE


def test_plain_pictures_say_nothing():
    plain = seen(files([Image.new("RGB", (32, 32), (shade, shade, shade)) for shade in (0, 100, 101)]))
    assert len(plain) == 0
    assert shared(plain, plain) == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_sharing_is_symmetric_and_a_share(n, m, seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 256, (n, 3 * SIDE**2)).astype(np.float32)
    second = rng.integers(0, 256, (m, 3 * SIDE**2)).astype(np.float32)
    assert shared(first, second) == shared(second, first)
    assert 0 <= shared(first, second) <= 1
    assert shared(first, first) == (n > 0)


def test_what_is_kept_is_read_again(image_folder):
    from advisor.describe.dataset import draw_sample, open_dataset
    from advisor.describe.near_duplicates import pack_thumbnails

    sample = draw_sample(open_dataset(image_folder))
    kept = pack_thumbnails(sample)
    rows = thumbnails(kept)
    assert rows.shape[1] == 3 * SIDE**2
    assert 0 < len(rows) <= len(sample.train)
    assert len(kept) < 200 * len(sample.train)
