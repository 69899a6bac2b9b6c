"""The same images are the same dataset whatever they are packed in."""

from __future__ import annotations

import csv
import io
import json
import os
import tarfile
import zipfile
from importlib.util import find_spec

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sample_pictures import encoded, picture

import advisor.describe.sources.opening
from advisor import hookimpl
from advisor.describe.dataset import describe, draw_sample, open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.describe.sources.labels import class_indices
from advisor.errors import DatasetError, MissingExtraError
from advisor.plugins import Plugins

COUNTS = {"train/cat": 4, "train/dog": 3, "val/cat": 2, "val/dog": 1}
ROWS = [
    (split, label, i)
    for split_label, n in COUNTS.items()
    for split, label in [split_label.split("/")]
    for i in range(n)
]


@pytest.fixture
def pets(make_folder):
    return make_folder(COUNTS)


def _files(root):
    return [(os.path.relpath(os.path.join(d, f), root), os.path.join(d, f)) for d, _, fs in os.walk(root) for f in fs]


def _zip(root, out, prefix=""):
    with zipfile.ZipFile(out, "w") as archive:
        for name, path in _files(root):
            archive.write(path, prefix + name)
    return out


def _tar(root, out, mode="w"):
    with tarfile.open(out, mode) as archive:
        archive.add(root, arcname=".")
    return out


def _tar_of_tars(root, out):
    with tarfile.open(out, "w") as outer:
        for label in ("cat", "dog"):
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as archive:
                for file in sorted((root / "train" / label).iterdir()):
                    archive.add(file, arcname=file.name)
            info = tarfile.TarInfo(f"{label}.tar")
            info.size = inner.tell()
            inner.seek(0)
            outer.addfile(info, inner)
    return out


def _table(root):
    rows = [(f"{split}/{label}/{i:03d}.png", label, split) for split, label, i in ROWS]
    assert all((root / path).is_file() for path, _, _ in rows)
    return rows


def _csv(root, delimiter=","):
    path = root / ("pets.tsv" if delimiter == "\t" else "pets.csv")
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=delimiter).writerows([("File_Name", "Label", "Split"), *_table(root)])
    return path


def _parquet(root):
    columns = dict(zip(("path", "label", "split"), map(list, zip(*_table(root), strict=True)), strict=True))
    pa.parquet.write_table(pa.table(columns), root / "pets.parquet")
    return root / "pets.parquet"


def _image_table(root, split, names=("cat", "dog")):
    rows = [(label, i) for s, label, i in ROWS if s == split]
    images = [{"bytes": (root / split / label / f"{i:03d}.png").read_bytes(), "path": None} for label, i in rows]
    features = {"image": {"_type": "Image"}, "label": {"names": list(names), "_type": "ClassLabel"}}
    schema = pa.schema(
        [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    return pa.table({"image": images, "label": [names.index(label) for label, _ in rows]}, schema=schema), features


def _saved_to_disk(root, out):
    """Write what ``datasets.DatasetDict.save_to_disk`` writes."""
    (out).mkdir()
    (out / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "validation"]}))
    for split, name in (("train", "train"), ("val", "validation")):
        table, features = _image_table(root, split)
        (out / name).mkdir()
        (out / name / "dataset_info.json").write_text(json.dumps({"features": features}))
        (out / name / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
        with pa.ipc.new_stream(str(out / name / "data-00000-of-00001.arrow"), table.schema) as writer:
            writer.write_table(table.replace_schema_metadata(None), max_chunksize=2)
    return out


def _parquet_shards(root, out):
    (out / "data").mkdir(parents=True)
    for split, name in (("train", "train"), ("val", "validation")):
        table, _ = _image_table(root, split)
        pa.parquet.write_table(table, out / "data" / f"{name}-00000-of-00001.parquet", row_group_size=2)
    return out


def _shards(root, out, info=False):
    out.mkdir()
    (out / "classnames.txt").write_text("cat\ndog\n")
    names = (
        {"train": ["a-0.tar", "a-1.tar"], "val": ["b-0.tar"]}
        if info
        else {"train": ["x-train-0.tar", "x-train-1.tar"], "val": ["x-val-0.tar"]}
    )
    if info:
        splits = {"train": {"filenames": names["train"]}, "validation": {"filenames": names["val"]}}
        (out / "_info.json").write_text(json.dumps({"splits": splits}))
    for split, shards in names.items():
        for n, shard in enumerate(shards):
            with tarfile.open(out / shard, "w") as archive:
                for label, i in [(label, i) for s, label, i in ROWS if s == split][n :: len(shards)]:
                    content = (root / split / label / f"{i:03d}.png").read_bytes()
                    for extension, data in (("png", content), ("cls", str(["cat", "dog"].index(label)).encode())):
                        member = tarfile.TarInfo(f"{label}{i}.{extension}")
                        member.size = len(data)
                        archive.addfile(member, io.BytesIO(data))
    return out


@pytest.mark.parametrize(
    ("pack", "kind"),
    [
        (lambda root, out: _zip(root, out.with_suffix(".zip")), "zip"),
        (lambda root, out: _zip(root, out.with_suffix(".zip"), "pets/inner/"), "zip"),
        (lambda root, out: _tar(root, out.with_suffix(".tar")), "tar"),
        (lambda root, out: _csv(root), "csv"),
        (lambda root, out: _csv(root, ";"), "csv"),
        (lambda root, out: _csv(root, "\t"), "tsv"),
        (lambda root, out: _parquet(root), "parquet"),
        (_saved_to_disk, "hfds"),
        (_parquet_shards, "hfds"),
        (lambda root, out: f"hfds/{_saved_to_disk(root, out)}", "hfds"),
        (_shards, "wds"),
        (lambda root, out: _shards(root, out, info=True), "wds"),
        (lambda root, out: f"wds/{_shards(root, out)}", "wds"),
        (lambda root, out: f"wds/any-name:{_shards(root, out)}", "wds"),
        (lambda root, out: f"hfids/{_saved_to_disk(root, out)}", "hfds"),
    ],
    ids=[
        "zip",
        "zip-inner",
        "tar",
        "csv",
        "semicolons",
        "tsv",
        "parquet",
        "saved",
        "hub",
        "hfds/",
        "wds",
        "info",
        "wds/",
        "wds/name:root",
        "hfids/",
    ],
)
def test_every_packing_is_the_same_dataset(pets, tmp_path, pack, kind):
    expected = open_dataset(pets)
    packed = open_dataset(pack(pets, tmp_path / "packed"))
    assert packed.kind == kind
    assert (packed.n_train, packed.n_eval, packed.classes) == (7, 3, ("cat", "dog"))
    assert take_fingerprint(packed).dataset_id == take_fingerprint(expected).dataset_id
    sample = draw_sample(packed)
    assert (len(sample.train), len(sample.eval), sample.unreadable) == (7, 3, ())


def test_the_newest_build_in_the_cache_of_hugging_face(pets, tmp_path, monkeypatch):
    """The layout of ``datasets.load_dataset``: owner___name/config/version/hash/name-split.arrow."""
    for age, (build, names) in enumerate({"new": ("cat", "dog"), "old": ("dog", "cat")}.items()):
        folder = tmp_path / "cache" / "me___pets" / "default" / "0.0.0" / build
        folder.mkdir(parents=True)
        for split, name in (("train", "train"), ("val", "validation")):
            table, features = _image_table(pets, split, names)
            with pa.ipc.new_stream(str(folder / f"pets-{name}.arrow"), table.schema) as writer:
                writer.write_table(table)
        (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
        os.utime(folder, (1e9 - age, 1e9 - age))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    for source in ("hfds/me/pets", "hfids/me/pets", f"hfds/me/pets:{tmp_path / 'cache'}"):
        dataset = open_dataset(source)
        assert (dataset.name, dataset.classes, take_fingerprint(dataset).dataset_id) == (
            "pets",
            ("cat", "dog"),
            take_fingerprint(open_dataset(pets)).dataset_id,
        )
    with pytest.raises(DatasetError, match="is not in the cache"):
        open_dataset("hfds/me/others")


def test_a_tar_of_tars_has_a_class_an_inner_tar(pets, tmp_path):
    dataset = open_dataset(_tar_of_tars(pets, tmp_path / "outer.tar"))
    assert dict(zip(dataset.classes, dataset.train.counts().tolist(), strict=True)) == {"cat": 4, "dog": 3}
    assert len(draw_sample(dataset).train) == 7


def test_tar_files_agree_with_timm(pets, tmp_path):
    timm_data = pytest.importorskip("timm.data")
    path = _tar(pets / "train", tmp_path / "train.tar")
    theirs = timm_data.create_dataset("", str(path), split="train").reader
    ours = open_dataset(path)
    assert ours.n_train == len(theirs)
    assert list(ours.classes) == sorted(theirs.class_name_to_idx)


def test_a_compressed_tar_is_explained(pets, tmp_path):
    with pytest.raises(DatasetError) as caught:
        open_dataset(_tar(pets, tmp_path / "pets.tar.gz", "w:gz"))
    assert "compressed as a whole" in caught.value.problem
    assert caught.value.hint.startswith("mkdir data && tar xf")


def test_members_that_lead_outside_are_left_out(tmp_path):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for label in "ab":
            archive.writestr(f"{label}/0.png", encoded(picture(0)))
        archive.writestr("../escaped/1.png", encoded(picture(1)))
        archive.writestr("/etc/2.png", encoded(picture(2)))
    dataset = open_dataset(path)
    assert dataset.classes == ("a", "b")
    assert any("2 archive members lead outside" in note for note in dataset.notes)
    assert not (tmp_path.parent / "escaped").exists()


def test_resource_forks_of_macos_are_no_images(pets, tmp_path):
    path = _zip(pets, tmp_path / "pets.zip", "pets/")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/pets/train/cat/._000.png", b"fork")
    assert take_fingerprint(open_dataset(path)).dataset_id == take_fingerprint(open_dataset(pets)).dataset_id


def test_a_truncated_tar_gives_what_came_before(pets, tmp_path):
    path = _tar(pets, tmp_path / "pets.tar")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 300])
    dataset = open_dataset(path)
    assert 2 <= dataset.n_train + dataset.n_eval < 10
    described = describe(dataset)
    assert any("ends too early" in warning for warning in described.warnings) or described.unreadable


def test_a_tar_cut_within_its_first_class_says_so(pets, tmp_path):
    path = _tar(pets / "train", tmp_path / "pets.tar")
    with tarfile.open(path) as archive:
        second_class = next(
            member.offset for member in archive if member.name.endswith(".png") and "dog" in member.name
        )
    path.write_bytes(path.read_bytes()[: second_class + 100])
    with pytest.raises(DatasetError) as caught:
        open_dataset(path)
    assert "all 4 training images lie in the class 'cat'. The archive ends too early" in caught.value.cause


def test_an_encrypted_or_damaged_member_is_skipped_by_name(tmp_path):
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for label in "ab":
            for i in range(3):
                archive.writestr(f"{label}/{i}.png", encoded(picture(i)))
    content = bytearray(path.read_bytes())
    at = content.find(b"a/1.png") + 60
    content[at] ^= 255
    path.write_bytes(content)
    described = describe(path)
    assert [line.partition(":")[0] for line in described.unreadable] == ["a/1.png"]
    assert "damaged inside the archive" in described.unreadable[0]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_archives_end_in_a_dataset_or_a_refusal(tmp_path, data):
    content = bytearray(data.draw(st.sampled_from(_ARCHIVES)))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    path = tmp_path / "some.archive"
    path.write_bytes(content)
    try:
        assert len(take_fingerprint(open_dataset(path)).dataset_id) == 32
    except DatasetError as error:
        assert error.hint  # noqa: PT017 - either outcome is right


def _small_archives() -> list[bytes]:
    packed, taped = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, tarfile.open(fileobj=taped, mode="w") as tape:
        for label in "ab":
            data = encoded(picture(3, 8))
            archive.writestr(f"{label}/0.png", data)
            info = tarfile.TarInfo(f"{label}/0.png")
            info.size = len(data)
            tape.addfile(info, io.BytesIO(data))
    return [packed.getvalue(), taped.getvalue()]


_ARCHIVES = _small_archives()


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


def test_a_table_may_name_files_that_are_gone(pets):
    path = _csv(pets)
    (pets / "train" / "cat" / "000.png").unlink()
    described = describe(path)
    assert described.dataset.n_train == 7
    assert [line.partition(":")[0] for line in described.unreadable] == ["train/cat/000.png"]


def test_a_broken_parquet_file_is_explained(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DatasetError, match="cannot read"):
        open_dataset(tmp_path / "broken.parquet")


def test_without_pyarrow_the_extra_is_named(pets, monkeypatch):
    path = _parquet(pets)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError) as caught:
        open_dataset(path)
    assert caught.value.hint == "pip install 'timm-advisor[parquet]'"


def _arrays(n=30, channels_first=False, dtype=np.uint8):
    images = np.random.default_rng(0).integers(0, 256, (n, 16, 16, 3))
    images = images if dtype == np.uint8 else images / 255
    images = images.transpose(0, 3, 1, 2) if channels_first else images
    return images.astype(dtype), np.arange(n) % 3


@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_arrays_of_every_layout_show_the_same(channels_first, dtype):
    sample = draw_sample(open_dataset(_arrays(channels_first=channels_first, dtype=dtype)))
    expected = draw_sample(open_dataset(_arrays()))
    assert np.abs(sample.train.thumbnails.astype(int) - expected.train.thumbnails).max() <= 1
    assert sample.train.sizes.tolist() == [[16, 16]] * 30


def test_arrays_with_a_split_and_one_hot_labels():
    images, labels = _arrays()
    dataset = open_dataset(((images[:20], np.eye(3)[labels[:20]]), (images[20:], np.eye(3)[labels[20:]])))
    assert (dataset.n_train, dataset.n_eval, dataset.classes) == (20, 10, ("0", "1", "2"))


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (np.arange(30) / 7, "measurements"),
        (np.ones((30, 3)), "several labels"),
        (np.arange(29) % 3, "do not fit"),
        (np.zeros(30, int), "one class only"),
        (np.full(30, np.nan), "have no label"),
    ],
)
def test_arrays_that_are_no_single_label_classification(labels, problem):
    with pytest.raises(DatasetError) as caught:
        open_dataset((_arrays()[0], labels))
    assert problem in caught.value.problem


class Noise:
    """A map-style Dataset as torch's are."""

    def __init__(self, n: int, items=lambda i: (picture(i), i % 2)) -> None:
        self.n, self.items = n, items

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int):
        return self.items(index)


def test_a_dataset_of_python_objects():
    dataset = open_dataset((Noise(8), Noise(4)))
    assert (dataset.kind, dataset.n_train, dataset.n_eval, dataset.classes) == ("dataset", 8, 4, ("0", "1"))
    assert len(draw_sample(dataset).train) == 8


def test_items_that_are_no_pictures_are_counted():
    dataset = open_dataset(Noise(6, lambda i: (np.zeros((2, 3, 4, 5)) if i == 3 else picture(i), i % 2)))
    assert [path for path, _ in draw_sample(dataset).unreadable] == ["train/000003"]


def test_items_without_labels_are_refused():
    with pytest.raises(DatasetError, match="not \\(image, label\\)"):
        open_dataset(Noise(4, picture))


def test_torch_datasets_and_subsets(pets):
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    folder = torchvision.datasets.ImageFolder(str(pets / "train"), torchvision.transforms.ToTensor())
    dataset = open_dataset((folder, torch.utils.data.Subset(folder, [0, 6])))
    assert (dataset.n_train, dataset.n_eval, dataset.classes) == (7, 2, ("cat", "dog"))
    exact = draw_sample(open_dataset(pets)).train.thumbnails
    assert np.abs(draw_sample(dataset).train.thumbnails.astype(int) - exact).max() <= 1


def test_loaders_are_their_datasets_and_augmented_images_the_files_they_are_made_of(pets):
    torch = pytest.importorskip("torch")
    transforms = pytest.importorskip("torchvision.transforms")
    folder = pytest.importorskip("torchvision.datasets").ImageFolder
    varied = transforms.Compose([transforms.RandomResizedCrop(8), transforms.ToTensor()])
    training = torch.utils.data.DataLoader(folder(str(pets / "train"), varied), batch_size=2)
    validation = torch.utils.data.DataLoader(folder(str(pets / "val"), varied))
    assert open_dataset(training).n_train == 7
    assert describe((training, validation)).dataset.dataset_id == describe(pets).dataset.dataset_id
    assert open_dataset(torch.utils.data.DataLoader(Noise(6))).n_train == 6


def test_timm_datasets_are_not_decoded_for_their_labels(pets):
    timm_data = pytest.importorskip("timm.data")
    theirs = timm_data.create_dataset("", str(pets), split="train")
    (pets / "train" / "cat" / "000.png").write_bytes(b"")
    assert open_dataset(theirs).n_train == 7


def test_a_torchvision_name_with_its_root(tmp_path):
    pytest.importorskip("timm")
    root = tmp_path / "root" / "MNIST" / "raw"
    root.mkdir(parents=True)
    for part, n in (("train", 20), ("t10k", 10)):
        images = np.random.default_rng(n).integers(0, 256, (n, 28, 28), dtype=np.uint8)
        header = b"".join(int(v).to_bytes(4, "big") for v in (2051, n, 28, 28))
        (root / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = b"".join(int(v).to_bytes(4, "big") for v in (2049, n))
        (root / f"{part}-labels-idx1-ubyte").write_bytes(header + bytes(i % 10 for i in range(n)))
    dataset = open_dataset(f"torch/mnist:{tmp_path / 'root'}")
    assert (dataset.name, dataset.n_train, dataset.n_eval, dataset.n_classes) == ("mnist", 20, 10, 10)
    assert dataset.classes[3] == "3 - three"


def test_a_torchvision_name_that_is_not_there(tmp_path):
    pytest.importorskip("timm")
    with pytest.raises(DatasetError, match="cannot be opened below"):
        open_dataset(f"torch/cifar10:{tmp_path}")


def test_the_hook_is_asked_first(monkeypatch, pets):
    class Opener:
        @hookimpl
        def advisor_open_dataset(self, source):
            return open_dataset(pets) if source == "mine://pets" else None

    plugins = Plugins("none")
    plugins.register(Opener(), "mine")
    monkeypatch.setattr(advisor.describe.sources.opening, "get_plugins", lambda: plugins)
    assert open_dataset("mine://pets").n_train == 7
    with pytest.raises(DatasetError, match="there is no dataset"):
        open_dataset("other://pets")


@pytest.mark.parametrize("source", ["", "wds/", "hfds/"])
def test_an_empty_name_is_not_the_folder_one_is_in(source, pets, monkeypatch):
    monkeypatch.chdir(pets)
    with pytest.raises(DatasetError, match="the dataset has no name"):
        open_dataset(source)


@pytest.mark.skipif(find_spec("tensorflow_datasets") is not None, reason="asks what is said without it")
def test_tensorflow_datasets_that_is_not_installed_is_named():
    with pytest.raises(DatasetError) as caught:
        open_dataset("tfds/mnist")
    assert "tensorflow-datasets" in caught.value.hint


@pytest.mark.parametrize(
    ("labels", "refused"),
    [
        (["cat|dog", "cat", "dog"], True),
        (["cat|dog", "dog|emu", "cat|emu"], True),
        (["cat, dog", "dog, emu", "cat"], True),
        (["cock, rooster", "hen", "missile", "projectile, missile", "skunk, polecat", "polecat, fitch"], False),
        (["red, round", "red, square", "blue, round", "blue, square"], False),
    ],
)
def test_lists_of_labels_are_told_from_names_with_commas(labels, refused):
    if refused:
        with pytest.raises(DatasetError, match="several labels"):
            class_indices(labels, "pets")
    else:
        assert len(class_indices(labels, "pets")[1]) == len(labels)


@pytest.mark.parametrize("source", [None, 3, {"a": 1}, [1, 2]])
def test_things_that_are_no_source(source):
    with pytest.raises(DatasetError, match="is no dataset"):
        open_dataset(source)


def test_a_single_image_file_is_no_dataset(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "one.png")
    with pytest.raises(DatasetError, match="is a file that holds no dataset"):
        open_dataset(tmp_path / "one.png")
