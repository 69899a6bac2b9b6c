"""Puts datasets into the store in groups: those that share images are held out together when advice is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa

from advisor.describe.near_duplicates import MAX_SHARE, likeness, shared, thumbnails
from advisor.describe.sample import draw_sample
from advisor.describe.sources.images import ImageDataset
from advisor.records.schema import Dataset
from advisor.records.store.store import Store, row, upsert
from advisor.records.store.tables import DATASETS, LIKENESSES


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
    with store.reading() as connection:
        known = _likenesses(connection).get(dataset.dataset_id)
    own = known or likeness(draw_sample(images))
    with store.writing() as connection:
        others = {key: kept for key, kept in _likenesses(connection).items() if key != dataset.dataset_id}
        groups = _groups_of(connection, _alike(own, others))
        if groups:
            dataset = replace(dataset, group=groups[0])
            merged = sa.update(DATASETS).where(DATASETS.c.group.in_(groups)).values(group=groups[0])
            connection.execute(merged)
        upsert(connection, DATASETS, [row(dataset)])
        upsert(connection, LIKENESSES, [{"dataset_id": dataset.dataset_id, "thumbnails": own}])
    return dataset


def _likenesses(connection: sa.Connection) -> dict[str, bytes]:
    return {found.dataset_id: found.thumbnails for found in connection.execute(sa.select(LIKENESSES))}


def _alike(own: bytes, others: Mapping[str, bytes]) -> list[str]:
    """Return the datasets that share images, the one that shares most first."""
    mine = thumbnails(own)
    shares = {key: shared(mine, thumbnails(kept)) for key, kept in others.items()}
    return sorted((key for key, share in shares.items() if share > MAX_SHARE), key=lambda key: (-shares[key], key))


def _groups_of(connection: sa.Connection, dataset_ids: list[str]) -> list[str]:
    """Return the groups of datasets in the order of these, each once."""
    found = connection.execute(
        sa.select(DATASETS.c.dataset_id, DATASETS.c.group).where(DATASETS.c.dataset_id.in_(dataset_ids))
    )
    group_of = {one.dataset_id: one.group for one in found}
    return list(dict.fromkeys(group_of[key] for key in dataset_ids if key in group_of))
