"""What the objects of a training loop say of a run: dataset, model, optimizer, scheduler and suggestion.

Attributes are read and nothing else: no image is opened, nothing is imported, and no object is kept.
"""

from __future__ import annotations

import difflib
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from advisor.records.described import description_of
from advisor.records.recording.containment import guarded
from advisor.records.schema import RUN_FIELDS, Dataset, Run

logger = logging.getLogger("advisor.records")

Fields = dict[str, Any]

_TRAIN_FOLDERS = ("train", "training")
_TIMM_DATASETS = ("torch/", "hfds/", "hfids/", "wds/", "tfds/")
_EXTRA = ("dataset_root", "model_num_classes", "train_split", "eval_split", "class_map")
"""Names that are no fields of a run and are read from its ``extra``."""
_OTHER_NAMES = {
    "drop": "dropout",
    "drop_rate": "dropout",
    "drop_path_rate": "drop_path",
    "smoothing": "label_smoothing",
    "learning_rate": "lr",
    "wd": "weight_decay",
    "num_epochs": "epochs",
    "num_classes": "n_classes",
    "data_dir": "dataset",
    "acc1": "eval_top1",
    "val_acc": "eval_top1",
    "val_loss": "eval_loss",
    "accuracy": "eval_top1",
    "loss": "train_loss",
}
_NEEDED = ("model", "pretrained", "opt", "lr", "batch_size", "epochs", "dropout", "weight_decay")
_OF_SUGGESTION = ("model", "opt", "pretrained", "img_size")
_OF_BEST = ("lr", "batch_size", "epochs", "dropout", "weight_decay")
_OF_RECIPE = ("sched", "warmup_epochs", "min_lr")
_DESCRIBED = "advisor.Advisor().describe(…)"
_said: set[tuple[str, ...]] = set()


def fields_of(dataset: Any, model: Any, optimizer: Any, scheduler: Any) -> Fields:
    """Return the fields of a run that the objects tell; an object that cannot be read is said once and left out.

    Parameters
    ----------
    dataset : path, Dataset record, description, torch Dataset or DataLoader, or None
    model : timm's name of a model, a module, or None
    optimizer : torch optimizer or None
    scheduler : timm scheduler or None
    """
    fields: Fields = {}
    for what, read, value in (
        ("dataset", _of_dataset, dataset),
        ("model", _of_model, model),
        ("optimizer", _of_optimizer, optimizer),
        ("scheduler", _of_scheduler, scheduler),
    ):
        if value is not None:
            fields.update(guarded(f"record_run's {what}", read, value) or {})
    return {name: value for name, value in fields.items() if value is not None}


def fields_of_suggestion(suggestion: Mapping[str, Any]) -> Fields:
    """Return the fields of a run that follows a suggestion, from its JSON document.

    Augmentation is not among them: a loop of one's own may have another.
    """
    best, recipe = suggestion["suggestions"][0], suggestion["assumes"]
    fields = {name: suggestion.get(name) for name in _OF_SUGGESTION}
    fields |= {name: best.get(name) for name in _OF_BEST} | {name: recipe.get(name) for name in _OF_RECIPE}
    return {name: value for name, value in fields.items() if value is not None}


def dataset_of_suggestion(suggestion: Mapping[str, Any]) -> Fields:
    """Return which dataset a suggestion is for, as fields of a run."""
    dataset = suggestion["dataset"]
    return {
        "dataset_id": dataset["dataset_id"],
        "dataset_name": dataset["name"],
        "n_train": dataset["n_train"],
        "n_classes": dataset["n_classes"],
    }


def completed(run: Run, suggestion: Mapping[str, Any]) -> Fields:
    """Return what a suggestion adds to what is known of a run; its dataset only where none was named."""
    found = fields_of_suggestion(suggestion)
    dataset = dataset_of_suggestion(suggestion)
    named = run.dataset_id is not None or run.extra.get("dataset_root")
    if not named and run.n_classes in (None, dataset["n_classes"]):
        found |= dataset
    return {name: value for name, value in found.items() if getattr(run, name) is None}


def document_of(suggestion: Any) -> Mapping[str, Any] | None:
    """Return a suggestion's JSON document; None for an id, which only the store can tell."""
    if isinstance(suggestion, Mapping):
        return suggestion
    if hasattr(suggestion, "model_dump"):
        document: Mapping[str, Any] = suggestion.model_dump(mode="json", by_alias=True)
        return document
    return None


def suggestion_id_of(suggestion: Any) -> str | None:
    """Return the id of a suggestion, which may be that already."""
    document = document_of(suggestion)
    found = document.get("suggestion_id") if document is not None else suggestion
    return found if isinstance(found, str) else None


def say_unknown_names(function: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Say, once a name, which keywords are none that is known, and which was probably meant."""
    names = [*known]
    for name in given:
        if name in names or name in _EXTRA or (function, name) in _said:
            continue
        _said.add((function, name))
        near = difflib.get_close_matches(name, names, n=1)
        meant = _OTHER_NAMES[name] if _OTHER_NAMES.get(name) in names else near[0] if near else None
        offer = f"did you mean {meant!r}?" if meant else f"the names it knows are {', '.join(sorted(names))}."
        logger.warning("%s does not know %r and keeps it beside the record; %s", function, name, offer)


def say_what_is_missing(run: Run, dataset: Any = None) -> None:
    """Say, once for the same names, what nobody told of a run and advice would need.

    A ``dataset`` that was given and whose images are in memory only has to be described by who holds it.
    """
    missing = [name for name in _NEEDED if getattr(run, name) is None]
    root = run.extra.get("dataset_root")
    if run.dataset_id is None and not root:
        missing.insert(0, "dataset")
    elif run.dataset_id is None and not os.path.exists(str(root)) and ("no images", str(root)) not in _said:
        _said.add(("no images", str(root)))
        logger.warning(
            "there is no folder or file %s here, so the images of the run stay unknown and no advice rests on it; "
            "give record_run(dataset=…) the folder that holds them",
            root,
        )
    if missing and ("missing", *missing) not in _said:
        _said.add(("missing", *missing))
        logger.warning(
            "the record of the run does not say its %s, so no advice can rest on it; "
            "give record_run(%s) or call run.update",
            ", ".join(missing),
            ", ".join(f"{name}={_DESCRIBED if name == 'dataset' and dataset is not None else '…'}" for name in missing),
        )


RUN_NAMES = (*RUN_FIELDS, "dataset", "optimizer", "scheduler", "suggestion")
"""What ``record_run`` takes."""


def record_of(dataset: Any) -> Dataset | None:
    """Return the description that ``record_run`` was given, or that was made of its Dataset in this process before."""
    if isinstance(dataset, Dataset):
        return dataset
    if hasattr(dataset, "class_counts"):  # a description
        return record_of(dataset.dataset)
    return description_of(dataset.dataset if _is_loader(dataset) else dataset)


def _of_dataset(dataset: Any) -> Fields:
    if isinstance(dataset, (str, os.PathLike)):
        return _of_path(os.fspath(dataset))
    if isinstance(dataset, Dataset) or hasattr(dataset, "class_counts"):
        return {}  # all that it says comes with the record
    if _is_loader(dataset):
        return {**_of_torch_dataset(dataset.dataset), "batch_size": _batch_size(dataset)}
    return _of_torch_dataset(dataset)


def _is_loader(dataset: Any) -> bool:
    return hasattr(dataset, "dataset") and not hasattr(dataset, "indices")  # a subset has indices


def _of_path(path: str) -> Fields:
    if path.startswith(_TIMM_DATASETS):
        return {"dataset_name": path.partition(":")[0]}
    root = Path(os.path.expanduser(path)).absolute()
    return {"dataset_name": root.name, "dataset_root": str(root)}


def _of_torch_dataset(dataset: Any) -> Fields:
    fields: Fields = {"n_train": len(dataset) if hasattr(dataset, "__len__") else None}
    whole = dataset
    while hasattr(whole, "dataset"):  # a subset, whatever it is made of
        whole = whole.dataset
    reader = getattr(whole, "reader", None)
    classes = _first(whole, reader, "class_to_idx") or getattr(whole, "classes", None)
    fields["n_classes"] = len(classes) if classes else None
    root = _first(whole, reader, "root")
    if isinstance(root, (str, os.PathLike)) and classes:
        folder = Path(root).absolute()
        folder = folder.parent if folder.name.lower() in _TRAIN_FOLDERS else folder
        fields |= {"dataset_name": folder.name, "dataset_root": str(folder)}
    return fields


def _first(one: Any, other: Any, name: str) -> Any:
    value = getattr(one, name, None)
    return getattr(other, name, None) if value is None else value


def _batch_size(loader: Any) -> int | None:
    """Return the global batch size of a loader."""
    size = getattr(loader, "batch_size", None)
    if size is None:
        size = getattr(getattr(loader, "loader", None), "batch_size", None)  # timm's prefetcher
    distributed = sys.modules.get("torch.distributed")
    if size is None or distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return size
    return int(size) * int(distributed.get_world_size())


def _of_model(model: Any) -> Fields:
    if isinstance(model, str):
        return {"model": model}
    for wrapper in ("module", "_orig_mod"):  # DistributedDataParallel, torch.compile
        if not hasattr(model, "pretrained_cfg"):
            model = getattr(model, wrapper, model)
    settings = getattr(model, "pretrained_cfg", None) or {}
    name = settings.get("architecture") if isinstance(settings, Mapping) else getattr(settings, "architecture", None)
    outputs = getattr(model, "num_classes", None)
    return {
        "model": name,
        "num_params": sum(parameter.numel() for parameter in model.parameters()),
        "dropout": getattr(model, "drop_rate", getattr(getattr(model, "head_drop", None), "p", None)),
        "model_num_classes": outputs if isinstance(outputs, int) else None,
    }


def _of_optimizer(optimizer: Any) -> Fields:
    """Return the peak learning rate, the weight decay of what decays, and the name; a schedule may have begun."""
    groups = optimizer.param_groups
    inner = getattr(optimizer, "_base_optimizer", None)
    name = type(optimizer).__name__ if inner is None else f"{type(optimizer).__name__}_{type(inner).__name__}"
    return {
        "opt": name.lower(),
        "lr": max(float(group.get("initial_lr", group["lr"])) for group in groups),
        "weight_decay": max(float(group.get("weight_decay", 0.0)) for group in groups),
    }


def _of_scheduler(scheduler: Any) -> Fields:
    kind = type(scheduler).__name__
    if not kind.endswith("LRScheduler") or not hasattr(scheduler, "warmup_t"):
        return {}  # none of timm's
    fields: Fields = {"sched": kind.removesuffix("LRScheduler").lower(), "min_lr": getattr(scheduler, "lr_min", None)}
    if getattr(scheduler, "t_in_epochs", True):  # else it counts updates, and how many an epoch has is not known
        fields["warmup_epochs"] = scheduler.warmup_t
        if hasattr(scheduler, "t_initial") and getattr(scheduler, "cycle_limit", 1) == 1:
            prefix = scheduler.warmup_t if getattr(scheduler, "warmup_prefix", False) else 0
            fields["epochs"] = scheduler.t_initial + prefix
    return fields
