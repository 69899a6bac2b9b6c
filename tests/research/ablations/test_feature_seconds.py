"""What features cost is measured, on pictures that are neither trivial nor hopeless."""

from __future__ import annotations

import pytest

from advisor.describe.features.compute import all_features, compute_features
from research.ablations.feature_seconds import feature_seconds, made_up_sample


def test_the_pictures_are_neither_trivial_nor_hopeless():
    features = compute_features(made_up_sample(400, 100))
    assert 0.1 < features["lda_skill"] < 0.99
    assert 0.05 < features["patch_skill"] < 0.95


def test_every_group_has_its_seconds(monkeypatch):
    pytest.importorskip("timm")
    monkeypatch.setattr("advisor.describe.features.probe.STEPS", 2)
    monkeypatch.setattr("research.ablations.feature_seconds._REPEATS", 1)
    seconds = feature_seconds(64)
    assert set(seconds) == {feature.group for feature in all_features()}
    assert all(value > 0 for value in seconds.values())
