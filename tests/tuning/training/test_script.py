"""What a script takes is asked of itself, and trials are commands of it."""

from pathlib import Path

import pytest

from advisor.errors import AdvisorError
from advisor.space.configuration import Configuration
from advisor.tuning.training.script import ask_script

SCRIPT = Path(__file__).parents[2] / "scripts" / "light" / "tuned.py"
CONFIGURATION = Configuration(lr=0.002, batch_size=64, epochs=7, dropout=0.1, weight_decay=0.05)


@pytest.fixture(scope="module")
def script():
    """Replace the path by the script as it was asked."""
    return ask_script(SCRIPT, ["--data-dir", "images", "--epochs", "7"])


def test_a_script_tells_what_it_takes_and_what_was_set(script):
    assert script.resumes
    assert set(script.arguments.decided) == {"data_dir", "epochs"}
    assert script.open() == ("lr", "batch_size", "dropout", "weight_decay")
    assert script.arguments.asked()["fix"] == {"epochs": 7}


def test_a_trial_is_the_same_command_with_other_values(script, suggestion, tmp_path):
    words = script.command(suggestion(), CONFIGURATION, tmp_path, "trial-003", None)
    assert words[: 1 + len(script.words)] == [str(SCRIPT), "--data-dir", "images", "--epochs", "7"]
    rest = words[1 + len(script.words) :]
    given = dict(zip(rest[::2], rest[1::2], strict=True))
    assert given == {
        "--lr": "0.002",
        "--batch-size": "64",
        "--drop": "0.1",
        "--weight-decay": "0.05",
        "--output": str(tmp_path),
        "--experiment": "trial-003",
    }


def test_a_trial_goes_on_from_its_checkpoint(script, suggestion, tmp_path):
    words = script.command(suggestion(), CONFIGURATION, tmp_path, "trial-003", tmp_path / "last.pth.tar")
    assert words[-2:] == ["--resume", str(tmp_path / "last.pth.tar")]


def test_what_parses_no_training_is_refused(tmp_path):
    script = tmp_path / "other.py"
    script.write_text("raise SystemExit('not today')")
    with pytest.raises(AdvisorError, match="did not parse the command line of a training") as error:
        ask_script(script, [])
    assert error.value.cause == "not today"
