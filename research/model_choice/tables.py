"""Writes what is known of timm's models as pretrained weights: ``python -m research.model_choice.tables RESULTS OUT``.

RESULTS is the folder ``results`` of a checkout of huggingface/pytorch-image-models (Apache-2.0). ``imagenet.csv`` holds
the published accuracy of each of its weights, ``costs.csv`` what training an architecture takes: bytes that are kept
for an image, counted here, and the published images a second on one RTX 3090 in mixed precision. ``SOURCES.md`` names
the files that were read, and what they were when they were.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from advisor.describe.model import describe_model, model_names
from advisor.errors import UsageError
from research.model_choice.training_memory import saved_bytes

ACCURACIES = "results-imagenet.csv"
SPEEDS = "benchmark-train-amp-nhwc-pt112-cu113-rtx3090.csv"
_SOURCES = """\
# Sources of imagenet.csv and costs.csv

| column | file of huggingface/pytorch-image-models | SHA-256 |
|---|---|---|
| imagenet.csv | results/{accuracies} | {accuracies_digest} |
| costs.csv, `images_per_second` | results/{speeds} | {speeds_digest} |
| costs.csv, `saved_bytes` | none: counted by research/model_choice/training_memory.py | |

Copyright Ross Wightman and the authors of timm; licensed under the Apache License, Version 2.0
(http://www.apache.org/licenses/LICENSE-2.0; a copy is the file LICENSE of this distribution). Changed: of each of the
weights one row is kept, at the side that its architecture takes by default, or the smallest; of each row the accuracy
or the speed alone; models that the table of models does not hold are left out.
"""


def accuracies(rows: Iterable[Mapping[str, str]]) -> list[tuple[str, int, str]]:
    """Return name, side and top-1 accuracy of weights, one row each: at the native side, or at the smallest."""
    by_model: dict[str, list[tuple[int, str]]] = {}
    for row in rows:
        by_model.setdefault(row["model"], []).append((int(row["img_size"]), row["top1"]))
    known, found = set(model_names()), []
    for model, sizes in sorted(by_model.items()):
        architecture = model.partition(".")[0]
        if architecture in known:
            native = describe_model(architecture).img_size
            side, top1 = min(sizes, key=lambda size: (size[0] != native, size[0]))
            found.append((model, side, top1))
    return found


def speeds(rows: Iterable[Mapping[str, str]]) -> dict[str, tuple[int, float]]:
    """Return side and images a second by architecture."""
    return {row["model"]: (int(row["train_img_size"]), float(row["train_samples_per_sec"])) for row in rows}


def at_native_side(architecture: str, side: int, per_second: float) -> float:
    """Return the speed at the side that the architecture takes by default; work grows with the square of the side."""
    return per_second * (side / describe_model(architecture).img_size) ** 2


def costs(architectures: Iterable[str], published: Mapping[str, tuple[int, float]]) -> list[tuple[str, str, str]]:
    """Return architecture, bytes kept for an image and images a second at the native side; blank where unknown."""
    found = []
    for architecture in architectures:
        try:
            kept = str(saved_bytes(architecture))
        except Exception as error:  # isolation: one model that cannot be traced must not cost the table the others
            print(f"{architecture}: {type(error).__name__}: {error}", file=sys.stderr)
            kept = ""
        speed = published.get(architecture)
        found.append((architecture, kept, "" if speed is None else f"{at_native_side(architecture, *speed):.4g}"))
    return found


def main(results: Path, out: Path) -> None:
    """Write the two tables and their sources."""
    out.mkdir(parents=True, exist_ok=True)
    known = accuracies(_read(results / ACCURACIES))
    _write(out / "imagenet.csv", ("model", "img_size", "top1"), known)
    architectures = sorted({model.partition(".")[0] for model, _, _ in known})
    table = costs(architectures, speeds(_read(results / SPEEDS)))
    _write(out / "costs.csv", ("architecture", "saved_bytes", "images_per_second"), table)
    text = _SOURCES.format(
        accuracies=ACCURACIES,
        accuracies_digest=_digest(results / ACCURACIES),
        speeds=SPEEDS,
        speeds_digest=_digest(results / SPEEDS),
    )
    (out / "SOURCES.md").write_text(text, encoding="utf-8")


def _read(path: Path) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    except OSError as error:
        raise UsageError(
            f"no {path.name} in {path.parent}",
            cause=str(error),
            hint="name the folder results of a checkout of huggingface/pytorch-image-models",
        ) from error


def _write(path: Path, head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except UsageError as error:
        sys.exit(f"{error}\n{error.hint}")
