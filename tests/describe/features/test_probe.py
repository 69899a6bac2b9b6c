"""The probe tells easy from hopeless, always gives the same answer, and keeps to its time."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.describe.dataset import describe, draw_sample, open_dataset
from advisor.describe.features import probe
from advisor.describe.features.probe import PROBE_FEATURES, probe_features
from advisor.errors import MissingExtraError

torch = pytest.importorskip("torch")
pytest.importorskip("timm")


@pytest.fixture(autouse=True, scope="module")
def short_probe():
    """Fewer and shorter trainings: what is tested does not depend on their number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "STEPS", 15)
        patch.setattr(probe, "LEARNING_RATES", (1e-3, 5e-3, 2e-2))
        yield


def sample_of(labels):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 80, (120, 16, 16, 3), dtype=np.uint8)
    images[np.arange(120) % 2 == 0, :, :8] += 150
    return draw_sample(open_dataset((images, labels)))


@pytest.fixture(scope="module")
def easy():
    return sample_of(np.arange(120) % 2)


@pytest.fixture(scope="module")
def answers(easy):
    return probe_features(easy, seconds=300)


def test_an_easy_set_is_learned(answers):
    assert set(answers) == {feature.name for feature in PROBE_FEATURES}
    assert answers["probe_skill"] > 0.8
    assert answers["probe_speed"] > 0.2
    assert -3 <= answers["probe_log_lr"] <= np.log10(2e-2)


def test_chance_labels_are_not(answers):
    hopeless = probe_features(sample_of(np.random.default_rng(1).integers(0, 2, 120)), seconds=300)
    assert hopeless["probe_skill"] < 0.4
    assert hopeless["probe_speed"] < answers["probe_speed"]


def test_the_same_answer_twice_whatever_the_state_of_torch(easy, answers):
    torch.manual_seed(12345)
    before = torch.rand(1)
    torch.manual_seed(12345)
    again = probe_features(easy, seconds=300)
    assert again == answers
    assert torch.rand(1) == before


def test_out_of_time_there_is_no_answer_and_a_warning(easy, image_folder):
    assert probe_features(easy, seconds=1e-9) == {}
    described = describe(image_folder, probe_seconds=1e-9)
    assert "The probe did not end within 1e-09 seconds and was left out." in described.warnings
    assert "probe_skill" not in described.dataset.features


def test_without_torch_the_extra_is_named(easy, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MissingExtraError) as caught:
        probe_features(easy, seconds=1)
    assert caught.value.hint == "pip install 'timm-advisor[timm]'"
