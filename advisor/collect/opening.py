"""Opens a collection: what a plan needs is looked up, described and, on request, made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from advisor.collect.collector import Collection
from advisor.collect.datasets import prepare
from advisor.collect.engine import Engine
from advisor.collect.planning.plan import Plan
from advisor.collect.training.pretrain import missing_checkpoints, pretrain
from advisor.config import Config
from advisor.records.store.store import Store


def open_collection(
    plan: Plan,
    data_dir: Path,
    engine: Engine,
    *,
    build: bool = False,
    probe: float | None = None,
    retry_failed: bool = False,
    device: str = "cpu",
    say: Callable[[str], None],
) -> Collection:
    """Return what is to be trained of a plan, over the datasets and checkpoints that are there.

    Parameters
    ----------
    plan : Plan
        What is asked for.
    data_dir : Path
        The folder of the datasets, and of the checkpoints.
    engine : Engine
        Makes the checkpoints.
    build : bool
        Whether datasets and checkpoints that are not there are made first.
    probe : float, optional
        Seconds to probe each dataset for.
    retry_failed : bool
        Whether runs that are recorded as failed are trained again.
    device : str
        Where the cases are trained that the plan wants trained there.
    say : callable
        Is told what is made and what is left out.
    """
    config = Config()
    store = Store(config["store"])

    def make(name: str) -> None:
        from advisor._meta_data.sources import build_dataset

        say(f"building {name}")
        build_dataset(name, data_dir)

    prepared = prepare(plan.dataset_names(), data_dir, store, make if build else None, probe)
    if prepared.missing:
        say(f"not in {data_dir}, left out: {', '.join(prepared.missing)}")
    if build:
        for made in engine.run(pretrain, missing_checkpoints(plan, data_dir)):
            say(f"{made.task}: {'its worker died' if made.died else 'made'}")
    for checkpoint in missing_checkpoints(plan, data_dir):
        say(f"not there, its cases left out: {checkpoint}")
    return Collection(
        plan,
        prepared.datasets,
        prepared.dataset_ids,
        store,
        config["spool_dir"],
        retry_failed=retry_failed,
        device=device,
    )
