"""One image at a time: read right, or refused with a reason; never a surprise."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from advisor.describe.sources.decode import THUMBNAIL, Picture, UnreadableImageError, decode


def read(data: bytes) -> Picture:
    return decode(io.BytesIO(data))


def test_a_plain_image(encoded, picture):
    result = read(encoded(picture(0, 40)))
    assert result.thumbnail.shape == (THUMBNAIL, THUMBNAIL, 3)
    assert (result.width, result.height, result.grey, result.alpha, result.rotated) == (40, 40, False, False, False)


def test_colours_survive(encoded):
    for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (120, 130, 140)):
        for format in ("PNG", "JPEG", "WEBP", "BMP"):
            thumbnail = read(encoded(Image.new("RGB", (300, 200), colour), format)).thumbnail
            assert np.abs(thumbnail.reshape(-1, 3).mean(axis=0) - colour).max() < 4


def test_reduced_decoding_shows_the_same_picture(encoded):
    gradient = np.uint8(np.add.outer(np.arange(1200), np.arange(1600)) / 2800 * 255)
    image = Image.fromarray(gradient)
    exact = np.asarray(image.convert("RGB").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX), dtype=int)
    result = read(encoded(image, "JPEG", quality=95))
    assert (result.width, result.height) == (1600, 1200)
    assert np.abs(result.thumbnail - exact).max() < 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK", "I"])
def test_every_mode_becomes_the_same_picture(encoded, mode):
    grey = Image.fromarray(np.uint8(np.add.outer(np.arange(64), np.arange(64)) * 2))
    expected = np.asarray(grey.convert("RGB"), dtype=int)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(grey, dtype=np.uint16) * 257)
    elif mode == "I":
        image = Image.fromarray(np.asarray(grey, dtype=np.int32) * 257)
    else:
        image = grey.convert("RGB").convert(mode) if mode == "CMYK" else grey.convert(mode)
    result = read(encoded(image, "TIFF" if mode in ("CMYK", "I") else "PNG"))
    assert result.alpha == (mode in ("LA", "RGBA"))
    assert result.grey
    if mode != "1":  # dithered
        assert np.abs(result.thumbnail - expected).mean() < 4


def test_palette_with_transparency_counts_as_alpha(encoded, picture):
    data = encoded(picture(0).convert("P"), transparency=0)
    assert read(data).alpha


def test_a_cmyk_jpeg(encoded):
    image = Image.new("CMYK", (50, 50), (0, 255, 255, 0))  # red
    assert np.abs(read(encoded(image, "JPEG")).thumbnail.mean(axis=(0, 1)) - (255, 0, 0)).max() < 40


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
def test_of_an_animation_the_first_frame(encoded, format):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "green")]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:])
    assert np.abs(read(data).thumbnail.mean(axis=(0, 1)) - (255, 0, 0)).max() < 10


def test_an_exif_rotation_is_noticed_and_not_applied(encoded):
    exif = Image.Exif()
    exif[0x0112] = 6
    result = read(encoded(Image.new("RGB", (60, 30)), "JPEG", exif=exif))
    assert (result.width, result.height, result.rotated) == (60, 30, True)


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (lambda _: b"", "empty"),
        (lambda _: b"just some text", "no image of a known format"),
        (lambda file: file(200, "JPEG")[:2000], "truncated"),
        (lambda file: file(200, "PNG")[:3000], "truncated"),
        (lambda file: file(24, "PNG")[:20], "Truncated"),
        (lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage", "no image of a known format"),
    ],
    ids=["empty", "text", "jpeg", "png", "header", "postscript"],
)
def test_damaged_files_are_refused_with_a_reason(encoded, picture, damaged, reason):
    with pytest.raises(UnreadableImageError, match=reason):
        read(damaged(lambda side, format: encoded(picture(0, side), format)))


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"quality": 50}, {"quality": 50, "exif": Image.Exif().tobytes()}]
)
def test_a_webp_that_is_too_large_is_refused_before_its_decoder_takes_memory(encoded, monkeypatch, options):
    data = encoded(Image.new("RGB", (70, 30)), "WEBP", **options)
    assert read(data).width == 70
    monkeypatch.setattr("advisor.describe.sources.decode.MAX_PIXELS", 70 * 30 - 1)
    with pytest.raises(UnreadableImageError, match="too large to sample: 70 x 30"):
        read(data)


def png_of_zeros(width: int, height: int) -> bytes:
    """Return a valid, tiny PNG file of any size: its zeros compress a thousandfold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    compressor = zlib.compressobj(1)
    row = bytes(1 + width)
    body = b"".join(compressor.compress(row) for _ in range(height)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_at_once():
    with pytest.raises(UnreadableImageError, match="too"):
        read(png_of_zeros(20_000, 20_000))


_LARGE = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from advisor.describe.sources.decode import UnreadableImageError, decode, giving_memory_back
from advisor.describe.sample import MAX_WORKERS
def size_of(path):
    try:
        picture = decode(open(path, "rb"))
        return [picture.width, picture.height]
    except UnreadableImageError as error:
        return str(error)
with giving_memory_back(), ThreadPoolExecutor(MAX_WORKERS) as pool:
    found = list(pool.map(size_of, sys.argv[1:]))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([found, int(peak.split()[1])]))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak of a process is read from /proc")
def test_memory_stays_bounded_whatever_the_size(tmp_path):
    (tmp_path / "zeros.png").write_bytes(png_of_zeros(20_000, 20_000))
    (tmp_path / "wide.png").write_bytes(png_of_zeros(7_000, 5_500))
    huge = Image.new("L", (20_000, 20_000), 90)
    huge.save(tmp_path / "baseline.jpg", quality=50)
    del huge
    Image.new("L", (9_500, 9_500)).save(tmp_path / "progressive.jpg", progressive=True)
    Image.new("RGB", (6_000, 6_000)).save(tmp_path / "large.webp", quality=10, method=0)
    names = ["zeros.png", "wide.png", "baseline.jpg", "progressive.jpg", *4 * ["large.webp"], *4 * ["wide.png"]]
    paths = [str(tmp_path / name) for name in names]
    ran = subprocess.run(
        [sys.executable, "-c", _LARGE, *paths], capture_output=True, text=True, check=True, env=os.environ
    )
    (zeros, wide, baseline, progressive, *at_once), peak_kib = json.loads(ran.stdout)
    assert "too" in zeros
    assert wide == [7_000, 5_500]
    assert at_once == 4 * [[6_000, 6_000]] + 4 * [[7_000, 5_500]]
    assert baseline == [20_000, 20_000]
    assert "too large" in progressive
    assert peak_kib < 1_000_000


@pytest.fixture(scope="module")
def real_files(encoded, picture):
    """A small file of every format."""
    return [
        encoded(picture(1, 40), "PNG"),
        encoded(picture(2, 40), "JPEG"),
        encoded(picture(3, 40), "JPEG", progressive=True),
        encoded(picture(4, 40), "GIF"),
        encoded(picture(5, 40), "WEBP"),
        encoded(picture(6, 40), "BMP"),
        encoded(picture(7, 40), "TIFF"),
        encoded(picture(8, 40).convert("P"), "PNG", transparency=3),
    ]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_damage_ends_in_a_picture_or_a_reason(real_files, data):
    """Also guards against a decoder that hangs or crashes: the file is a real one with bytes changed, cut or added."""
    content = bytearray(data.draw(st.sampled_from(real_files)))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    content = content[:cut] + data.draw(st.binary(max_size=20)) if data.draw(st.booleans()) else content
    _outcome(bytes(content))


@settings(max_examples=200, deadline=None)
@given(
    head=st.sampled_from(
        [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"BM", b"II*\0", b"P6 "]
    ),
    data=st.binary(max_size=300),
)
def test_any_bytes_end_in_a_picture_or_a_reason(head, data):
    _outcome(head + data)


def _outcome(content: bytes) -> None:
    # Pillow warns about odd files; draw_sample silences that around its threads.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            outcome = read(content).thumbnail.shape
        except UnreadableImageError as error:
            outcome = str(error)
    assert outcome == (THUMBNAIL, THUMBNAIL, 3) or (isinstance(outcome, str) and outcome)
