import hashlib
import json
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
from advisor._meta_data.sources.duplicates import find_overlaps
from advisor._meta_data.sources.fetch import Fetcher
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
    assert max(len(specs) for specs in of_group if specs[0].generated) <= 3
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
