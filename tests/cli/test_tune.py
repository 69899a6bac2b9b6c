"""``advisor tune``: wrong usage is explained before anything is trained."""

import pytest

from advisor.cli import main


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text("raise SystemExit('not today')")
    return path


@pytest.fixture
def refused(capsys, script):
    """Run a command line that is refused; return what is said."""

    def run(*options, code=2):
        with pytest.raises(SystemExit) as ended:
            main(["tune", *options, str(script), "--lr", "1"])
        err = capsys.readouterr().err
        assert ended.value.code == code, err
        return err

    return run


def test_a_budget_is_of_time_or_of_epochs(refused):
    assert "of time or of epochs, not of both" in refused("--budget", "1h", "--max-epochs-total", "10")


def test_a_budget_has_a_unit(refused):
    assert "write it like 90s, 30m, 1h30m or 2d" in refused("--budget", "soon")


def test_there_is_nothing_to_report_before_a_tuning(refused):
    assert "there is no tuning of this command yet" in refused("--report")


def test_a_script_that_trains_nothing_is_refused(refused):
    err = refused(code=1)
    assert "did not parse the command line of a training" in err
    assert "Cause: not today." in err


def test_disk_space_has_a_unit(refused):
    assert "'plenty' is no amount of disk space above 0" in refused("--max-disk", "plenty")


def test_devices_are_named(refused):
    assert "--devices names none" in refused("--devices", " ,")


def test_an_engine_places_its_trials_itself(refused):
    assert "trials are placed by the engine 'ray'" in refused("--engine", "ray", "--devices", "cuda:0")
    assert "--address and --workers are an engine's" in refused("--workers", "2")
    assert "no engine is called 'slurm'" in refused("--engine", "slurm")
