import numpy as np
import pytest

from advisor.learn.novelty import DatasetDistances


@pytest.fixture(scope="module")
def datasets(records):
    return records()[1]


def test_a_recorded_dataset_is_at_no_distance_and_not_novel(datasets):
    dataset_distances = DatasetDistances.of(datasets)
    for i, dataset in enumerate(datasets):
        assert dataset_distances.distances(dataset.features)[i] == 0
        assert dataset_distances.similarities(dataset.features)[i] == 1
        assert dataset_distances.novelty(dataset.features) == 0


def test_novelty_grows_with_distance_up_to_one(datasets):
    dataset_distances = DatasetDistances.of(datasets)
    far = [{**datasets[0].features, "nn_top1": value, "noise": -value} for value in (95, 200, 1000)]
    values = [dataset_distances.novelty(features) for features in far]
    assert values == sorted(values)
    assert values[-1] == 1


def test_one_odd_feature_does_not_decide_alone(datasets):
    dataset_distances = DatasetDistances.of(datasets)
    odd = dataset_distances.distances({**datasets[0].features, "noise": 1e9})[0]
    assert odd <= 1.0 + 1e-9


def test_unknown_features_are_not_compared(datasets):
    dataset_distances = DatasetDistances.of(datasets)
    assert dataset_distances.distances({"noise": datasets[2].features["noise"]})[2] == 0
    assert np.isfinite(dataset_distances.distances({})).all()
