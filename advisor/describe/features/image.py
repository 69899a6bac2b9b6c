"""Features of single pictures: their size, colour, contrast and detail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from advisor.describe.features.spec import Feature
from advisor.describe.sources.decode import channel_spread

if TYPE_CHECKING:
    from advisor.describe.sample import Sample

Floats = NDArray[np.floating[Any]]

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue in brightness (ITU-R BT.601, as Pillow's mode L)."""

CHANNELS = ("red", "green", "blue")

IMAGE_FEATURES = (
    Feature("log_side", "images", "median of log2 of the square root of width x height", "0 to 15, log2 pixels",
            "pixels", "small originals hold no detail for a large input size to show"),
    Feature("side_spread", "images", "90 % minus 10 % quantile of log2 of the side", "0 to 10, log2 pixels", "pixels",
            "mixed sizes put objects at mixed scales"),
    Feature("log_aspect", "images", "median of log2 of width / height", "-5 to 5", "pixels",
            "long images lose most when they are cropped to a square"),
    Feature("aspect_spread", "images", "90 % minus 10 % quantile of log2 of width / height", "0 to 10", "pixels",
            "tells photographs from many hands from a uniform recording"),
    Feature("grey_share", "images", "share of images without colour", "0 to 1", "pixels",
            "pretrained colour filters carry less over"),
    Feature("alpha_share", "images", "share of images with transparency", "0 to 1", "pixels",
            "drawings and renderings rather than photographs"),
    Feature("log_bytes_per_pixel", "images", "median of log2 of file size / pixels; unknown without files",
            "-8 to 5, log2 bytes", "pixels", "what a compressor cannot predict is what there is to see"),
    Feature("brightness", "images", "mean luma of the thumbnails", "0 to 1", "pixels",
            "far from ImageNet's .45, the input normalisation fits less"),
    Feature("brightness_spread", "images", "standard deviation between images of their mean luma", "0 to 0.5", "pixels",
            "varying light is a nuisance that has to be learned away"),
    Feature("contrast", "images", "mean over images of the standard deviation of luma", "0 to 0.5", "pixels",
            "the scale of the input, and with it of the first gradients"),
    *(
        Feature(f"{channel}_{what}", "images", f"{formula} of the thumbnails' {channel} channel", span, "pixels", why)
        for channel in CHANNELS
        for what, formula, span, why in (
            ("mean", "mean", "0 to 1", "normalised by ImageNet's mean, inputs lie off centre by the difference"),
            ("std", "standard deviation", "0 to 0.5", "normalised by ImageNet's deviation, inputs scale by the ratio"),
        )
    ),
    Feature("saturation", "images", "mean of (largest - smallest channel)", "0 to 1", "pixels",
            "whether colour can tell classes apart"),
    Feature("edge_energy", "images", "mean luma gradient magnitude / contrast", "0 to 10, per pixel", "pixels",
            "fine texture against broad shapes"),
    Feature("spectral_slope", "images", "slope of log power against log frequency of luma, cycles 2 to 24",
            "-10 to 1", "pixels", "natural photographs lie near -2; drawings and noise do not"),
    Feature("flat_share", "images", "share of thumbnail pixels whose luma gradient is below 1/255", "0 to 1", "pixels",
            "empty background: effectively smaller images"),
    Feature("alignment", "images", "variance over positions of the mean image / mean variance of single images",
            "0 to 1", "pixels", "aligned objects are learned in few steps"),
)  # fmt: skip


def luma(thumbnails: NDArray[np.uint8]) -> Floats:
    """Return the brightness of RGB images of shape (n, h, w, 3) as (n, h, w), 0 to 1."""
    return (thumbnails.astype(np.float32) @ _LUMA) / 255


def gradients(brightness: Floats) -> tuple[Floats, Floats]:
    """Return central differences down and across, per pixel, of images of shape (n, h, w)."""
    return np.gradient(brightness, axis=1), np.gradient(brightness, axis=2)


def image_features(sample: Sample) -> dict[str, float]:
    """Return the features of ``IMAGE_FEATURES`` for the training part of a sample."""
    pictures = sample.train
    width, height = pictures.sizes[:, 0].astype(np.float64), pictures.sizes[:, 1].astype(np.float64)
    log_side, log_aspect = np.log2(width * height) / 2, np.log2(width / height)
    filed = pictures.n_bytes > 0
    light = luma(pictures.thumbnails)
    within = light.std(axis=(1, 2))
    down, across = gradients(light)
    magnitude = np.hypot(down, across)
    features = {
        "log_side": np.median(log_side),
        "side_spread": _spread(log_side),
        "log_aspect": np.median(log_aspect),
        "aspect_spread": _spread(log_aspect),
        "grey_share": pictures.grey.mean(),
        "alpha_share": pictures.alpha.mean(),
        "brightness": light.mean(),
        "brightness_spread": light.mean(axis=(1, 2)).std(),
        "contrast": within.mean(),
        "saturation": channel_spread(pictures.thumbnails).mean() / 255,
        "edge_energy": magnitude.mean() / max(float(within.mean()), 1e-6),
        "spectral_slope": _spectral_slope(light),
        "flat_share": (magnitude < 1 / 255).mean(),
        "alignment": light.mean(axis=0).var() / max(float((within**2).mean()), 1e-9),
    }
    for i, channel in enumerate(CHANNELS):
        values = pictures.thumbnails[..., i].astype(np.float32) / 255
        features |= {f"{channel}_mean": values.mean(dtype=np.float64), f"{channel}_std": values.std(dtype=np.float64)}
    if filed.any():
        features["log_bytes_per_pixel"] = np.median(np.log2(pictures.n_bytes[filed] / (width * height)[filed]))
    return {name: float(value) for name, value in features.items()}


def _spread(values: NDArray[np.float64]) -> float:
    low, high = np.quantile(values, (0.1, 0.9))
    return float(high - low)


def _spectral_slope(light: Floats) -> float:
    """Return the slope of the radially averaged power spectrum in a log-log plot (Field 1987: about -2)."""
    side = light.shape[1]
    window = np.hanning(side).astype(np.float32)
    tapered = (light - light.mean(axis=(1, 2), keepdims=True)) * window[:, None] * window
    power = np.zeros((side, side // 2 + 1))
    for start in range(0, len(tapered), 200):  # in blocks: the complex spectrum of all would double the memory
        power += (np.abs(np.fft.rfft2(tapered[start : start + 200])) ** 2).sum(axis=0)
    rows = np.fft.fftfreq(side, 1 / side)[:, None]
    columns = np.arange(side // 2 + 1)[None, :]
    radius = np.rint(np.hypot(rows, columns)).astype(int)
    rings = np.arange(2, 25)
    averages = np.array([power[radius == ring].mean() for ring in rings])
    if not (averages > 0).all():
        return float("nan")
    return float(np.polyfit(np.log(rings), np.log(averages), 1)[0])
