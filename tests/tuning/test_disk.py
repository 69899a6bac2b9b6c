"""What checkpoints may take, and which of them go first."""

import pytest

from advisor.records.schema import Epoch, Run, Source
from advisor.space.configuration import Configuration
from advisor.tuning import disk
from advisor.tuning.disk import bytes_used, make_room
from advisor.tuning.session import Session
from advisor.tuning.trials import Trial

SIZE = 1000


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path / "mine")


@pytest.fixture
def trials(session):
    """The best, which has ended, another that has, a promising and a hopeless one that wait, and one in training."""
    made = []
    for number, scores in enumerate([(80, 90), (70, 75), (60,), (30,), (50,)]):
        run = Run(run_id=f"run{number}", source=Source.API, n_classes=4)
        epochs = tuple(Epoch(run_id=run.run_id, epoch=i, eval_top1=float(top1)) for i, top1 in enumerate(scores))
        trial = Trial(number, Configuration(0.001, 32, 2, 0.0, 0.05), run=run, epochs=epochs)
        folder = session.trial_folder(trial)
        folder.mkdir(parents=True)
        for name in ("last.pth.tar", "checkpoint-0.pth.tar"):
            (folder / name).write_bytes(bytes(SIZE))
        (folder / "model_best.pth.tar").hardlink_to(folder / "last.pth.tar")
        (folder / "summary.csv").write_text("epoch")
        made.append(trial)
    return made


PROMISE = [90.0, 75.0, 85.0, 40.0, 60.0]
BUSY = (4,)


def left(session, trials):
    return [len(list(session.trial_folder(trial).glob("*.pth.tar"))) for trial in trials]


def test_what_is_linked_counts_once(session, trials):
    assert bytes_used(session, trials) == 5 * 2 * SIZE


def test_nothing_goes_while_there_is_room(session, trials):
    assert make_room(session, trials, PROMISE, BUSY, 10 * SIZE) == []
    assert left(session, trials) == [3, 3, 3, 3, 3]


def test_earlier_checkpoints_go_first(session, trials):
    assert make_room(session, trials, PROMISE, BUSY, 6 * SIZE) == []
    assert left(session, trials) == [2, 2, 2, 2, 3]


def test_then_what_has_ended_and_is_not_the_best(session, trials):
    assert make_room(session, trials, PROMISE, BUSY, 5 * SIZE) == []
    assert left(session, trials) == [2, 0, 2, 2, 3]


def test_then_what_waits_with_the_least_promise(session, trials):
    assert make_room(session, trials, PROMISE, BUSY, 4 * SIZE) == [trials[3]]
    assert left(session, trials) == [2, 0, 2, 0, 3]


def test_the_best_and_what_is_in_training_stay(session, trials):
    assert make_room(session, trials, PROMISE, BUSY, 1) == [trials[3], trials[2]]
    assert left(session, trials) == [2, 0, 0, 0, 3]
    assert (session.trial_folder(trials[3]) / "summary.csv").exists()


def test_what_a_script_renames_while_it_saves_is_no_fault(session, trials, monkeypatch):
    there = list(disk._files(session.trial_folder(trials[0])))
    monkeypatch.setattr(disk, "_files", lambda folder: [*there, folder / "tmp.pth.tar"])
    assert bytes_used(session, trials[:1]) == 2 * SIZE
