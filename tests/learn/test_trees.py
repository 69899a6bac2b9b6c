"""Trees read from LightGBM's text predict what LightGBM predicts, to the last bit."""

import re
import subprocess
import sys

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.learn.metamodel import tree_parameters
from advisor.learn.trees import Forest, Trees

N_FEATURES = 6
LEAVES = {"sixteen bits": 15, "as many as are read": 64}


def grown(seed, leaves, *, share_unknown=0.2, rounds=20, **parameters):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(400, N_FEATURES)).round(2)
    x[rng.random(x.shape) < share_unknown] = np.nan
    y = np.nansum(x * np.arange(N_FEATURES), axis=1) + np.nanmax(np.abs(x), axis=1, initial=0) * 3
    settings = {**tree_parameters(seed), "num_leaves": leaves, "min_data_in_leaf": 3, **parameters}
    return lightgbm.train(settings, lightgbm.Dataset(x, y), num_boost_round=rounds)


@pytest.fixture(scope="module", params=list(LEAVES))
def booster(request):
    return grown(0, LEAVES[request.param])


@pytest.fixture(scope="module")
def trees(booster):
    return Trees(booster.model_to_string())


def thresholds(booster):
    lines = re.findall(r"^threshold=(.+)$", booster.model_to_string(), re.MULTILINE)  # its own table needs pandas
    return sorted({float(value) for line in lines for value in line.split()})


VALUES = st.one_of(
    st.floats(-4, 4), st.sampled_from([np.nan, 0.0, -0.0, np.inf, -np.inf, 1e-40, 5e-324, 1e300, 0.25, -1.13])
)
ROWS = st.lists(st.lists(VALUES, min_size=N_FEATURES, max_size=N_FEATURES), min_size=1, max_size=8)


@settings(deadline=None)
@given(rows=ROWS)
def test_any_rows_are_predicted_to_the_last_bit(booster, trees, rows):
    x = np.array(rows)
    assert trees.predict(x).tobytes() == booster.predict(x).tobytes()


@settings(deadline=None)
@given(row=st.lists(VALUES, min_size=N_FEATURES, max_size=N_FEATURES), varying=st.sets(st.integers(0, N_FEATURES - 1)))
def test_rows_that_differ_in_some_features_only_are_predicted_alike(booster, trees, row, varying):
    x = np.tile(np.array(row), (40, 1))
    x[:, sorted(varying)] = np.random.default_rng(len(varying)).normal(size=(40, len(varying)))
    given_row = Forest([trees]).given(x[7], varying)
    assert given_row.predict(x)[0].tobytes() == booster.predict(x).tobytes()
    assert given_row.predict(x[:1])[0].tobytes() == booster.predict(x[:1]).tobytes()


@settings(deadline=None, max_examples=10)
@given(
    shapes=st.lists(st.tuples(st.integers(0, 99), st.sampled_from([2, 15, 17]), st.integers(1, 30)), min_size=1),
    rows=ROWS,
    varying=st.sets(st.integers(0, N_FEATURES - 1)),
)
def test_models_evaluated_together_predict_what_each_does(shapes, rows, varying):
    """Also where they have other numbers of trees and leaves."""
    boosters = [grown(seed, leaves, rounds=rounds) for seed, leaves, rounds in shapes]
    forest = Forest([Trees(booster.model_to_string()) for booster in boosters])
    x = np.array(rows)
    expected = np.array([booster.predict(x) for booster in boosters])
    assert forest.predict(x).tobytes() == expected.tobytes()
    x[:, [column for column in range(N_FEATURES) if column not in varying]] = 0.5
    expected = np.array([booster.predict(x) for booster in boosters])
    assert forest.given(x[0], varying).predict(x).tobytes() == expected.tobytes()


def test_values_at_a_threshold_and_next_to_it_go_the_same_way(booster, trees):
    at = np.array(thresholds(booster))
    values = np.concatenate([at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf)])
    x = np.repeat(values[:, None], N_FEATURES, axis=1)
    assert trees.predict(x).tobytes() == booster.predict(x).tobytes()


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 1000),
    leaves=st.sampled_from([2, 3, 16, 17, 31]),
    share_unknown=st.sampled_from([0.0, 0.5]),
    rounds=st.integers(1, 4),
)
def test_any_model_is_read(seed, leaves, share_unknown, rounds):
    booster = grown(seed, leaves, share_unknown=share_unknown, rounds=rounds)
    x = np.random.default_rng(seed).normal(size=(50, N_FEATURES))
    x[::7, :3] = np.nan
    assert Trees(booster.model_to_string()).predict(x).tobytes() == booster.predict(x).tobytes()


def test_more_rows_than_are_evaluated_at_a_time(booster, trees):
    x = np.random.default_rng(3).normal(size=(2500, N_FEATURES))
    assert trees.predict(x).tobytes() == booster.predict(x).tobytes()
    assert trees.predict(x[:0]).shape == (0,)


def test_trees_without_a_split_are_constants():
    x = np.zeros((40, 2))
    booster = lightgbm.train(tree_parameters(0), lightgbm.Dataset(x, np.arange(40.0)), num_boost_round=2)
    assert Trees(booster.model_to_string()).predict(x).tobytes() == booster.predict(x).tobytes()


@pytest.mark.parametrize(
    ("parameters", "categories"), [({"zero_as_missing": True}, []), ({"linear_tree": True}, []), ({}, [0])]
)
def test_what_cannot_be_read_is_refused(parameters, categories):
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(0, 4, 200), rng.normal(size=200)]).astype(float)
    text = lightgbm.train(
        {**tree_parameters(0), "extra_trees": False, "feature_fraction": 1, "min_data_per_group": 1, **parameters},
        lightgbm.Dataset(x, (x[:, 0] == 1) * 5 + x[:, 1], params=parameters, categorical_feature=categories),
        num_boost_round=3,
    ).model_to_string()
    with pytest.raises(ValueError, match="be read"):
        Trees(text).predict(x)


@pytest.mark.parametrize("text", ["", "tree\n", "{}", "tree\nTree=0\n"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="no LightGBM model"):
        Trees(text).predict(np.zeros((1, 1)))


def test_the_shipped_meta_model_advises_without_lightgbm():
    code = (
        "import sys; from advisor.api import Advisor; Advisor().artefact.model.predict_regret;"
        "print([n for n in ('lightgbm', 'sklearn', 'scipy') if n in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"
