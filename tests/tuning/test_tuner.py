"""A tuning from its first trial to its end, and what is done about everything that goes wrong on the way."""

import json
import os
import re
import signal
import time

import pytest

from advisor.errors import AdvisorError
from advisor.tuning import plan as plan_module
from advisor.tuning import tuner as tuner_module
from advisor.tuning.clock import Budget
from advisor.tuning.report import report_of
from advisor.tuning.session import Session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def epochs_printed(folder):
    """Return the epochs that the script really trained, by trial."""
    return {
        log.parent.name: [int(one) for one in re.findall(r"^epoch (\d+)$", log.read_text(), re.MULTILINE)]
        for log in sorted(folder.glob("trial-*/train.log"))
    }


def wait_until(true, seconds=600):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_tuning_keeps_its_budget_and_trains_nothing_twice(tuning, tmp_path, store):
    tuner, said = tuning(Budget(epochs=14))
    ending = tuner.run()
    assert sum(trial.done for trial in ending.trials) <= 14
    assert len(ending.trials) > 1
    best = max(ending.trials, key=lambda trial: trial.reached)
    assert best.ended
    assert said[0].startswith("trial-000 begins (the advice)")
    session = Session(tmp_path / "tuning")
    for name, trained in epochs_printed(session.folder).items():
        trial = next(trial for trial in ending.trials if trial.name == name)
        assert trained[: trial.done] == list(range(trial.done))
        assert len(trained) <= trial.done + len(session.runs(trial, store))  # the epoch that a pause broke off


def test_the_same_command_goes_on_where_it_was(tuning, tmp_path):
    first, _ = tuning(Budget(epochs=5))
    before = first.run().trials
    again, said = tuning(Budget(epochs=10))
    after = again.run().trials
    assert said[0].startswith("goes on with the tuning")
    assert [trial.configuration for trial in after[: len(before)]] == [trial.configuration for trial in before]
    assert sum(trial.done for trial in after) > sum(trial.done for trial in before)
    assert sum(trial.lost for trial in after) == 0


def test_another_command_does_not_take_up_the_folder_of_one(tuning, words):
    tuning(Budget(epochs=5))
    with pytest.raises(AdvisorError, match="the tuning of another command"):
        tuning(Budget(epochs=5), words=[*words, "--opt", "sgd"])


MODELS = "resnet18,test_resnet"


def test_several_models_are_tuned_over_and_the_best_is_shown_with_its_own(tuning, images, tmp_path):
    words = ["--data-dir", str(images), "--pretrained", "--batch-size", "16", "--epochs", "3"]
    tuner, said = tuning(Budget(epochs=9), words=words, models=MODELS)
    ending = tuner.run()
    assert said[0].startswith("trial-000 begins (the advice): resnet18, lr ")
    assert {trial.model for trial in ending.trials} <= set(MODELS.split(","))
    log = (tmp_path / "tuning" / "trial-000" / "train.log").read_text()
    assert "epoch 2" in log
    assert ending.trials[0].run.model == "resnet18"
    report = report_of(tuner._opened, tuner._plan)
    assert report["model"] == "resnet18, test_resnet"
    assert report["best"]["args"].startswith(f"--model {report['best']['model']} ")
    again, said = tuning(Budget(epochs=9), words=words, models=MODELS)
    assert [trial.model for trial in again._plan.trials] == [trial.model for trial in ending.trials]
    with pytest.raises(AdvisorError, match="the tuning of another command"):
        tuning(Budget(epochs=9), words=words, models="resnet18,resnet34")


def test_models_are_compared_for_fine_tuning_only(tuning, images, words):
    with pytest.raises(AdvisorError, match="for fine-tuning only"):
        tuning(Budget(), words=["--data-dir", str(images)], models=MODELS)
    with pytest.raises(AdvisorError, match="models cannot be chosen"):
        tuning(Budget(), words=words, models=MODELS)


def test_who_sets_everything_leaves_nothing_to_tune(tuning, words):
    with pytest.raises(AdvisorError, match="nothing to tune"):
        tuning(Budget(), words=[*words, "--lr", "0.1", "--drop", "0", "--weight-decay", "0"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_tuner_leaves_no_training_behind_and_the_next_goes_on(advisor_tune, tmp_path, monkeypatch, store):
    monkeypatch.setenv("TUNED_SECONDS", "1.0")
    folder = tmp_path / "tuning"
    process = advisor_tune("--max-epochs-total", "8")
    wait_until(lambda: (folder / "trial-000" / "last.pth.tar").exists())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    session = Session(folder)
    wait_until(lambda: all(not lives(run.pid) for run in session.runs(session.trials(store)[0], store)))
    trained = epochs_printed(folder)
    again = advisor_tune("--max-epochs-total", "8", "--format", "json")
    out, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    report = json.loads(out)
    assert sum(trial["epochs_done"] for trial in report["trials"]) <= 8
    # At most the epoch in training was lost.
    for name, numbers in epochs_printed(folder).items():
        broken_off = numbers[len(trained.get(name, [])) :][:1]
        assert broken_off == [] or not trained.get(name) or broken_off[0] >= trained[name][-1]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_ctrl_c_ends_it_cleanly(advisor_tune, tmp_path, monkeypatch, store):
    monkeypatch.setenv("TUNED_SECONDS", "1.0")
    process = advisor_tune("--budget", "1h")
    wait_until(lambda: (tmp_path / "tuning" / "trial-000" / "last.pth.tar").exists())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    session = Session(tmp_path / "tuning")
    (run,) = session.runs(session.trials(store)[0], store)
    assert not lives(run.pid)
    assert session.seconds > 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_trial_goes_on_from_its_checkpoint(tuning, tmp_path, monkeypatch, store):
    monkeypatch.setenv("TUNED_PAUSE_AT", "2")
    monkeypatch.setattr(plan_module, "choose", lambda options, *_: plan_module.Choice(0, 1.0, "gain"))
    tuner, said = tuning(Budget(epochs=5, trials=1))
    killed = []

    def kill_once(line):
        said.append(line)
        if "epoch 2 of 5" in line and not killed:
            killed.append(next(iter(tuner._training.values())).process.pid)
            os.killpg(killed[0], signal.SIGKILL)

    tuner._say = kill_once
    (trial,) = tuner.run().trials
    assert killed
    assert trial.done == 5
    assert any("killed by signal 9" in note for note in trial.notes)
    assert trial.lost == 0


def test_a_script_without_resume_trains_whole_trials(tuning, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNED_FAULT", "no-resume")
    tuner, said = tuning(Budget(epochs=12))
    ending = tuner.run()
    assert any("has no --resume" in line for line in said)
    assert all(trial.done in (0, 5) for trial in ending.trials)


def test_a_script_that_ignores_resume_is_found_out(tuning, monkeypatch):
    monkeypatch.setenv("TUNED_FAULT", "ignore-resume")
    monkeypatch.setenv("TUNED_PAUSE_AT", "2")
    first, _ = tuning(Budget(epochs=5))
    (trial,) = _stopped_after_an_epoch(first, monkeypatch)
    assert trial.done >= 1
    monkeypatch.setattr(plan_module, "choose", lambda options, *_: plan_module.Choice(0, 1.0, "gain"))
    again, said = tuning(Budget(epochs=8, trials=1))
    (trial,) = again.run().trials
    assert any("ignores --resume" in line for line in said)
    assert trial.restarted
    assert trial.lost >= 1
    assert any("ignored --resume" in note for note in trial.notes)


def _stopped_after_an_epoch(tuner, monkeypatch):
    """Run a tuner until its trial has trained an epoch, as Ctrl-C would stop it."""
    tell = tuner._tell_progress

    def stop(trial, outlook):
        tell(trial, outlook)
        raise KeyboardInterrupt

    monkeypatch.setattr(tuner, "_tell_progress", stop)
    with pytest.raises(KeyboardInterrupt):
        tuner.run()
    return tuner._plan.trials


def test_a_batch_that_does_not_fit_is_halved(tuning, words, monkeypatch, images):
    monkeypatch.setenv("TUNED_FAULT", "memory@2")
    words = ["--data-dir", str(images), "--model", "test_resnet", "--epochs", "5"]
    tuner, said = tuning(Budget(epochs=10), words=words)
    ending = tuner.run()
    trained = [trial for trial in ending.trials if trial.done]
    assert trained
    assert all(trial.configuration.batch_size <= 2 for trial in trained)
    assert any("its batch is halved" in line for line in said)
    assert any("out of memory with a batch of" in note for trial in ending.trials for note in trial.notes)


def test_a_process_that_records_nothing_is_not_judged_by_the_run_before(tuning, images, monkeypatch):
    monkeypatch.setenv("TUNED_FAULT", "memory@2")
    words = ["--data-dir", str(images), "--model", "test_resnet", "--epochs", "5"]
    tuner, said = tuning(Budget(epochs=10, trials=1), words=words)

    def end_early_then(line):
        said.append(line)
        if "its batch is halved" in line:
            monkeypatch.setenv("TUNED_FAULT", "early")

    tuner._say = end_early_then
    (trial,) = tuner.run().trials
    assert trial.error == "exit status 3", said
    assert sum("halved" in note for note in trial.notes) == 1


def test_a_trial_that_hangs_is_ended(tuning, monkeypatch):
    monkeypatch.setenv("TUNED_FAULT", "hang@1")
    monkeypatch.setattr(tuner_module, "LEAST_SECONDS", 5.0)
    monkeypatch.setattr(tuner_module, "SLOWEST_EPOCH", 2.0)
    tuner, said = tuning(Budget(epochs=10, trials=1))
    (trial,) = tuner.run().trials
    assert trial.error == "it hung"
    assert any("hangs: no epoch in" in line for line in said)


def test_a_full_disk_ends_it_with_what_to_do(tuning, monkeypatch):
    monkeypatch.setenv("TUNED_FAULT", "full@1")
    tuner, _ = tuning(Budget(epochs=10))
    with pytest.raises(AdvisorError, match="the disk is full"):
        tuner.run()
    monkeypatch.delenv("TUNED_FAULT")
    again, _ = tuning(Budget(epochs=10))
    trials = again.run().trials
    assert all(trial.error is None for trial in trials)
    assert any(trial.ended for trial in trials)


def test_where_all_fail_the_same_command_begins_them_again(tuning, monkeypatch):
    monkeypatch.setenv("TUNED_FAULT", "wrong")
    monkeypatch.setattr(tuner_module, "_MOST_FAILURES", 1)
    tuner, _ = tuning(Budget(epochs=10))
    with pytest.raises(AdvisorError, match="trials failed") as error:
        tuner.run()
    assert "labels.txt" in error.value.cause
    monkeypatch.delenv("TUNED_FAULT")
    again, said = tuning(Budget(epochs=5))
    first = again.run().trials[0]
    assert first.ended
    assert said[1].startswith("trial-000 begins again from its first epoch: ")


def test_a_trial_whose_checkpoint_is_gone_begins_again_and_says_so(tuning, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNED_PAUSE_AT", "1")
    first, _ = tuning(Budget(epochs=5))
    (trial,) = _stopped_after_an_epoch(first, monkeypatch)
    (tmp_path / "tuning" / trial.name / "last.pth.tar").unlink()
    again, said = tuning(Budget(epochs=6, trials=1))
    (trial,) = again.run().trials
    assert said[1].startswith("trial-000 begins again from its first epoch, as it has no checkpoint")
    assert (trial.done, trial.lost, trial.restarted) == (5, 1, False)


def test_the_last_checkpoint_is_stored_when_the_budget_is_spent_with_the_last_epoch(tuning, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNED_FAULT", "saves-slowly")
    tuner, _ = tuning(Budget(epochs=5, trials=1))
    (trial,) = tuner.run().trials
    assert trial.ended
    saved = json.loads((tmp_path / "tuning" / trial.name / "last.pth.tar").read_text())
    assert saved["epoch"] == 4


def test_a_script_that_does_not_end_after_its_last_epoch_is_ended(tuning, monkeypatch):
    monkeypatch.setenv("TUNED_FAULT", "stays")
    monkeypatch.setattr(tuner_module, "LEAST_SECONDS", 20.0)
    tuner, said = tuning(Budget(epochs=20, trials=1))
    (trial,) = tuner.run().trials
    assert (trial.ended, trial.error, trial.notes) == (True, None, ())
    assert any("does not end" in line for line in said)


def test_two_devices_train_a_trial_each(tuning, monkeypatch):
    monkeypatch.setenv("TUNED_SECONDS", "2.0")
    tuner, said = tuning(Budget(epochs=10), devices=(None, None))
    most = []
    fill = tuner._fill

    def count():
        ending = fill()
        most.append(len(tuner._training))
        return ending

    monkeypatch.setattr(tuner, "_fill", count)
    tuner.run()
    assert max(most) == 2
    assert "trial-001 begins (expected to be the next best)" in said[1]
