"""What ships of the checkpoints that runs were fine-tuned from: facts instead of weights."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from advisor.collect.datasets import read_provenance
from advisor.collect.planning.plan import MadeCheckpoints, PublishedCheckpoints, checkpoint_path, refuse_leak
from advisor.errors import AdvisorError
from advisor.records.evidence import EPOCH_DECIMALS
from advisor.records.schema import Run


def describe_checkpoints(
    runs: Iterable[Run], group_of: Mapping[str, str], data_dir: Path, shipped: Iterable[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Return what is known of every checkpoint that runs started from, by name and model.

    Parameters
    ----------
    runs : iterable of Run
    group_of : mapping of str to str
        Group of each dataset that the runs were trained on.
    data_dir : Path
        Holds the checkpoints, the facts of each beside it, and the provenance of the datasets that they pool.
    shipped : iterable of mapping
        What was returned for runs shipped before. Made again on another processor weights differ by rounding, so
        earlier runs started from others; their digests are kept.

    Raises
    ------
    AdvisorError
        If nothing is known of a checkpoint, or it had seen the group of a dataset it was fine-tuned on.
    """
    started = [run for run in runs if run.extra.get("checkpoint")]
    wanted = sorted({(str(run.extra["checkpoint"]), str(run.model)) for run in started})
    digests: dict[tuple[str, str], set[str]] = defaultdict(set)
    for facts in shipped:
        digests[facts["name"], facts["model"]].update((facts["sha256"], *facts.get("earlier_sha256", ())))
    described = []
    for key in wanted:
        facts = _describe(*key, data_dir)
        described.append({**facts, "earlier_sha256": sorted(digests[key] - {facts["sha256"]})})
    groups = {checkpoint["name"]: checkpoint["groups"] for checkpoint in described}
    for dataset, name in sorted({(str(run.dataset_name), str(run.extra["checkpoint"])) for run in started}):
        refuse_leak(dataset, group_of[dataset], name, groups[name])
    return described


def _describe_published(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    pretraining = PublishedCheckpoints.model_validate(facts["pretraining"]).model_dump()
    known = {key: facts[key] for key in ("model", "source", "licence", "sha256")}
    return {"name": name, **known, "pretraining": pretraining, "groups": []}


def _describe(name: str, model: str, data_dir: Path) -> dict[str, Any]:
    path = checkpoint_path(data_dir, name, model).with_suffix(".json")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if "published" in facts["pretraining"]:
            return _describe_published(name, facts)
        pretraining = MadeCheckpoints.model_validate(facts["pretraining"])
        epochs = [
            {"epoch": epoch["epoch"]} | {key: round(epoch[key], decimals) for key, decimals in EPOCH_DECIMALS.items()}
            for epoch in facts["epochs"]
        ]
        counts = {key: facts[key] for key in ("n_train", "n_eval", "n_classes")}
        digest = facts["sha256"]
    except (OSError, ValueError, KeyError) as error:
        raise AdvisorError(
            f"what the checkpoint {name} of {model} was made of cannot be read from {path}",
            cause=f"{type(error).__name__}: {error}",
            hint="delete its weights and call advisor collect PLAN --build, which makes it again",
        ) from error
    groups = {read_provenance(data_dir, dataset)["group"] for dataset in pretraining.datasets}
    return {
        "name": name,
        "model": model,
        "pretraining": pretraining.model_dump(),
        "groups": sorted(groups),
        **counts,
        "seconds": round(sum(epoch["seconds"] for epoch in epochs), 1),
        "sha256": digest,
        "epochs": epochs,
    }
