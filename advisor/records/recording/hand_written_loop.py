"""Records a hand-written training loop: ``advisor.record_run``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from advisor.records.recording.active import ActiveRun
from advisor.records.recording.containment import guarded
from advisor.records.recording.given import (
    RUN_NAMES,
    completed,
    document_of,
    fields_of,
    record_of,
    say_unknown_names,
    say_what_is_missing,
    suggestion_id_of,
)
from advisor.records.recording.recorder import process_recorder
from advisor.records.schema import Dataset, Source

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


@contextmanager
def record_run(
    dataset: str | os.PathLike[str] | Dataset | Any = None,
    model: str | nn.Module | None = None,
    optimizer: Optimizer | None = None,
    scheduler: Any = None,
    suggestion: Any = None,
    name: str | None = None,
    *,
    lr: float | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    dropout: float | None = None,
    weight_decay: float | None = None,
    opt: str | None = None,
    pretrained: bool | None = None,
    img_size: int | None = None,
    sched: str | None = None,
    warmup_epochs: float | None = None,
    min_lr: float | None = None,
    drop_path: float | None = None,
    label_smoothing: float | None = None,
    mixup: float | None = None,
    cutmix: float | None = None,
    augment: str | None = None,
    amp: bool | None = None,
    ema: bool | None = None,
    seed: int | None = None,
    dataset_name: str | None = None,
    n_train: int | None = None,
    n_eval: int | None = None,
    n_classes: int | None = None,
    source: Source = Source.API,
    extra: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Iterator[ActiveRun]:
    """Record a hand-written training loop.

    A field that is given goes before what the objects tell, and that before what the suggestion says. While it lasts
    plugins are attached, so that what is made with timm during it is known too. A run that was begun by making the
    model before, and has no epoch yet, is this run. Nothing here raises, and no image is opened: a folder is
    described by ``advisor records sync`` and by every command that learns from runs.

    Parameters
    ----------
    dataset : path, Dataset, DataLoader or description, optional
        The training images: their folder, the torch Dataset or its DataLoader (which tells the batch size too), or
        what ``Advisor.describe`` returned.
    model : Module or str, optional
        A timm model, or its name.
    optimizer : Optimizer, optional
        Tells its name, the peak learning rate, and the weight decay of the weights that decay.
    scheduler : optional
        A timm scheduler, which tells schedule, warm-up and epochs.
    suggestion : Suggestion or str, optional
        The advice that the run follows, or its id: what nobody else tells is taken from it.
    name : str, optional
        What to call the run.
    lr : float, optional
        Peak learning rate.
    batch_size : int, optional
        Images of one step of the optimizer: per device, times devices, times accumulation steps.
    epochs : int, optional
        Planned epochs.
    dropout, weight_decay : float, optional
        timm's ``drop_rate``; the decay of the weights that decay.
    opt, sched : str, optional
        timm's names of optimizer and schedule.
    pretrained : bool, optional
        Whether training starts from pretrained weights.
    img_size : int, optional
        Side of the training images in pixels.
    warmup_epochs, min_lr : float, optional
        Start and end of the schedule.
    drop_path, label_smoothing, mixup, cutmix : float, optional
        As timm's train.py takes them.
    augment : str, optional
        ``none``, ``flip-crop``, ``timm-default``, the name of an automatic policy, or ``custom``.
    amp, ema, seed : optional
        Whether in mixed precision, and with a moving average of the weights; of the random numbers.
    dataset_name, n_train, n_eval, n_classes : optional
        What to call the dataset; its training and validation images, and classes.
    source : Source, optional
        Where the record comes from.
    extra : mapping, optional
        Anything else that is worth keeping.
    **fields
        Further fields of ``Run``. A name that is none is kept in ``extra``, and said once with the nearest known one.

    Yields
    ------
    ActiveRun
        Report epochs to it with ``log_epoch``. An exception that leaves the block ends the run as FAILED, Ctrl-C as
        INTERRUPTED, and goes on.

    Examples
    --------
    >>> with advisor.record_run("flowers", model, optimizer, scheduler, batch_size=64) as run:  # doctest: +SKIP
    ...     for epoch in range(20):
    ...         loss = train(model)
    ...         run.log_epoch(epoch, train_loss=loss, eval_top1=evaluate(model))
    """
    told = {
        "name": name,
        "lr": lr,
        "batch_size": batch_size,
        "epochs": epochs,
        "dropout": dropout,
        "weight_decay": weight_decay,
        "opt": opt,
        "pretrained": pretrained,
        "img_size": img_size,
        "sched": sched,
        "warmup_epochs": warmup_epochs,
        "min_lr": min_lr,
        "drop_path": drop_path,
        "label_smoothing": label_smoothing,
        "mixup": mixup,
        "cutmix": cutmix,
        "augment": augment,
        "amp": amp,
        "ema": ema,
        "seed": seed,
        "dataset_name": dataset_name,
        "n_train": n_train,
        "n_eval": n_eval,
        "n_classes": n_classes,
        "suggestion_id": guarded("record_run's suggestion", suggestion_id_of, suggestion),
        "extra": extra,
    }
    recorder = process_recorder()
    attached_before = recorder.attached
    guarded("record_run", say_unknown_names, "record_run", fields, RUN_NAMES)
    known = {
        "source": source,
        **fields_of(dataset, model, optimizer, scheduler),
        **fields,
        **{field: value for field, value in told.items() if value is not None},
    }
    run = recorder.active
    if run is None or run.epochs_reported:
        run = recorder.start_run(**known)
    run.update(**known)
    described = guarded("record_run's dataset", record_of, dataset)
    if described is not None:
        run.set_dataset(described)
    document = guarded("record_run's suggestion", document_of, suggestion)
    if document is not None:
        run.observed(**(guarded("record_run's suggestion", completed, run.snapshot(), document) or {}))
    recorder.attach()
    error: BaseException | None = None
    try:
        yield run
    except BaseException as raised:
        error = raised
        raise
    finally:
        if error is None and run.epochs_reported and run.snapshot().suggestion_id is None:
            guarded("record_run", say_what_is_missing, run.snapshot(), dataset)
        if recorder.active is run:
            recorder.end_run(error=error)
        else:
            run.end(error=error)
        if not attached_before:
            recorder.detach()
