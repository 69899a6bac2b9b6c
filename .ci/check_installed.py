"""Checks an installed wheel as a stranger would: every module imports, advice is given, no checkout is needed.

Run by the interpreter that the wheel is installed for, in any folder: ``python check_installed.py``.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from pathlib import Path

from PIL import Image

NEEDS_MORE = ("torch", "torchvision", "timm", "transformers", "lightning", "ray", "mlflow", "optuna", "pytest")
"""What only extras bring; a module that needs one is not imported without it."""
NOT_MODULES = ("__main__", "env")  # the command itself, and what only alembic may import


def main() -> None:
    """Check, and say what was found."""
    plugins = entry_points(group="advisor")
    imported = sum(import_all(package) for package in ("advisor", *sorted(point.value for point in plugins)))
    names = {point.name for point in plugins}
    assert {"timm", "transformers", "lightning", "mlflow", "optuna", "ray", "wandb", "quicktune"} <= names, names
    with tempfile.TemporaryDirectory() as folder:
        answer = suggest(Path(folder))
    assert answer["schema"] == "advisor.suggestion/1", answer
    print(f"Python {sys.version.split()[0]}: {imported} modules import, advice from {answer['basis']}")


def import_all(package: str) -> int:
    """Import a package and all that is in it; return how many modules that were."""
    found = [package]
    found += [
        module.name
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
        if module.name.rpartition(".")[2] not in NOT_MODULES
    ]
    for name in found:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if str(error.name).partition(".")[0] not in NEEDS_MORE:
                raise
    return len(found)


def suggest(folder: Path) -> dict[str, object]:
    """Ask for advice on 24 images, as the command line is asked."""
    for i in range(24):
        path = folder / "photos" / f"kind-{i % 2}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((32, 32), 20 + 80 * (i % 2)).convert("RGB").save(path)
    command = [sys.executable, "-m", "advisor", "suggest", "--dataset", str(folder / "photos"), "--format", "json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    main()
