"""What a dataset of a source is made of, and how its images become a folder with two splits."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from advisor._meta_data.sources.fetch import Fetcher
from advisor.errors import DatasetError


@dataclass(frozen=True)
class Sample:
    """One labelled image before it is assigned to a split."""

    label: str
    image: Image.Image
    key: str
    """What is shown. Samples of one key, such as one icon at two sizes, go to the same split."""


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset: where it comes from, what its labels mean and how many images it has at most."""

    name: str
    group: str
    """Datasets of one group share images or their origin; evaluation leaves out whole groups."""
    source: str
    licence: str
    labels: str
    """What the classes mean."""
    img_size: int
    """Height and width in pixels."""
    n_train: int
    n_eval: int
    samples: Callable[[Fetcher, int, np.random.Generator], Iterable[Sample]]
    """Called with the fetcher, ``img_size`` and a generator seeded by ``family``."""
    generated: bool = False
    """Whether the images are drawn by a program rather than by people or a camera."""
    packages: tuple[str, ...] = ()
    """``npm:NAME@VERSION`` or ``deb:NAME``."""
    label_noise: float = 0.0
    """Share of the training labels replaced by another class, in [0, 1)."""
    family: str = ""
    """Datasets of one family draw the same samples in the same order; by default the name."""

    @property
    def seed(self) -> int:
        """Seed of everything random in the dataset."""
        return int.from_bytes(hashlib.sha256((self.family or self.name).encode()).digest()[:8], "big")


Split = list[tuple[str, Image.Image]]


def build(spec: DatasetSpec, data_dir: Path, fetcher: Fetcher) -> Path:
    """Write ``data_dir/NAME/{train,validation}/CLASS/N.png`` and ``data_dir/NAME.json`` beside it.

    The folder appears in one step when it is complete; one that is there already is left as it is.

    Returns
    -------
    Path
        The dataset's folder.

    Raises
    ------
    DatasetError
        If a class has too few images for both splits.
    """
    folder = data_dir / spec.name
    if folder.is_dir():
        return folder
    data_dir.mkdir(parents=True, exist_ok=True)
    samples = _distinct(spec.samples(fetcher, spec.img_size, np.random.default_rng([spec.seed, 0])))
    train, validation = split(samples, spec.n_train, spec.n_eval, np.random.default_rng([spec.seed, 1]))
    in_both = {label for label, _ in train} & {label for label, _ in validation}
    if odd := sorted({sample.label for sample in samples} - in_both):
        raise DatasetError(
            f"{spec.name} cannot show every class in both splits: {', '.join(odd)}",
            cause="they have too few different images",
            hint="leave them out in the module of the source",
        )
    train = _with_wrong_labels(train, spec.label_noise, np.random.default_rng([spec.seed, 2]))
    partial = Path(tempfile.mkdtemp(prefix=f".{spec.name}-", dir=data_dir))
    try:
        partial.chmod(0o755)
        digests = {"train": _write(train, partial / "train"), "validation": _write(validation, partial / "validation")}
        _write_provenance(spec, fetcher, digests, data_dir / f"{spec.name}.json")
        os.rename(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        if not folder.is_dir():
            raise
    return folder


def _distinct(samples: Iterable[Sample]) -> list[Sample]:
    """Keep one of equal images, and none where equal images are labelled differently."""
    by_pixels: dict[bytes, list[Sample]] = defaultdict(list)
    for sample in samples:
        image = sample.image.convert("RGB")
        pixels = hashlib.sha256(image.tobytes()).digest()
        by_pixels[pixels].append(Sample(sample.label, image, sample.key))
    return [same[0] for same in by_pixels.values() if len({sample.label for sample in same}) == 1]


def split(samples: list[Sample], n_train: int, n_eval: int, rng: np.random.Generator) -> tuple[Split, Split]:
    """Divide samples by key, each class in the same ratio.

    A key goes to one split whatever its label, so nothing shown in training is shown again in evaluation. Where there
    are fewer samples than asked for, both splits shrink in proportion.

    Parameters
    ----------
    samples : list of Sample
        Without equal images.
    n_train, n_eval : int
        Largest sizes of the splits.
    rng : numpy.random.Generator
        Decides the order.

    Returns
    -------
    tuple of list
        Training and evaluation images with their labels.
    """
    classes = sorted({sample.label for sample in samples})
    share = n_eval / (n_train + n_eval)
    shrink = min(1.0, (n_train + n_eval) / len(samples))
    keys = sorted({sample.key for sample in samples})
    by_key: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_key[sample.key].append(sample)
    total = {label: sum(sample.label == label for sample in samples) * shrink for label in classes}
    wanted = {label: (count * (1 - share), count * share) for label, count in total.items()}
    splits: tuple[Split, Split] = ([], [])
    counts = (dict.fromkeys(classes, 0), dict.fromkeys(classes, 0))
    for index in rng.permutation(len(keys)):
        same = by_key[keys[index]]
        # To the split that lacks more of its share for the classes shown; evaluation first where both are empty.
        lack = [sum(1 - counts[s][item.label] / wanted[item.label][s] for item in same) for s in (0, 1)]
        side = 0 if lack[0] > lack[1] else 1
        for sample in same:
            if counts[side][sample.label] < round(wanted[sample.label][side]):
                counts[side][sample.label] += 1
                splits[side].append((sample.label, sample.image))
    return splits


def _with_wrong_labels(train: Split, share: float, rng: np.random.Generator) -> Split:
    classes = sorted({label for label, _ in train})
    wrong = set(rng.permutation(len(train))[: round(share * len(train))].tolist())
    return [
        (str(rng.choice([other for other in classes if other != label])) if index in wrong else label, image)
        for index, (label, image) in enumerate(train)
    ]


def _write(split_: Split, folder: Path) -> str:
    """Write one split and return the SHA-256 over its labels and pixels."""
    digest = hashlib.sha256()
    numbers: dict[str, int] = defaultdict(int)
    for label, image in split_:
        target = folder / label / f"{numbers[label]:05d}.png"
        numbers[label] += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        image.save(target)
        digest.update(label.encode() + image.tobytes())
    return digest.hexdigest()


def _write_provenance(spec: DatasetSpec, fetcher: Fetcher, digests: dict[str, str], path: Path) -> None:
    facts = {key: value for key, value in asdict(spec).items() if key != "samples"}
    facts["packages"] = [fetcher.provenance(package) for package in spec.packages]
    facts["sha256"] = digests
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
