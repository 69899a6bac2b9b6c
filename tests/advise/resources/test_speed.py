from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.advise.resources.speed import epochs_within, images_per_second, parse_duration
from advisor.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800), ("0.5h", 1800)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "0s", "-5m", "5 m", "1h-2m", "soon"])
def test_what_is_no_duration(text):
    with pytest.raises(UsageError):
        parse_duration(text)


def test_the_speed_is_that_of_the_users_own_runs(records):
    runs, _ = records(n_groups=1, runs_per_case=3)
    speed = images_per_second(runs, "test_vit", 32)
    assert speed == pytest.approx(sorted(200 * r.epochs for r in runs if r.model == "test_vit")[1])
    assert images_per_second(runs, "test_vit", 64) is None
    assert images_per_second([], "test_vit", 32) is None


@pytest.mark.parametrize("how", [{"resumed_from": "before"}, {"extra": {"resume": "last.pth.tar"}}])
def test_a_run_that_was_resumed_tells_no_speed(records, how):
    """Its last epoch alone took its time; the nine before are those of another run."""
    run = next(run for run in records(n_groups=1, runs_per_case=1)[0] if run.model == "test_vit")
    resumed = replace(run, epochs_done=10, train_seconds=run.train_seconds / 10, **how)
    assert images_per_second([resumed], "test_vit", 32) is None
    assert images_per_second([run, resumed], "test_vit", 32) == images_per_second([run], "test_vit", 32)


@given(st.floats(1, 1e5), st.integers(1, 10**6), st.floats(0.1, 1e5))
def test_the_epochs_bought_fit_into_the_time(seconds, n_train, speed):
    try:
        epochs = epochs_within(seconds, n_train, speed, "m")
    except UsageError:
        assert n_train / speed > seconds * 0.999
    else:
        assert epochs * n_train / speed <= seconds * 1.001


def test_an_unknown_speed_is_said_not_guessed():
    with pytest.raises(UsageError) as caught:
        epochs_within(60, 100, None, "resnet18")
    assert "--max-epochs" in caught.value.hint
