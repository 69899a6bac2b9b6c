"""The features measure what they say, on data made to have it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from advisor.describe.dataset import draw_sample, open_dataset
from advisor.describe.features.compute import all_features, compute_features

SIDE = 24


def features_of(images, labels, eval_part=None, seed=0):
    source = (images, labels) if eval_part is None else ((images, labels), eval_part)
    return compute_features(draw_sample(open_dataset(source), seed=seed))


def prototypes(rng, n, classes=4, noise=40.0, flip=0.0):
    """Return images of ``classes`` fixed random pictures under noise, with a share of labels made wrong."""
    base = rng.integers(40, 216, (classes, 6, 6, 3)).repeat(4, axis=1).repeat(4, axis=2)
    labels = np.arange(n) % classes
    images = np.clip(base[labels] + rng.normal(0, noise, (n, SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
    wrong = rng.random(n) < flip
    return images, np.where(wrong, (labels + rng.integers(1, classes, n)) % classes, labels)


@pytest.fixture(scope="module")
def easy():
    return features_of(*prototypes(np.random.default_rng(0), 400))


@pytest.fixture(scope="module")
def noisy():
    return features_of(*prototypes(np.random.default_rng(0), 400, flip=0.3))


@pytest.fixture(scope="module")
def hard():
    """Pictures under so much noise that many have to be averaged."""
    return features_of(*prototypes(np.random.default_rng(0), 480, noise=500))


@pytest.fixture(scope="module")
def hopeless():
    rng = np.random.default_rng(0)
    return features_of(rng.integers(0, 256, (400, SIDE, SIDE, 3), dtype=np.uint8), rng.integers(0, 4, 400))


def test_every_feature_is_documented_and_computed(easy):
    documented = {feature.name: feature for feature in all_features() if feature.group != "probe"}
    # Arrays have no file size.
    assert set(documented) - set(easy) == {"log_bytes_per_pixel"}
    assert set(easy) <= set(documented)
    for feature in all_features():
        assert feature.group in ("size", "images", "structure", "probe")
        assert all((feature.formula, feature.range, feature.cost, feature.why))


def test_names_are_unique():
    names = [feature.name for feature in all_features()]
    assert len(names) == len(set(names))


def test_values_lie_in_the_documented_range(easy, noisy, hopeless):
    for values in (easy, noisy, hopeless):
        for feature in all_features():
            if feature.name in values:
                low, high = (float(part) for part in feature.range.split(",")[0].split(" to "))
                assert low - 1e-9 <= values[feature.name] <= high + 1e-9, feature.name


def test_the_same_seed_gives_the_same_values(easy):
    assert features_of(*prototypes(np.random.default_rng(0), 400)) == easy


def test_another_seed_gives_nearly_the_same_values(easy):
    other = features_of(*prototypes(np.random.default_rng(0), 400), seed=1)
    for name in ("patch_skill", "knn_skill", "log_dimension", "scatter"):
        assert other[name] == pytest.approx(easy[name], abs=0.1)


def test_counts():
    labels = np.repeat([0, 1, 2], [40, 40, 80])
    images = np.random.default_rng(0).integers(0, 256, (160, 8, 8, 3), dtype=np.uint8)
    values = features_of(images, labels, (images[:40], labels[:40]))
    assert values["log_n_train"] == pytest.approx(math.log2(160), rel=1e-5)
    assert values["log_n_classes"] == pytest.approx(math.log2(3), rel=1e-5)
    assert values["log_per_class"] == pytest.approx(math.log2(40), rel=1e-5)
    assert values["largest_class"] == 0.5
    assert values["eval_share"] == 0.2
    shares = np.array([0.25, 0.25, 0.5])
    assert values["class_entropy"] == pytest.approx(-(shares * np.log(shares)).sum() / math.log(3), rel=1e-5)


def test_skill_tells_easy_from_hopeless(easy, hopeless):
    for name in ("knn_skill", "lda_skill", "patch_skill"):
        assert easy[name] > 0.9, name
        assert abs(hopeless[name]) < 0.15, name
    assert easy["patch_loss"] < 0.5 < hopeless["patch_loss"]
    assert easy["log_noise_scale"] < hopeless["log_noise_scale"]
    assert easy["nearest_ratio"] > hopeless["nearest_ratio"]


def test_wrong_labels_are_estimated(easy, noisy, hopeless):
    assert easy["noise"] < 0.02
    assert 0.2 < noisy["noise"] < 0.4
    assert noisy["log_ridge"] > easy["log_ridge"]
    assert noisy["patch_gap"] > easy["patch_gap"]


def test_more_data_helps_where_the_slope_says_so(hard):
    clear = features_of(*prototypes(np.random.default_rng(0), 480, noise=10))
    assert clear["lda_slope"] < 0.02
    assert hard["lda_slope"] > 0.15
    assert hard["patch_slope"] > clear["patch_slope"] + 0.05


def test_texture_shows_in_patches_and_not_in_pixels():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    labels = np.arange(300) % 2
    phase = rng.uniform(0, 2 * np.pi, 300)[:, None, None]
    waves = np.where(labels[:, None, None] == 0, np.sin(x + phase), np.sin(y + phase))
    values = features_of((127 + 80 * waves).astype(np.uint8), labels)
    assert values["patch_skill"] > 0.95
    assert values["lda_skill"] < 0.3
    assert values["scatter"] < 0.1 < values["patch_scatter"]


def test_repeated_images_are_near_duplicates():
    images, labels = prototypes(np.random.default_rng(0), 100)
    twice = np.concatenate([images, np.clip(images.astype(int) + 1, 0, 255).astype(np.uint8)])
    assert features_of(images, labels)["near_duplicates"] == 0
    assert features_of(twice, np.tile(labels, 2))["near_duplicates"] == 1


def test_pictures():
    grey = np.full((40, 30, 60), 128, dtype=np.uint8)
    grey[:20] = 28
    values = features_of(grey, np.arange(40) % 2)
    assert values["grey_share"] == 1
    assert values["saturation"] == 0
    assert values["brightness"] == pytest.approx((128 + 28) / 2 / 255, abs=0.01)
    assert values["brightness_spread"] == pytest.approx(50 / 255, abs=0.01)
    assert values["contrast"] == pytest.approx(0, abs=1e-3)
    assert values["flat_share"] == 1
    assert values["log_side"] == pytest.approx(math.log2(30 * 60) / 2, rel=1e-4)
    assert values["log_aspect"] == pytest.approx(1)


def test_channels_are_told_apart():
    colours = np.zeros((20, 32, 32, 3), dtype=np.uint8)
    colours[..., 0] = 255
    colours[:10, ..., 2] = 102
    values = features_of(colours, np.arange(20) % 2)
    expected = {"red": (1, 0), "green": (0, 0), "blue": (0.2, 0.2)}
    for channel, (mean, std) in expected.items():
        assert values[f"{channel}_mean"] == pytest.approx(mean, abs=0.01)
        assert values[f"{channel}_std"] == pytest.approx(std, abs=0.01)


def test_the_spectrum_of_natural_images_is_told_from_noise():
    rng = np.random.default_rng(0)
    fx, fy = np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64)[None]
    amplitude = 1 / np.maximum(np.hypot(fx, fy), 1 / 64)
    waves = np.fft.ifft2(amplitude * np.exp(2j * np.pi * rng.random((60, 64, 64)))).real
    waves = (waves - waves.min()) / (waves.max() - waves.min()) * 255
    labels = np.arange(60) % 2
    natural = features_of(waves.astype(np.uint8), labels)["spectral_slope"]
    white = features_of(rng.integers(0, 256, (60, 64, 64), dtype=np.uint8), labels)["spectral_slope"]
    assert natural == pytest.approx(-2, abs=0.4)
    assert white == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize(("classes", "per_class"), [(2000, 1), (300, 2), (2, 2), (40, 1), (150, 5)])
def test_many_classes_and_few_images(classes, per_class):
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(classes), per_class)
    images = rng.integers(0, 256, (len(labels), 8, 8, 3), dtype=np.uint8)
    values = features_of(images, labels)
    assert values["log_n_classes"] == pytest.approx(math.log2(classes), rel=1e-5)
    assert ("knn_skill" in values) == (per_class > 1)
    assert all(math.isfinite(value) for value in values.values())


def test_identical_images_do_not_divide_by_zero():
    values = features_of(np.full((40, 8, 8, 3), 7, np.uint8), np.arange(40) % 2)
    assert values["near_duplicates"] == 1
    assert values["patch_skill"] <= 0
    assert all(math.isfinite(value) for value in values.values())
