"""Runs that do not count are said with their number, the reason and the next command."""

from dataclasses import replace

import pytest

from advisor.advise.prepare import RunList, prepare
from advisor.advise.request import make_request
from advisor.records.schema import Status

ASKED = make_request(model="test_resnet", opt="adamw", pretrained=False, img_size=32)


@pytest.fixture(scope="module")
def run(records, dataset):
    """Makes a run that counts, but for the given fields."""
    like = records(n_groups=1)[0][0]

    def make(**changes):
        values = {"dataset_id": dataset.dataset_id, "model": "test_resnet", "n_classes": dataset.n_classes}
        return replace(like, **(values | changes))

    return make


@pytest.fixture(scope="module")
def notes(artefact, dataset):
    """What is said of the runs that do not count."""
    return lambda *runs: [
        note
        for note in prepare(
            artefact, ASKED, dataset, RunList([replace(r, run_id=str(i)) for i, r in enumerate(runs)])
        ).notes
        if "not used" in note
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": Status.FAILED}, "they did not finish: `advisor records list`"),
        ({"extra": {"trainable": "head"}}, "they trained the classifier only: `advisor records list`"),
        ({"n_classes": 3}, "they were judged by other classes or images than the dataset has: score them"),
        ({"dataset_id": None}, "their images were never described: `advisor records sync` describes folders that"),
        ({"batch_size": None}, "their global batch size is unknown: `advisor records import PATH… --world-size N`"),
        ({"img_size": 64}, "their images are 64 px: ask with --img-size 64"),
        ({"model": "test_vit.r160_in1k"}, "their model is test_vit.r160_in1k: ask with --model test_vit.r160_in1k"),
        ({"opt": "sgd"}, "their optimizer is sgd: ask with --opt sgd"),
        ({"pretrained": True}, "they start from ImageNet weights: ask with --pretrained"),
        ({"opt": "sgd", "img_size": 64}, "their optimizer is sgd and their images are 64 px: ask with --opt sgd --img"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_reason_and_the_next_command(notes, run, changes, said):
    (note,) = notes(run(**changes))
    assert note.startswith(f"1 of your runs is not used, as {said}")


def test_equal_reasons_are_counted_and_the_most_come_first(notes, run):
    found = notes(run(opt="sgd"), *[run(status=Status.INTERRUPTED)] * 3, run())
    assert [note.split(",")[0] for note in found] == ["3 of your runs are not used", "1 of your runs is not used"]


def test_nothing_is_said_where_all_count_or_none_is_there(notes, run):
    assert notes() == []
    assert notes(run(), run(augment="rand-m9"), run(img_size=None)) == []
    assert notes(run(dataset_id="another")) == [], "runs on another dataset are no loss here"
    assert notes(run(status=Status.RUNNING)) == [], "it may count when it has ended"
    assert notes(run(out_of_memory=True)) == [], "it bounds the batch, which is said"
