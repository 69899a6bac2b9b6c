"""A loop of one's own is tuned in Python, and goes on where it was."""

import math

import pytest

import advisor
from advisor.errors import AdvisorError
from advisor.records.recording import recorder
from advisor.tuning import loop

FIXED = {"batch_size": 16, "epochs": 5}


@pytest.fixture(autouse=True)
def recorder_of_its_own(monkeypatch):
    """Let each test record where its own settings say."""
    monkeypatch.setattr(recorder, "_recorder", None)


@pytest.fixture
def tune(images, tmp_path):
    """Tune a made-up training; return what was trained, as (trial, epoch)."""

    def run(*, save=True, most=math.inf, **budget):
        trained = []
        options = {"model": "test_resnet", "pretrained": False, "img_size": 32, "fix": FIXED}
        for trial in advisor.tune(images, folder=tmp_path / "loop", **options, **budget):
            with trial.record(seed=0) as run:
                for epoch in trial.train_epochs():
                    trained.append((trial.name, epoch))
                    height = 60 * math.exp(-abs(math.log10(trial.lr / 0.003)))
                    top1 = 34 + height * (1 - math.exp(-3 * (epoch + 1) / trial.epochs))
                    run.log_epoch(epoch, train_loss=1.0, eval_top1=top1, seconds=0.1)
                    if save:
                        trial.checkpoint.write_text(str(epoch))
                    if len(trained) >= most:
                        return trained
        return trained

    return run


def epochs_of(trained):
    found = {}
    for name, epoch in trained:
        found.setdefault(name, []).append(epoch)
    return found


def test_a_loop_is_tuned_within_its_budget_and_trains_nothing_twice(tune):
    trained = tune(max_epochs_total=14)
    assert len(trained) <= 14
    found = epochs_of(trained)
    assert len(found) > 1
    assert all(epochs == list(range(len(epochs))) for epochs in found.values())
    assert any(len(epochs) == 5 for epochs in found.values())


def test_the_same_call_goes_on_where_it_was(tune):
    before = tune(max_epochs_total=14, most=3)
    after = tune(max_epochs_total=14)
    assert len(before) + len(after) <= 14
    found = epochs_of([*before, *after])
    assert all(sorted(set(epochs)) == sorted(epochs) for epochs in found.values())


def test_without_checkpoints_trials_are_trained_whole(tune):
    found = epochs_of(tune(save=False, max_epochs_total=12))
    assert all(epochs == [0, 1, 2, 3, 4] for epochs in found.values())


def test_another_call_does_not_take_up_the_folder_of_one(tune, images, tmp_path):
    tune(max_epochs_total=5)
    with pytest.raises(AdvisorError, match="of another command"):
        next(advisor.tune(images, folder=tmp_path / "loop", model="test_vit", pretrained=False))


def test_an_epoch_that_is_not_reported_is_explained(images, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "RECORDED_SECONDS", 0.2)
    trial = next(advisor.tune(images, folder=tmp_path / "loop", model="test_resnet", pretrained=False))
    epochs = trial.train_epochs()
    next(epochs)
    with pytest.raises(AdvisorError, match="epoch 0 of trial-000 was not reported"):
        next(epochs)


@pytest.mark.parametrize(("saves", "reports", "goes_on_at", "lost"), [(True, False, 2, 0), (False, True, 1, 1)])
def test_killed_between_saving_and_reporting_it_goes_on_after_what_was_saved(
    images, tmp_path, saves, reports, goes_on_at, lost
):
    """The second epoch is saved or reported, not both; then the process is gone."""

    def begin():
        options = {"model": "test_resnet", "pretrained": False, "img_size": 32, "fix": FIXED, "trials": 1}
        return advisor.tune(images, folder=tmp_path / "loop", **options)

    trials = begin()
    trial = next(trials)
    with trial.record(seed=0) as run:
        for epoch in trial.train_epochs():
            if epoch == 0 or saves:
                trial.checkpoint.write_text(str(epoch))
            if epoch == 0 or reports:
                run.log_epoch(epoch, train_loss=1.0, eval_top1=50.0 + epoch, seconds=0.1)
            if epoch == 1:
                break
    trials.close()
    trials = begin()
    trial = next(trials)
    assert trial.resumes
    with trial.record(seed=0) as run:
        epochs = trial.train_epochs()
        assert next(epochs) == goes_on_at
        run.log_epoch(goes_on_at, train_loss=1.0, eval_top1=60.0, seconds=0.1)
    assert trial.refresh().lost == lost
    trials.close()
