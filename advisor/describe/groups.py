"""Puts datasets into the store in groups: those that share images are held out together when advice is judged."""

from __future__ import annotations

from collections.abc import Mapping

from advisor.describe.near_duplicates import MAX_SHARE, pack_thumbnails, shared, thumbnails
from advisor.describe.sample import draw_sample
from advisor.describe.sources.images import ImageDataset
from advisor.records.schema import Dataset
from advisor.records.store.store import Store


def put_in_group(store: Store, images: ImageDataset, dataset: Dataset) -> Dataset:
    """Put a user's dataset into the store, in the group of the datasets there that share images with it.

    Near-duplicates count, so the same images at another size or quality do. Groups that the dataset ties together
    become one. Only datasets that came into the store this way are compared with.

    Parameters
    ----------
    store : Store
        Where to.
    images : ImageDataset
        Its images, of which a sample is read if the dataset is new.
    dataset : Dataset
        Its description.

    Returns
    -------
    Dataset
        The description with the group it was given.
    """
    own = store.thumbnails(dataset.dataset_id) or pack_thumbnails(draw_sample(images))
    return store.put_in_group(dataset, own, lambda others: _alike(own, others))


def _alike(own: bytes, others: Mapping[str, bytes]) -> list[str]:
    """Return the datasets that share images, the one that shares most first."""
    mine = thumbnails(own)
    shares = {key: shared(mine, thumbnails(kept)) for key, kept in others.items()}
    return sorted((key for key, share in shares.items() if share > MAX_SHARE), key=lambda key: (-shares[key], key))
