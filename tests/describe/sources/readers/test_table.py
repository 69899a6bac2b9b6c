"""Tables of images: read whatever they separate by, or refused with what is wrong with them."""

from __future__ import annotations

import shlex

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.describe.dataset import describe, draw_sample, open_dataset
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


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda rows: "\n".join(", ".join(row) for row in rows), id="spaces after commas"),
        pytest.param(lambda rows: "\n".join(", ".join(f'"{cell}"' for cell in row) for row in rows), id="quoted"),
        pytest.param(lambda rows: "\r".join(",".join(row) for row in rows), id="lines of old Macs"),
        pytest.param(lambda rows: "\r\n".join(";".join((*row, "")) for row in rows), id="an empty last field"),
        pytest.param(lambda rows: "sep=|\n" + "\n".join("|".join(row) for row in rows), id="sep="),
        pytest.param(lambda rows: "\n\n" + "\n\n".join("\t".join(row) for row in rows), id="blank lines"),
        pytest.param(lambda rows: "\n".join(",".join(row) for row in rows).replace("/", "\\"), id="other slashes"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_dialect_is_the_same_dataset(pets, pack, write, encoding):
    (pets / "pets.csv").write_bytes(write([("path", "label", "split"), *pack.listed()]).encode(encoding))
    assert (
        take_fingerprint(open_dataset(pets / "pets.csv")).dataset_id == take_fingerprint(open_dataset(pets)).dataset_id
    )


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


@pytest.mark.parametrize(
    ("columns", "cause"),
    [
        ({"image": [[1, 2]] * 2, "label": ["a", "b"]}, "image holds list"),
        ({"pixels": [1, 2], "label": ["a", "b"]}, "its columns are pixels, label"),
        ({"path": ["a.png", "b.png"], "kind": ["a", "b"]}, "its columns are path, kind"),
    ],
)
def test_a_parquet_file_without_paths_or_labels_is_refused_by_what_it_has(tmp_path, columns, cause):
    pa.parquet.write_table(pa.table(columns), tmp_path / "odd.parquet")
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path / "odd.parquet")
    assert str(caught.value.cause).startswith(cause)


def test_images_written_as_text_are_shown_by_their_beginning(tmp_path):
    table = pa.table({"image": ["89504e47" * 400, "ffd8ff" * 400], "label": ["a", "b"]})
    pa.parquet.write_table(table, tmp_path / "hex.parquet")
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path / "hex.parquet")
    assert str(caught.value.cause).startswith("89504e47" * 15 + "… is not there")


def test_the_next_command_can_be_typed_where_a_path_has_spaces(make_folder):
    folder = make_folder({"train_images": 6}, name="my photos [v2]")
    (folder / "train.csv").write_text("image_id,label\n000.png,a\n")
    with pytest.raises(DatasetError) as caught:
        open_dataset(folder)
    assert shlex.split(caught.value.hint)[-1] == str(folder / "train.csv")


def test_a_table_inside_a_split_folder_is_named(make_folder):
    folder = make_folder({"train": 6})
    (folder / "train" / "metadata.csv").write_text("file_name,label\n000.png,a\n")
    with pytest.raises(DatasetError) as caught:
        open_dataset(folder)
    assert caught.value.hint == f"advisor describe --dataset {folder / 'train' / 'metadata.csv'}"


def test_without_pyarrow_the_extra_is_named(pack, monkeypatch):
    path = pack.parquet()
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError) as caught:
        open_dataset(path)
    assert caught.value.hint == "pip install 'timm-advisor[parquet]'"


@pytest.fixture
def competition(make_folder):
    """Images in one folder, without classes, as competitions give them; the table is beside it."""
    return make_folder({"train_images": 6})


def test_a_table_beside_the_folder_of_images_is_named(competition):
    (competition / "sample_submission.csv").write_text("image_id,label\n000.png,a\n")
    (competition / "train.csv").write_text("image_id,label\n" + "".join(f"{i:03d}.png,{i % 2}\n" for i in range(6)))
    with pytest.raises(DatasetError) as caught:
        open_dataset(competition)
    assert "sample_submission.csv, train.csv beside the images may name their classes" in caught.value.cause
    assert caught.value.hint == f"advisor describe --dataset {competition / 'train.csv'}"


@pytest.mark.parametrize(
    ("table", "name", "hint"),
    [
        ("train.csv", "{:03d}.png", "name it train_images/000.png"),
        ("train.csv", "{:03d}", "name it train_images/000.png"),
        ("train_images/train.csv", "{:03d}", "name it 000.png"),
        ("train.tsv", "elsewhere\\{:03d}.png", "name it train_images/000.png"),
        ("train.csv", "{:03d}.jpeg", "ls "),
        ("train.csv", "https://example.org/{:03d}.png", "download the images"),
    ],
)
def test_files_that_do_not_exist_are_not_damaged(competition, table, name, hint):
    rows = "".join(f"{name.format(i)}\t{i % 2}\n" for i in range(6))
    (competition / table).write_text("image_id\tlabel\n" + rows)
    with pytest.raises(DatasetError) as caught:
        open_dataset(competition / table)
    assert caught.value.problem == f"none of the files that {table.rpartition('/')[2]} names exists"
    assert "paths start at the table's folder" in caught.value.cause or "lies on the web" in caught.value.cause
    assert caught.value.hint.startswith(hint)


def test_what_the_hint_says_is_read(competition):
    rows = "".join(f"train_images/{i:03d}.png,{i % 2}\n" for i in range(6))
    (competition / "train.csv").write_text("image_id,label\n" + rows)
    assert len(draw_sample(open_dataset(competition / "train.csv")).train) == 6


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("partition", ["0", "0", "1", "2"], "the column partition holds 0, 1, 2; understood are train, training, val"),
        ("split", ["heldout", "dev", "heldout", "dev"], "the column split holds dev, heldout; understood are"),
    ],
)
def test_splits_that_are_not_understood_are_named(make_folder, column, values, said):
    root = make_folder({"img": 4})
    rows = "".join(f"img/{i:03d}.png,{i % 2},{value}\n" for i, value in enumerate(values))
    (root / "pets.csv").write_text(f"image,label,{column}\n{rows}")
    with pytest.raises(DatasetError, match=said):
        open_dataset(root / "pets.csv")


def test_rows_without_a_label_are_no_validation(make_folder):
    root = make_folder({"img": 8})
    rows = "".join(f"img/{i:03d}.png,{'' if i > 5 else i % 2},{'test' if i > 5 else 'train'}\n" for i in range(8))
    (root / "pets.csv").write_text(f"image,label,split\n{rows}")
    dataset = open_dataset(root / "pets.csv")
    assert (dataset.n_train, dataset.n_eval, dataset.unlabelled) == (6, 0, ("test",))
    assert dataset.notes == ("The 2 images of test have no label and are left out.",)


def test_an_unclosed_quote_is_said(make_folder):
    root = make_folder({"img": 4})
    (root / "pets.csv").write_text('path,label\nimg/000.png,"a\nimg/001.png,b\n')
    with pytest.raises(DatasetError, match="unexpected end of data"):
        open_dataset(root / "pets.csv")
