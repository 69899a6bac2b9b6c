"""Studies begin with the advice and stay within it, in Optuna itself."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

optuna = pytest.importorskip("optuna")

import advisor_optuna  # noqa: E402
from advisor.space.hyperparameters import HYPERPARAMETERS  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.WARNING)

points = st.fixed_dictionaries(
    {
        "lr": st.floats(1e-6, 1),
        "batch_size": st.integers(1, 2048),
        "epochs": st.integers(1, 300),
        "dropout": st.floats(0, 0.9),
        "weight_decay": st.floats(0, 1),
    }
)


def run_trials(study, advised, count):
    """Run trials that only draw their values, and return these."""
    drawn = []

    def objective(trial):
        drawn.append(advisor_optuna.suggest_values(trial, advised))
        return 1.0

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Optuna warns of an enqueued value outside its distribution
        study.optimize(objective, n_trials=count)
    return drawn


@settings(max_examples=25)
@given(st.lists(points, min_size=1, max_size=3, unique_by=repr), points, points)
def test_the_first_trials_are_the_suggestions_and_all_lie_in_the_space(suggestion, suggested, one, other):
    ranges = {name: tuple(sorted((one[name], other[name]))) for name in HYPERPARAMETERS}
    advised = suggestion(suggestions=suggested, ranges=ranges)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    assert advisor_optuna.enqueue(study, advised) == len(suggested)
    drawn = run_trials(study, advised, len(suggested) + 3)
    assert drawn[: len(suggested)] == suggested
    space = advisor_optuna.distributions(advised)
    for values in drawn:
        assert all(space[name]._contains(space[name].to_internal_repr(values[name])) for name in HYPERPARAMETERS)
    for trial in study.trials:
        assert trial.distributions == space


def test_only_the_best_can_be_enqueued_and_none_twice(suggestion, first_values, second_values):
    study = optuna.create_study()
    assert advisor_optuna.enqueue(study, suggestion(), top=1) == 1
    assert advisor_optuna.enqueue(study, suggestion()) == 1
    first, second = run_trials(study, suggestion(), 2)
    assert (first, second) == (first_values, second_values)
    assert {t.user_attrs["advisor.suggestion_id"] for t in study.trials} == {suggestion().suggestion_id}
    assert study.user_attrs["model"] == "test_resnet"


def test_a_study_can_ask_by_the_distributions(first_values, suggestion):
    study = optuna.create_study()
    advisor_optuna.enqueue(study, suggestion())
    assert study.ask(advisor_optuna.distributions(suggestion())).params == first_values


def test_a_value_that_is_decided_is_drawn_as_it_is(first_values, suggestion):
    ranges = {name: (first_values[name], first_values[name]) for name in HYPERPARAMETERS}
    study = optuna.create_study()
    assert run_trials(study, suggestion(suggestions=[first_values], ranges=ranges), 3) == [first_values] * 3
