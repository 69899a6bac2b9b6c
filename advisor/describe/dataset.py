"""Opens any image-classification dataset and describes it: identity, counts, features, and what is wrong with it."""

from __future__ import annotations

import hashlib
import math
import numbers
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.config import Config
from advisor.describe.cache import Cache, listing_key
from advisor.describe.features.compute import compute_features
from advisor.describe.features.spec import FEATURES_VERSION
from advisor.describe.findings import findings
from advisor.describe.fingerprint import Fingerprint, take_fingerprint
from advisor.describe.same_images import FOLDER, known_as
from advisor.describe.sample import Progress, Sample, draw_sample
from advisor.describe.sources.class_map import of_class_map
from advisor.describe.sources.images import Entry, ImageDataset, Split, printable
from advisor.describe.sources.opening import open_dataset
from advisor.describe.sources.readers.arrays import without_loader
from advisor.plugins import get_plugins
from advisor.records.described import remember_described
from advisor.records.schema import Dataset

__all__ = ["Description", "Entry", "ImageDataset", "Sample", "Split", "describe", "draw_sample", "open_dataset"]

_WARNINGS_VERSION = 2
"""To be raised with what the warnings of the sample say: they are kept with its features."""


@dataclass(frozen=True)
class Description:
    """What is known about a dataset.

    Attributes
    ----------
    dataset : Dataset
        The record: identity, counts, features.
    kind : str
        The kind of source it was read from.
    class_counts, eval_counts : dict of str to int
        Training and validation images of each class.
    warnings : tuple of str
        What is wrong or unusual, as sentences for people.
    unreadable : tuple of str
        Paths of files that are empty or no images, and of drawn images that cannot be decoded, each with the reason
        after a colon.
    skipped : tuple of str
        Files that look like images and that timm would not read.
    n_drawn : int
        Images that were drawn to be decoded.
    """

    dataset: Dataset
    kind: str
    class_counts: dict[str, int]
    eval_counts: dict[str, int]
    warnings: tuple[str, ...]
    unreadable: tuple[str, ...]
    skipped: tuple[str, ...]
    n_drawn: int

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON values, the record's fields first."""
        record = {name: getattr(self.dataset, name) for name in self.dataset.__dataclass_fields__}
        rest = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "dataset"}
        return {**record, **{k: list(v) if isinstance(v, tuple) else v for k, v in rest.items()}}


def describe(
    source: Any,
    *,
    class_map: str | None = None,
    seed: int = 0,
    probe_seconds: float | None = None,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> Description:
    """Return the description of a dataset, from the cache if the same content was described before.

    Parameters
    ----------
    source : str, Path or ImageDataset
        As for ``open_dataset``.
    class_map : str, optional
        A file of timm's ``--class-map``, which names the class folders that are trained on.
    seed : int
        Decides which images are drawn; the result is the same for the same content and seed.
    probe_seconds : float, optional
        Time allowed for training a tiny network on the sample at a few learning rates; by default none is trained.
    cache_dir : Path, optional
        Folder of the cache; by default the setting ``cache_dir``.
    progress : callable, optional
        Called as (stage, done, total) while it works.

    Returns
    -------
    Description

    Raises
    ------
    DatasetError
        As ``open_dataset``, or if no image can be read.
    MissingExtraError
        If a probe is asked for and torch is not installed.
    """
    dataset = of_class_map(open_dataset(source), class_map)
    cache = Cache((cache_dir or Config()["cache_dir"]) / FOLDER)
    listing = listing_key(dataset)
    fingerprint = known_as(_fingerprint(dataset, cache, listing, progress), cache)
    key = f"{fingerprint.dataset_id}-{_options(seed, probe_seconds)}"
    found = cache.get(key)
    if found is None:
        found = _examine(dataset, fingerprint, seed, probe_seconds, progress)
        unchanged = listing is None or listing == listing_key(dataset)
        if unchanged and (probe_seconds is None or "probe_skill" in found["features"]):
            cache.put(key, found)
    name = printable(dataset.name)
    record = Dataset(
        dataset_id=fingerprint.dataset_id,
        name=name,
        group=name,
        n_train=dataset.n_train,
        n_eval=dataset.n_eval,
        n_classes=dataset.n_classes,
        features=found["features"],
        features_version=FEATURES_VERSION,
    )
    remember_described(without_loader(source), record)
    return Description(
        dataset=record,
        kind=dataset.kind,
        class_counts=_counts(dataset, dataset.train),
        eval_counts=_counts(dataset, dataset.eval) if dataset.eval is not None else {},
        warnings=(*dataset.notes, *_skipped_note(dataset), *_validation_note(dataset), *found["warnings"]),
        unreadable=tuple(found["unreadable"]),
        skipped=tuple(printable(path) for path in dataset.skipped),
        n_drawn=found["n_drawn"],
    )


def _options(seed: int, probe_seconds: float | None) -> str:
    """Return a digest of everything beside the content that the result depends on."""
    plugins = get_plugins()
    extensions = [
        (name, plugins.distributions.get(name)) for name, _ in plugins.implementations("advisor_meta_features")
    ]
    options = (seed, FEATURES_VERSION, _WARNINGS_VERSION, probe_seconds is not None, extensions)
    return hashlib.blake2b(repr(options).encode(), digest_size=8).hexdigest()


def _examine(
    dataset: ImageDataset,
    fingerprint: Fingerprint,
    seed: int,
    probe_seconds: float | None,
    progress: Progress | None,
) -> dict[str, Any]:
    """Return what decoding a sample shows, as JSON values."""
    sample = draw_sample(dataset, seed=seed, progress=progress)
    features = compute_features(sample, probe_seconds=probe_seconds, progress=progress)
    warnings = list(findings(sample, features, fingerprint, dataset.classes))
    if probe_seconds is not None and "probe_skill" not in features:
        warnings.append(f"The probe did not end within {probe_seconds:g} seconds and was left out.")
    unreadable = {**dict(sample.unreadable), **dict(fingerprint.broken)}
    return {
        "features": {**features, **_features_of_plugins(sample)},
        "warnings": warnings,
        "unreadable": [f"{printable(path)}: {reason}" for path, reason in sorted(unreadable.items())],
        "n_drawn": sample.n_drawn,
    }


def _features_of_plugins(sample: Sample) -> dict[str, float]:
    """Return what the hook ``advisor_meta_features`` gives, each name as ``plugin.name``; only finite numbers."""
    return {
        f"{plugin}.{name}": float(value)
        for plugin, values in get_plugins().call_each("advisor_meta_features", sample=sample)
        for name, value in dict(values).items()
        if isinstance(value, numbers.Real) and math.isfinite(value)
    }


def _fingerprint(dataset: ImageDataset, cache: Cache, listing: str | None, progress: Progress | None) -> Fingerprint:
    key = f"read-{listing}"
    known = cache.get(key) if listing is not None else None
    if known is not None:
        lists = {"broken": tuple(map(tuple, known["broken"])), "nameless": tuple(known["nameless"])}
        return Fingerprint(**{**known, **lists})
    fingerprint = take_fingerprint(dataset, progress)
    if listing is not None:
        cache.put(key, vars(fingerprint))
    return fingerprint


def _counts(dataset: ImageDataset, split: Split) -> dict[str, int]:
    names = map(printable, dataset.classes)
    return dict(zip(names, split.counts().tolist(), strict=True))


def _validation_note(dataset: ImageDataset) -> list[str]:
    if dataset.eval is not None:
        return []
    if dataset.unlabelled:  # what timm would validate on has been said
        return ["Nothing with labels is set apart for validation."]
    return ["Nothing is set apart for validation: timm would validate on the training images."]


def _skipped_note(dataset: ImageDataset) -> list[str]:
    if not dataset.skipped:
        return []
    kinds = sorted({os.path.splitext(name)[1].lower() for name in dataset.skipped})
    return [f"{len(dataset.skipped)} files are images that timm does not read by default ({', '.join(kinds)})."]
