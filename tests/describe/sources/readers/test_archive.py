"""Archives: read where they are, whole or damaged, and nothing outside of them is touched."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.describe.dataset import describe, draw_sample, open_dataset
from advisor.describe.fingerprint import take_fingerprint
from advisor.errors import DatasetError


def test_a_tar_of_tars_has_a_class_an_inner_tar(pack):
    dataset = open_dataset(pack.tar_of_tars())
    assert dict(zip(dataset.classes, dataset.train.counts().tolist(), strict=True)) == {"cat": 4, "dog": 3}
    assert len(draw_sample(dataset).train) == 7


def test_tar_files_agree_with_timm(pack):
    timm_data = pytest.importorskip("timm.data")
    path = pack.tar("train")
    theirs = timm_data.create_dataset("", str(path), split="train").reader
    ours = open_dataset(path)
    assert ours.n_train == len(theirs)
    assert list(ours.classes) == sorted(theirs.class_name_to_idx)


def test_a_compressed_tar_is_explained(pack):
    with pytest.raises(DatasetError) as caught:
        open_dataset(pack.tar(suffix=".tar.gz", mode="w:gz"))
    assert "compressed as a whole" in caught.value.problem
    assert caught.value.hint.startswith("mkdir data && tar xf")


def test_a_zip_file_of_a_version_that_python_does_not_know_is_refused(pack):
    path = pack.zip()
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 191  # the version that is needed to extract it
    path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        open_dataset(path)
    assert "zip file version 19.1" in str(caught.value.cause)


def test_members_that_lead_outside_are_left_out(encoded, picture, tmp_path):
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


def test_resource_forks_of_macos_are_no_images(pets, pack):
    path = pack.zip("pets/")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("__MACOSX/pets/train/cat/._000.png", b"fork")
    assert take_fingerprint(open_dataset(path)).dataset_id == take_fingerprint(open_dataset(pets)).dataset_id


def test_a_truncated_tar_gives_what_came_before(pack):
    path = pack.tar()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 300])
    dataset = open_dataset(path)
    assert 2 <= dataset.n_train + dataset.n_eval < 10
    described = describe(dataset)
    assert any("ends too early" in warning for warning in described.warnings) or described.unreadable


def test_a_tar_that_is_damaged_in_its_middle_says_so(pack):
    path = pack.tar()
    with tarfile.open(path) as archive:
        at = [member.offset for member in archive if member.name.endswith(".png")][5]
    content = path.read_bytes()
    path.write_bytes(content[:at] + b"\1" * 600 + content[at:])
    assert any("ends too early or is damaged" in note for note in open_dataset(path).notes)


def test_a_tar_cut_within_its_first_class_says_so(pack):
    path = pack.tar("train")
    with tarfile.open(path) as archive:
        second_class = next(
            member.offset for member in archive if member.name.endswith(".png") and "dog" in member.name
        )
    path.write_bytes(path.read_bytes()[: second_class + 100])
    with pytest.raises(DatasetError) as caught:
        open_dataset(path)
    assert (
        "all 4 training images lie in the class 'cat'. The archive ends too early or is damaged" in caught.value.cause
    )


def test_a_zip_file_that_lacks_bytes_is_said_to_be_damaged(pack):
    path = pack.zip()
    content = path.read_bytes()
    path.write_bytes(content[:100] + content[300:])
    assert "bytes before its directory are missing" in describe(path).unreadable[0]


def test_an_encrypted_or_damaged_member_is_skipped_by_name(encoded, picture, tmp_path):
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


@pytest.fixture(scope="module")
def small_archives(encoded, picture) -> list[bytes]:
    """A ZIP and a tar file of two images."""
    packed, taped = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, tarfile.open(fileobj=taped, mode="w") as tape:
        for label in "ab":
            data = encoded(picture(3, 8))
            archive.writestr(f"{label}/0.png", data)
            info = tarfile.TarInfo(f"{label}/0.png")
            info.size = len(data)
            tape.addfile(info, io.BytesIO(data))
    return [packed.getvalue(), taped.getvalue()]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_archives_end_in_a_dataset_or_a_refusal(small_archives, tmp_path, data):
    content = bytearray(data.draw(st.sampled_from(small_archives)))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    path = tmp_path / "some.archive"
    path.write_bytes(content)
    try:
        assert len(take_fingerprint(open_dataset(path)).dataset_id) == 32
    except DatasetError as error:
        assert error.hint  # noqa: PT017 - either outcome is right
