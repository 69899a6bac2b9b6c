"""Tables of images: read whatever they separate by, or refused with what is wrong with them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.describe.dataset import describe, open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.errors import DatasetError, MissingExtraError


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("path,label\na.png,cat\na.png,dog\n", "under several classes"),
        ('path,label\na.png,"[1, 2]"\nb.png,[1]\n', "several labels"),
        ("path,label\na.png,cat,dog\nb.png,cat\n", "cannot read"),
        ("path,label\na.png,cat|dog\nb.png,cat\nc.png,dog|cat\n", "several labels"),
        ("path,label\na.png,1.5\nb.png,2.25\n", "measurements"),
        ("path,label\n" + "".join(f"{i}.png,{i * 7}\n" for i in range(40)), "measurements"),
        ("path,label\na.png,cat\nb.png,\n", "1 images of manifest.csv have no label"),
        ("path,colour\na.png,red\n", "no column of labels"),
        ("name,label\na.png,red\n", "no column of paths"),
        ("", "no column of paths"),
        ("path,label\n", "holds no training images"),
    ],
)
def test_tables_that_are_no_single_label_classification(tmp_path, text, problem):
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path / "manifest.csv")
    assert problem in caught.value.problem
    assert caught.value.hint


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.text('path,label\n"|;[]019ab.\t\0é', max_size=80).map(lambda t: ("path,label\n" + t).encode())
)
def test_any_table_ends_in_a_dataset_or_a_refusal(tmp_path, content):
    (tmp_path / "any.csv").write_bytes(content)
    try:
        assert len(take_fingerprint(open_dataset(tmp_path / "any.csv")).dataset_id) == 32
    except DatasetError as error:
        assert error.problem  # noqa: PT017 - either outcome is right


def test_a_table_may_name_files_that_are_gone(pets, pack):
    path = pack.csv()
    (pets / "train" / "cat" / "000.png").unlink()
    described = describe(path)
    assert described.dataset.n_train == 7
    assert [line.partition(":")[0] for line in described.unreadable] == ["train/cat/000.png"]


def test_a_broken_parquet_file_is_explained(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DatasetError, match="cannot read"):
        open_dataset(tmp_path / "broken.parquet")


def test_without_pyarrow_the_extra_is_named(pack, monkeypatch):
    path = pack.parquet()
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError) as caught:
        open_dataset(path)
    assert caught.value.hint == "pip install 'timm-advisor[parquet]'"
