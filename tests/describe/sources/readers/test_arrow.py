"""Datasets of Hugging Face, as the library leaves them on the disk."""

from __future__ import annotations

import json
import os

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.describe.dataset import draw_sample, open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.errors import DatasetError


def test_the_newest_build_in_the_cache_of_hugging_face(pets, pack, monkeypatch):
    for age, (build, names) in enumerate({"new": ["cat", "dog"], "old": ["dog", "cat"]}.items()):
        pack.cached(build=build, names=names)
        os.utime(pack.out / "me___pets" / "default" / "0.0.0" / build, (1e9 - age, 1e9 - age))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(pack.out))
    for source in ("hfds/me/pets", "hfids/me/pets", f"hfds/me/pets:{pack.out}"):
        dataset = open_dataset(source)
        assert (dataset.name, dataset.classes, take_fingerprint(dataset).dataset_id) == (
            "pets",
            ("cat", "dog"),
            take_fingerprint(open_dataset(pets)).dataset_id,
        )
    with pytest.raises(DatasetError, match="is not in the cache"):
        open_dataset("hfds/me/others")


def test_of_several_configurations_in_the_cache_the_default_is_read(pets, pack):
    pack.cached("large")
    source = pack.cached("small")
    with pytest.raises(DatasetError, match=r"several configurations.*large, small") as caught:
        open_dataset(source)
    assert open_dataset(caught.value.hint.rpartition(" ")[2]).n_train == 7
    pack.cached("default")
    assert take_fingerprint(open_dataset(source)).dataset_id == take_fingerprint(open_dataset(pets)).dataset_id


def test_configurations_side_by_side_are_not_poured_together(pack):
    for config in ("96px", "192px"):
        pack.parquet_shards(config)
    with pytest.raises(DatasetError, match="192px, 96px have splits of the same names") as caught:
        open_dataset(pack.out)
    asked_for = caught.value.hint.rpartition(" ")[2]
    assert (open_dataset(asked_for).n_train, asked_for) == (7, str(pack.out / "192px"))


def test_the_one_configuration_with_labels_is_read_and_said(pets, pack):
    pack.parquet_shards("digits")
    (pack.out / "boxes").mkdir()
    table = pa.table({"image": [{"bytes": b"x", "path": None}], "boxes": [[1, 2]]})
    pa.parquet.write_table(table, pack.out / "boxes" / "train-00000-of-00001.parquet")
    dataset = open_dataset(pack.out)
    assert take_fingerprint(dataset).dataset_id == take_fingerprint(open_dataset(pets)).dataset_id
    assert dataset.notes == ("Of several configurations, digits is read, not boxes.",)


def test_files_of_one_split_in_several_folders_are_one_split(pack):
    for n, name in enumerate(("first", "second")):
        (pack.out / name).mkdir(parents=True)
        pa.parquet.write_table(pack.image_table("train")[0].slice(4 * n, 4), pack.out / name / f"{n}.parquet")
    assert open_dataset(pack.out).n_train == 7


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
@pytest.mark.parametrize("missing", ["image", "label"])
def test_a_file_without_labels_or_images_is_named(pack, missing, suffix):
    pack.out.mkdir()
    for split, table in (("train", pack.image_table("train")[0]), ("validation", pack.image_table("val")[0])):
        table = table.drop_columns([missing]) if split == "validation" else table
        if suffix == "parquet":
            pa.parquet.write_table(table, pack.out / f"{split}.parquet")
        else:
            with pa.ipc.new_stream(str(pack.out / f"{split}.arrow"), table.schema) as writer:
                writer.write_table(table)
    with pytest.raises(DatasetError, match=rf"no column of {missing}s.*columns of validation\.{suffix} are"):
        open_dataset(pack.out)


@pytest.mark.parametrize("make", [lambda image: image["bytes"], lambda image: {"bytes": image["bytes"]}])
@pytest.mark.parametrize("name", ["image", "IMG", "pixels"])
def test_columns_of_images_as_bytes_or_structs(pets, pack, make, name):
    splits = [("train", "train"), ("val", "validation")]
    rows = [
        {name: make(row["image"]), "Label": pack.classes[row["label"]], "split": called, "hash": "x"}
        for split, called in splits
        for row in pack.image_table(split)[0].to_pylist()
    ]
    pa.parquet.write_table(pa.Table.from_pylist(rows), pack.out.with_suffix(".parquet"))
    dataset = open_dataset(pack.out.with_suffix(".parquet"))
    assert take_fingerprint(dataset).dataset_id == take_fingerprint(open_dataset(pets)).dataset_id


def test_a_column_of_splits_that_are_not_understood(pack):
    rows = [{**row, "split": str(i % 3)} for i, row in enumerate(pack.image_table("train")[0].to_pylist())]
    pa.parquet.write_table(pa.Table.from_pylist(rows), pack.out.with_suffix(".parquet"))
    with pytest.raises(DatasetError, match="the column split holds 0, 1, 2; understood are train"):
        open_dataset(pack.out.with_suffix(".parquet"))


def test_paths_in_the_rows_may_have_either_slash(pets, pack):
    rows = [
        {"image": {"bytes": None, "path": p.replace("/", "\\")}, "label": la}
        for p, la, s in pack.listed()
        if s == "train"
    ]
    pa.parquet.write_table(pa.Table.from_pylist(rows), pets / "rows.parquet")
    assert len(draw_sample(open_dataset(pets / "rows.parquet")).train) == 7


def test_splits_that_number_their_classes_differently(pets, pack):
    pack.out.mkdir()
    for split, names in (("train", ["cat", "dog"]), ("val", ["dog", "cat"])):
        pa.parquet.write_table(pack.image_table(split, names)[0], pack.out / f"{split}.parquet")
    assert take_fingerprint(open_dataset(pack.out)).dataset_id == take_fingerprint(open_dataset(pets)).dataset_id


def test_a_label_of_minus_one_is_none_where_classes_have_names(pack):
    table = pack.image_table("train")[0]
    labels = pa.array([-1, *table.column("label").to_pylist()[1:]])
    pa.parquet.write_table(table.set_column(1, "label", labels), pack.out.with_suffix(".parquet"))
    with pytest.raises(DatasetError, match=r"1 images of packed\.parquet have no label.*-1"):
        open_dataset(pack.out.with_suffix(".parquet"))


@pytest.mark.parametrize("features", [None, 3, {"label": None}, {"label": {"feature": 1}}, {"label": {"names": "ab"}}])
def test_metadata_that_names_no_classes(pack, features):
    table = pack.image_table("train")[0]
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pa.parquet.write_table(table, pack.out.with_suffix(".parquet"))
    assert open_dataset(pack.out.with_suffix(".parquet")).classes == ("0", "1")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_ends_in_a_dataset_or_a_refusal(pack, data):
    """pyarrow follows whatever a damaged file says, and ends the process, unless it is told to check."""
    if not pack.out.exists():
        pack.saved_to_disk()
        pack.kept = (pack.out / "train" / "data-00000-of-00001.arrow").read_bytes()
    content = bytearray(pack.kept)
    at, n = data.draw(st.integers(0, len(content))), data.draw(st.integers(1, 200))
    kind = data.draw(st.sampled_from(["repeat", "leave out", "flip"]))
    if kind == "flip":
        content[at : at + n // 20] = bytes(255 - byte for byte in content[at : at + n // 20])
    else:
        content = content[: at + n] + content[at:] if kind == "repeat" else content[:at] + content[at + n :]
    (pack.out / "train" / "data-00000-of-00001.arrow").write_bytes(content)
    try:
        assert len(take_fingerprint(open_dataset(pack.out)).dataset_id) == 32
    except DatasetError as error:
        assert error.cause  # noqa: PT017 - either outcome is right
