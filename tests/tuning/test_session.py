"""A tuning on disk, and what the store adds to it."""

import os
import shutil
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from advisor.errors import AdvisorError, UsageError
from advisor.records.schema import Epoch, Run, Source, Status
from advisor.space.configuration import Configuration
from advisor.tuning.session import CHECKPOINT, SUMMARY, Session
from advisor.tuning.trials import Trial

CONFIGURATION = Configuration(lr=0.001, batch_size=32, epochs=5, dropout=0.0, weight_decay=0.05)


@pytest.fixture
def session(tmp_path):
    session = Session(tmp_path / "mine")
    session.create({"script": "train.py"})
    return session


@pytest.fixture
def trial(session):
    trial = Trial(0, CONFIGURATION, seconds=3.0, why="the advice", notes=("a note",))
    session.save(trial)
    return trial


@pytest.fixture
def trained(store, session, trial):
    """Record a run of the trial with the given epochs."""

    def record(*numbers, status=Status.INTERRUPTED, **fields):
        run_id = f"run{len(session.runs(trial, store)):03}"
        run = Run(
            run_id=run_id,
            source=Source.API,
            status=status,
            name=session.run_name(trial),
            n_classes=4,
            epochs=5,
            **fields,
        )
        store.add_runs([run], [Epoch(run_id=run_id, epoch=n, eval_top1=50.0 + n, train_loss=1.0) for n in numbers])

    return record


def test_trials_are_read_as_they_were_saved(session, trial, store):
    assert session.trials(store) == [trial]
    assert session.asked["script"] == "train.py"


def test_folders_of_one_name_do_not_share_runs(tmp_path, session, trial, trained, store):
    trained(0, 1)
    other = Session(tmp_path / "elsewhere" / "mine")
    other.create({})
    other.save(trial)
    assert other.trials(store)[0].done == 0


def test_a_trial_that_went_on_is_one_curve(session, trial, trained, store):
    trained(0, 1)
    trained(2, 3, 4, status=Status.FINISHED, extra={"resume": "last.pth.tar"})
    (found,) = session.trials(store)
    assert (found.done, found.reached, found.ended, found.lost, found.restarted) == (5, 54.0, True, 0, False)


def test_an_epoch_that_was_trained_again_is_counted_as_lost(session, trial, trained, store):
    trained(0, 1)
    trained(1, 2, extra={"resume": "last.pth.tar"})
    (found,) = session.trials(store)
    assert (found.done, found.lost, found.restarted) == (3, 1, False)


def test_a_script_that_ignores_resume_shows_in_the_epochs(session, trial, trained, store):
    trained(0, 1)
    trained(0, extra={"resume": "last.pth.tar"})
    (found,) = session.trials(store)
    assert (found.done, found.lost, found.restarted) == (1, 2, True)


def test_a_run_that_came_apart_has_ended_at_chance(session, trial, trained, store):
    trained(0, 1, status=Status.DIVERGED)
    (found,) = session.trials(store)
    assert (found.ended, found.reached) == (True, 25.0)


def test_a_curve_is_that_of_the_whole_training(session, trial, trained, store):
    trained(0, 1)
    trained(2, extra={"resume": "last.pth.tar"})
    curve = session.trials(store)[0].curve
    assert (curve.done, curve.planned, curve.last) == (3, 5, 52.0)


def test_a_trial_can_wait_once_its_checkpoint_is_newer_than_its_summary(session, trial):
    folder = session.trial_folder(trial)
    assert not session.can_wait(trial)
    now = time.time()
    for name, age in ((SUMMARY, 5), (CHECKPOINT, 9)):
        (folder / name).touch()
        os.utime(folder / name, (now - age, now - age))
    assert not session.can_wait(trial)
    os.utime(folder / CHECKPOINT, (now - 4, now - 4))
    assert session.can_wait(trial)


def test_one_process_tunes_at_a_time(session):
    with session.held(), pytest.raises(UsageError, match="another process tunes"), Session(session.folder).held():
        pass


def test_a_damaged_trial_is_explained(session, trial, store):
    (session.folder / "trial-000.json").write_text("{")
    with pytest.raises(AdvisorError, match=r"trial-000\.json cannot be read"):
        session.trials(store)


def test_a_trial_that_is_missing_is_explained(session, trial, store):
    session.save(replace(trial, number=1))
    (session.folder / "trial-000.json").unlink()
    with pytest.raises(AdvisorError, match=r"trial-000\.json cannot be read"):
        session.trials(store)


def test_who_removes_the_folder_of_a_trial_to_make_room_loses_its_checkpoint_only(session, trial, trained, store):
    trained(0, 1)
    shutil.rmtree(session.trial_folder(trial))
    (found,) = session.trials(store)
    assert (found.done, found.configuration, session.checkpoint(found)) == (2, CONFIGURATION, None)


def test_a_batch_that_ran_out_of_memory_is_remembered(session, trial, trained, store):
    trained(0, batch_size=64, out_of_memory=True, status=Status.FAILED)
    trained(1, batch_size=32, extra={"resume": "last.pth.tar"})
    assert session.trials(store)[0].too_large == 64


def test_a_tuning_is_begun_once(session):
    with pytest.raises(UsageError, match="another process has begun to tune"):
        Session(session.folder).create({"script": "other.py"})
    assert session.asked["script"] == "train.py"


def test_a_folder_that_cannot_be_written_is_explained(small_disk):
    session = Session(small_disk / "mine")
    session.create({})
    with pytest.raises(AdvisorError, match="cannot be written"):
        session.save(Trial(0, CONFIGURATION, notes=("x" * 20_000,)))
    (small_disk / "filler").write_bytes(b"x" * 4096)
    for number in range(1, 9):
        with suppress(AdvisorError):  # any other error would be told as a traceback
            session.save(Trial(number, CONFIGURATION))
    assert session.exists
