"""How a plugin is tested: its hooks are called as the program calls them, and what they raise is raised."""

import json
from types import SimpleNamespace

import advisor_example
import pytest

from advisor.testing import image_sample, load_plugin, record_run_with


def test_every_hook_is_one_that_exists():
    assert load_plugin(advisor_example, "example").hooks_of("example") == [
        "advisor_epoch_end",
        "advisor_meta_features",
        "advisor_render",
        "advisor_run_end",
    ]


def test_the_progress_file_follows_a_run(tmp_path, monkeypatch):
    file = tmp_path / "progress.json"
    monkeypatch.setenv("EXAMPLE_PROGRESS", str(file))
    recorded = record_run_with(load_plugin(advisor_example), epochs=2)
    assert json.loads(file.read_text()) == {"run": recorded.run.run_id, "status": "FINISHED", "best": 20.0}
    assert not file.with_name("progress.json.partial").exists()


def test_a_file_that_cannot_be_written_costs_the_file_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("EXAMPLE_PROGRESS", str(tmp_path / "missing" / "progress.json"))
    with pytest.raises(FileNotFoundError):
        record_run_with(load_plugin(advisor_example))
    monkeypatch.delenv("ADVISOR_TESTING")  # as in a user's training
    assert len(record_run_with(load_plugin(advisor_example)).epochs) == 3


def test_noise_is_rougher_than_plain_colour(tmp_path):
    sample = image_sample(tmp_path)
    noise = advisor_example.advisor_meta_features(sample)["roughness"]
    sample.train.thumbnails[:] = 7
    assert 0.01 < noise < 1
    assert advisor_example.advisor_meta_features(sample) == {"roughness": 0.0}


def test_the_format_env(monkeypatch):
    plugins = load_plugin(advisor_example)
    suggestion = SimpleNamespace(best=SimpleNamespace(lr=0.003, batch_size=32, epochs=10))
    rendered = plugins.call_first("advisor_render", suggestion=suggestion, format="env")
    assert rendered == "export LR=0.003 BATCH_SIZE=32 EPOCHS=10"
    assert plugins.call_first("advisor_render", suggestion=suggestion, format="yaml") is None
