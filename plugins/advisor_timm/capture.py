"""Turns the observed calls of a training script into the fields of its run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor_timm.arguments import (
    as_mapping,
    count_known,
    dataset_name,
    dataset_root,
    describe_training,
    other_arguments,
    run_fields,
)
from advisor_timm.environment import Processes, device_name, peak_memory, versions, warn_if_untested
from advisor_timm.epochs import NamedEpochs, UnnamedEpochs
from advisor_timm.factories import augmentation, class_count, model_fields
from advisor_timm.image_source import ImageSource, image_source
from advisor_timm.trained import TrainedModel

if TYPE_CHECKING:
    from advisor import Recorder
    from advisor_timm.call import Call

_OF_AN_EPOCH = ("samples_per_second", "eval_seconds", "ema_eval_seconds")
"""Facts that change with every epoch."""
_SCORED_ON_TRAINING = "scored_on_training_images"
"""What a record says in its ``extra`` where validation used the training images."""
_OF_ONE_RUN = ("epochs", "sched", "warmup_epochs", "min_lr", "metric", "metric_higher_is_better", *_OF_AN_EPOCH)


@dataclass
class _Loader:
    """The training loader: images per device and step, steps per epoch."""

    batch_size: int
    steps: int | None


class Capture:
    """What is known of the training in this process.

    Facts from timm's factories go before the script's arguments: they are what took effect.

    Parameters
    ----------
    recorder : Recorder
        Takes the run.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._arguments: Any = None
        self._facts: dict[str, Any] = {}
        self._loader: _Loader | None = None
        self._sources: dict[bool, ImageSource] = {}
        self._processes = Processes()
        self._trained = TrainedModel()
        self._named = NamedEpochs(self._log_epoch)
        self._unnamed = UnnamedEpochs(self._log_epoch)
        self._lr_before: float | None = None
        self._lr: float | None = None
        self._own_run: str | None = None
        self._published: tuple[str, dict[str, Any]] = ("", {})
        self._epochs_logged: set[int] = set()
        self._trained_samples = 0
        self._trained_seconds = 0.0

    # -- what is observed ------------------------------------------------------------------------------------------

    def arguments_parsed(self, call: Call) -> None:
        """``ArgumentParser.parse_known_args``, which ``parse_args`` calls."""
        self._take_arguments(call.result[0])

    def optimizer_arguments_read(self, call: Call) -> None:
        """``optimizer_kwargs(cfg)``: the arguments of scripts that do not use argparse, or were attached to late."""
        self._take_arguments(next(iter(call.arguments.values())))

    def seeded(self, call: Call) -> None:
        """``random_seed(seed, rank)``."""
        self._facts["seed"] = call.arguments["seed"]

    def model_created(self, call: Call) -> None:
        """``create_model``; a distillation teacher is one too, so the optimizer decides which is trained."""
        fields = model_fields(call.arguments, call.result)
        if self._trained.add_model(call.result, fields):
            self._facts.update(fields)
        if describe_training(as_mapping(self._arguments)):
            self._start()

    def dataset_created(self, call: Call) -> None:
        """``create_dataset``."""
        arguments, dataset = call.arguments, call.result
        training = bool(arguments["is_training"])
        self._facts["n_train" if training else "n_eval"] = len(dataset)
        self._take_source(image_source(dataset, arguments["name"], arguments["split"]), training=training)
        if training:
            root = arguments["root"]
            folder = Path(root).absolute() if isinstance(root, str | Path) and root else None
            name = dataset_name(arguments["name"], folder)
            facts = {"n_classes": class_count(dataset), "dataset_name": name, "train_split": arguments["split"]}
            self._facts.update({key: value for key, value in facts.items() if value is not None})
            if folder is not None and not arguments["name"]:
                self._facts["dataset_root"] = str(folder)
        elif "n_train" in self._facts:
            self._facts["eval_split"] = arguments["split"]
        self._publish()

    def loader_created(self, call: Call) -> None:
        """``create_loader`` and ``create_naflex_loader``."""
        arguments = call.arguments
        name = "n_train" if arguments["is_training"] else "n_eval"
        if name not in self._facts and hasattr(arguments["dataset"], "__len__"):
            self._facts[name] = len(arguments["dataset"])
            self._take_source(image_source(arguments["dataset"]), training=bool(arguments["is_training"]))
        if not arguments["is_training"]:
            if _SCORED_ON_TRAINING in self._facts:
                self._publish()
            return
        # With scheduled resolutions the batch size varies, and timm reckons with its mean.
        average = getattr(getattr(call.result, "batch_sampler", None), "average_batch_size", None)
        steps = len(call.result) if hasattr(call.result, "__len__") else None
        self._loader = _Loader(round(average or arguments["batch_size"]), steps)
        size = arguments.get("input_size")
        if size is not None:
            self._facts["img_size"] = size[-1] if isinstance(size, tuple | list) else size
        self._facts["augment"] = augmentation(arguments)
        self._start()

    def mixup_created(self, call: Call) -> None:
        """``Mixup(...)``, of which the collating one is a kind."""
        arguments = call.arguments
        self._facts.update(mixup=arguments["mixup_alpha"], cutmix=arguments["cutmix_alpha"])
        self._facts["label_smoothing"] = arguments["label_smoothing"]

    def smoothing_loss_created(self, call: Call) -> None:
        """``LabelSmoothingCrossEntropy(smoothing)``."""
        self._facts["label_smoothing"] = call.arguments["smoothing"]

    def moving_average_created(self, call: Call) -> None:
        """``ModelEma*(model, ...)``."""
        self._facts["ema"] = True

    def optimizer_created(self, call: Call) -> None:
        """``create_optimizer_v2``: the peak learning rate and weight decay asked for, and which model is trained."""
        has_epochs = self._epochs_logged or self._named.is_open or self._unnamed.is_open
        if has_epochs and self._own_run is not None:
            self._end_own_run()
        arguments, optimizer = call.arguments, call.result
        self._hold(optimizer)
        lr = arguments["lr"]
        self._facts.update(
            opt=arguments["opt"],
            lr=optimizer.defaults.get("lr") if lr is None else lr,
            weight_decay=arguments["weight_decay"],
        )
        if arguments.get("layer_decay") is not None:
            self._facts["layer_decay"] = arguments["layer_decay"]
        self._start()

    def scheduler_created(self, call: Call) -> None:
        """``create_scheduler_v2``: its second value is the number of epochs that will be trained."""
        arguments = call.arguments
        for name in ("sched", "warmup_epochs", "min_lr"):
            self._facts[name] = arguments[name]
        self._take_epochs(call.result)

    def scheduler_created_from_arguments(self, call: Call) -> None:
        """``create_scheduler(args, optimizer)``, the only one before timm 0.8."""
        self._take_arguments(call.arguments["args"])
        self._take_epochs(call.result)

    def epoch_trained(self, call: Call) -> None:
        """The script's own ``train_one_epoch``."""
        epoch = call.arguments.get("epoch")
        if not isinstance(epoch, int):
            return
        if self._loader is not None and self._loader.steps is not None:
            self._trained_samples += self._loader.steps * self._loader.batch_size * self._world_size()
            self._trained_seconds += call.seconds
        self._named.trained(epoch, call.result, self._trained.lr(), call.seconds)

    def validated(self, call: Call) -> None:
        """The script's own ``validate`` or ``evaluate``."""
        average = self._is_average(call.arguments)
        name = "ema_eval_seconds" if average else "eval_seconds"
        self._facts[name] = self._facts.get(name, 0.0) + call.seconds
        if self._named.seen:
            self._named.validated(call.result, average=average)
        elif not average:
            self._named.validated(call.result, average=False)
            self._unnamed.validated(call.result, self._trained.version(), self._trained.lr())

    def summary_updated(self, call: Call) -> None:
        """``update_summary``."""
        arguments = call.arguments
        training, evaluation = arguments["train_metrics"], arguments["eval_metrics"]
        if not evaluation:
            self._facts.update(metric="train_loss", metric_higher_is_better=False)
        lr = arguments.get("lr")
        lr = sum(lr) / len(lr) if isinstance(lr, list | tuple) else lr
        self._named.summarised(
            arguments["epoch"],
            training,
            evaluation,
            self._trained.lr() if lr is None and not self._named.seen else lr,
            has_average=self._averages(),
        )

    def checkpoint_saved(self, call: Call) -> None:
        """``CheckpointSaver.save_checkpoint``."""
        saver = call.args[0]
        facts = {
            "metric_higher_is_better": not saver.decreasing,
            "output_dir": os.path.abspath(saver.checkpoint_dir),
        }
        if not facts.items() <= self._facts.items():
            self._facts.update(facts)
            self._publish()  # at once: a run that resumes a killed one finds it by this folder

    def accuracy_computed(self, call: Call) -> None:
        """``accuracy``, whose results are read only for loops that show nothing else."""
        if self._named.seen:
            return
        arguments = call.arguments
        values = {f"top{k}": value.detach() for k, value in zip(arguments["topk"], call.result, strict=False)}
        values = {name: value for name, value in values.items() if name in ("top1", "top5")}
        samples, distributed = len(arguments["target"]), self._world_size() > 1
        if self._trained.is_training():
            self._unnamed.trained_batch(values, samples, distributed=distributed)
        elif not self._averages():  # else it cannot be told whose accuracy this is
            self._unnamed.evaluated_batch(
                values, samples, self._trained.version(), self._trained.lr(), distributed=distributed
            )

    def tensor_reduced(self, call: Call) -> None:
        """``reduce_tensor``: the mean over processes of what ``accuracy`` gave for this one."""
        if not self._named.seen:
            self._unnamed.reduced(call.args[0], call.result)

    def rates_updated(self, call: Call) -> None:
        """``Scheduler.update_groups``, by which a scheduler sets learning rates, from its constructor on."""
        if self._named.seen:
            return
        self._unnamed.has_scheduler = True
        if self._trained.optimizer is None:
            self._take_foreign_optimizer(call.args[0].optimizer)
        self._lr_before, self._lr = self._lr, self._trained.lr()

    def scheduler_stepped(self, call: Call) -> None:
        """``Scheduler.step(epoch, metric)``."""
        scheduler, epoch = call.args[0], call.arguments["epoch"]
        if self._named.seen:
            if call.arguments["metric"] is None:
                self._named.stepped(epoch)
            return
        # A schedule by updates leaves the rates alone at the end of an epoch.
        by_epoch = getattr(scheduler, "t_in_epochs", True)
        self._unnamed.stepped(epoch, self._trained.version(), self._lr_before if by_epoch else self._lr)

    def call_failed(self, error: BaseException) -> None:
        """Any watched call that raised: a training that got this far leaves a record."""
        if isinstance(error, Exception) and describe_training(as_mapping(self._arguments)):
            self._start()

    def finish(self) -> None:
        """Report what is held back; the run is about to end."""
        self._named.flush()
        if not self._named.seen:
            self._unnamed.close()
        self._facts["peak_memory"] = peak_memory()
        self._publish()

    # -- what becomes of it ----------------------------------------------------------------------------------------

    def _take_arguments(self, arguments: Any) -> None:
        known = count_known(as_mapping(arguments))
        if known >= 2 and known >= count_known(as_mapping(self._arguments)):
            self._arguments = arguments  # the object itself: lr and world size are filled in later

    def _take_source(self, source: ImageSource, *, training: bool) -> None:
        self._sources[training] = source
        self._facts.pop(_SCORED_ON_TRAINING, None)
        if len(self._sources) == 2 and self._sources[False].holds(self._sources[True]):
            self._facts[_SCORED_ON_TRAINING] = True

    def _take_epochs(self, result: Any) -> None:
        self._facts["epochs"] = int(result[1])
        self._publish()

    def _hold(self, optimizer: Any) -> None:
        self._facts.update(self._trained.set_optimizer(optimizer))
        self._unnamed.begin(self._trained.version())

    def _take_foreign_optimizer(self, optimizer: Any) -> None:
        """Take an optimizer that was not made by timm, from the scheduler it was given to."""
        self._hold(optimizer)
        self._facts["opt"] = type(optimizer).__name__.lower()
        self._facts["lr"] = optimizer.defaults.get("lr")
        # Not its default, which timm leaves at 0 for the sake of the groups that do not decay.
        self._facts["weight_decay"] = max(group.get("weight_decay", 0.0) for group in optimizer.param_groups)
        self._start()

    def _start(self) -> None:
        """Begin a run, unless there is one, or this is not the process that records."""
        if self._recorder.active is None and self._processes.is_primary():
            warn_if_untested()
            fields = self._fields()
            run = self._recorder.start_run(**fields)
            if run is None:
                return  # recording could not begin, and has said so
            self._own_run = run.run_id
            self._published = (run.run_id, fields)
        self._publish()

    def _end_own_run(self) -> None:
        """One process trains again: the run so far is over, and its schedule is not the next one's."""
        run = self._recorder.active
        if run is not None and run.run_id == self._own_run:
            self._recorder.end_run()
        for name in _OF_ONE_RUN:
            self._facts.pop(name, None)
        self._processes = Processes()
        self._named, self._unnamed = NamedEpochs(self._log_epoch), UnnamedEpochs(self._log_epoch)
        self._own_run, self._epochs_logged = None, set()
        self._trained_samples, self._trained_seconds = 0, 0.0

    def _publish(self) -> None:
        run = self._recorder.active
        if run is None:
            return
        run_id, known = self._published
        fields = self._fields()
        changed = {k: v for k, v in fields.items() if run_id != run.run_id or k not in known or known[k] != v}
        if changed:
            run.observed(**changed)
            self._published = (run.run_id, fields)

    def _fields(self) -> dict[str, Any]:
        arguments = as_mapping(self._arguments)
        fields = {**other_arguments(arguments), **run_fields(arguments)}
        root = dataset_root(arguments)
        name = dataset_name(arguments.get("dataset"), root)
        if name is not None:
            fields["dataset_name"] = name
        fields.update({name: value for name, value in self._facts.items() if value is not None})
        fields["world_size"] = self._world_size()
        fields.setdefault("grad_accum_steps", 1)
        per_device = self._loader.batch_size if self._loader is not None else arguments.get("batch_size")
        if per_device is not None:
            fields["batch_size"] = per_device * fields["world_size"] * max(1, fields["grad_accum_steps"])
        fields["versions"] = versions()
        return fields

    def _log_epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        run = self._recorder.active
        if run is None:
            return
        if run.epochs_reported > len(self._epochs_logged):
            return  # the script reports its epochs itself
        self._epochs_logged.add(epoch)
        if self._trained_seconds:
            self._facts["samples_per_second"] = self._trained_samples / self._trained_seconds
        run.log_epoch(epoch, **metrics)
        if len(self._epochs_logged) == 1:
            self._facts["device"] = device_name(self._trained.parameters())
            self._publish()
        else:  # to gather all fields again would be the most expensive part of an epoch
            run.observed(**{name: self._facts[name] for name in _OF_AN_EPOCH if name in self._facts})

    # -- what it is judged by --------------------------------------------------------------------------------------

    def _world_size(self) -> int:
        return self._processes.count(int(as_mapping(self._arguments).get("world_size") or 0))

    def _averages(self) -> bool:
        arguments = as_mapping(self._arguments)
        on = self._facts.get("ema") or arguments.get("model_ema")
        return bool(on) and not arguments.get("model_ema_force_cpu")

    def _is_average(self, arguments: dict[str, Any]) -> bool:
        """Tell whether the model in a call of ``validate`` is the moving average of the trained one."""
        if "ema" in str(arguments.get("log_suffix") or "").lower():
            return True
        return self._averages() and self._trained.shares_weights(arguments.get("model")) is False
