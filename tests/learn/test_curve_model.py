import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import AdvisorError
from advisor.learn.curve_model import MANIFEST, CurveModel, from_scale, shipped_curve_model, to_scale
from advisor.learn.curves import Curve
from advisor.records.schema import Pretraining

SHIPPED = Path(__file__).parents[2] / "meta_data" / "curves"
LEVELS = [0.05, 0.1, 0.5, 0.9, 0.95]

percents = st.floats(0, 100)
curves = st.builds(
    Curve,
    planned=st.integers(6, 300),
    top1=st.lists(percents, min_size=1, max_size=5).map(np.array),
    n_classes=st.one_of(st.none(), st.integers(2, 1000)),
    n_train=st.one_of(st.none(), st.integers(10, 10**7)),
    lr=st.one_of(st.none(), st.floats(1e-6, 1)),
    opt=st.sampled_from([None, "sgd", "adamw"]),
    start=st.sampled_from(list(Pretraining)),
    sched=st.sampled_from([None, "cosine", "step"]),
    warmup_epochs=st.floats(0, 10),
)


@pytest.fixture(scope="module")
def model():
    return shipped_curve_model()


def curve(*top1, planned=10, **fields):
    return Curve(planned=planned, top1=np.array(top1), **{"n_classes": 10, "warmup_epochs": 1.0, **fields})


@given(st.lists(curves, min_size=1, max_size=4))
def test_quantiles_rise_and_are_accuracies(some):
    found = shipped_curve_model().quantiles(some, LEVELS)
    assert found.shape == (len(some), len(LEVELS))
    assert ((found >= 0) & (found <= 100)).all()
    assert (np.diff(found, axis=1) >= 0).all()


@given(percents, st.integers(2, 1000))
def test_the_scale_is_undone(top1, classes):
    chance = np.array([100 / classes])
    again = from_scale(to_scale(np.array([top1]), chance), chance)
    if top1 > chance[0]:
        assert again == pytest.approx(top1, abs=1e-6)


def test_more_epochs_tell_more(model):
    early, late = model.quantiles([curve(40.0), curve(40.0, 55, 63, 68, 71, 73, 74, 75)], LEVELS)
    assert late[3] - late[1] < (early[3] - early[1]) / 2
    assert late[1] > 70


def test_a_run_that_learns_nothing_is_told_from_one_that_learns(model):
    flat, learning = model.quantiles([curve(10.0, 10.2, 9.9, planned=15), curve(40.0, 60, 70, planned=15)], LEVELS)
    assert flat[2] < 25
    assert learning[2] > 70


def test_a_run_at_its_end_is_where_it_is(model):
    assert model.quantiles([curve(50.0, 60, planned=2)], LEVELS).tolist() == [[60.0] * len(LEVELS)]


def test_nothing_is_said_where_no_accuracy_is_known(model):
    assert np.isnan(model.quantiles([curve(np.nan, np.nan)], LEVELS)).all()
    assert model.quantiles([], LEVELS).shape == (0, len(LEVELS))


def test_a_rate_that_does_not_come_down_may_end_where_it_is(model):
    usual, constant = model.quantiles(
        [curve(40.0, 50, 55, warmup_epochs=0.0), curve(40.0, 50, 55, sched="none")], LEVELS
    )
    assert constant[1] <= min(usual[1], 55)
    np.testing.assert_array_equal(constant[2:], usual[2:])


def test_written_and_read_it_is_the_same(model, tmp_path):
    model.save(tmp_path)
    asked = [curve(30.0, 40, 50), curve(80.0, start=Pretraining.IMAGENET)]
    again = CurveModel.load(tmp_path)
    np.testing.assert_array_equal(again.quantiles(asked, LEVELS), model.quantiles(asked, LEVELS))
    assert (tmp_path / MANIFEST).read_text() == (SHIPPED / MANIFEST).read_text()


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(SHIPPED, tmp_path / "curves"))


def test_a_changed_file_is_refused(folder):
    with (folder / "gain.txt").open("a") as file:
        file.write("\n")
    with pytest.raises(AdvisorError, match=r"gain\.txt is not the file that was fitted"):
        CurveModel.load(folder)


@pytest.mark.parametrize("change", [{"schema": "advisor.curves/0"}, {"columns": ["something", "else"]}])
def test_another_version_is_refused(folder, change):
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, **change}))
    with pytest.raises(AdvisorError, match="of another version"):
        CurveModel.load(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null"])
def test_a_broken_manifest_is_explained(folder, text):
    (folder / MANIFEST).write_text(text)
    with pytest.raises(AdvisorError, match="no usable curve model") as raised:
        CurveModel.load(folder)
    assert "make -C research curves" in raised.value.hint


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = (
        "import sys, advisor.cli.runs.watch, advisor.learn.curve_model as m\n"
        "heavy = {'torch', 'timm', 'lightgbm', 'sklearn', 'sqlalchemy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "m.shipped_curve_model()\n"
        "assert not {'torch', 'timm'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
