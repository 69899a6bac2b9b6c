"""A plan names datasets, models, contexts, a design and a budget; it expands into runs with stable ids."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import chain, product, zip_longest
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from advisor.bounded import check_shape, read_bounded
from advisor.collect.planning.design import (
    Budget,
    Space,
    choose_max_epochs,
    core,
    cost,
    is_chosen,
    random_points,
    sobol,
    stable_id,
)
from advisor.collect.training.images import Size
from advisor.collect.training.trainer import Trainable, Training, input_size
from advisor.describe.model import describe_model
from advisor.errors import UsageError
from advisor.space.configuration import Configuration

Kind = Literal["core", "sobol", "reference", "repeat"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlannedContext(_Strict):
    """What a configuration's values depend on, besides the dataset and the model."""

    opt: str = "adamw"
    augment: Literal["none", "flip-crop", "timm"] = "none"
    checkpoint: str | None = None
    """Pretrained weights: the name of one of the plan's sets of checkpoints; None is scratch."""
    img_size: int | None = Field(default=None, gt=0)
    """Side of the input in pixels; None is that of the dataset's images."""
    trainable: Trainable = "all"
    device: Literal["cpu", "cuda"] = "cpu"

    @property
    def pretrained(self) -> bool:
        """Whether training starts from pretrained weights."""
        return self.checkpoint is not None


class Design(_Strict):
    """Which configurations a case gets, besides the core."""

    sobol: int = Field(default=16, ge=0)
    reference: int = Field(default=0, ge=0)
    """Independent random points at the largest number of epochs, as a random search would draw them."""
    repeat_best: int = Field(default=3, ge=0)
    """How many of the best are trained again once all the others are done."""
    repeat_seeds: int = Field(default=2, ge=0)
    noise_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the cases whose whole core is trained with further seeds."""


class Block(_Strict):
    """Cases made by crossing datasets, models and contexts."""

    datasets: list[str] = Field(min_length=1)
    models: list[str] = Field(min_length=1)
    contexts: list[PlannedContext] = Field(min_length=1)
    design: Design = Design()
    budget: Budget | None = None
    """What the block's runs may cost; None is the plan's budget."""


class MadeCheckpoints(_Strict):
    """How a set of checkpoints is made: every model that fine-tunes from it is trained on all the datasets at once."""

    datasets: list[str] = Field(min_length=1)
    img_size: int = Field(default=32, gt=0)
    lr: float = Field(default=2e-3, gt=0)
    batch_size: int = Field(default=128, gt=0)
    epochs: int = Field(default=20, gt=0)
    weight_decay: float = Field(default=0.05, ge=0)


class PublishedCheckpoints(_Strict):
    """A set of checkpoints that packages hold: it has seen ImageNet and none of the plan's datasets."""

    published: Literal["in1k"]
    """timm's tag of the weights."""


class Plan(_Strict):
    """A whole plan, as its YAML file states it."""

    name: str
    checkpoints: dict[str, MadeCheckpoints | PublishedCheckpoints] = Field(default_factory=dict)
    blocks: list[Block] = Field(min_length=1)
    budget: Budget = Budget()

    def dataset_names(self) -> list[str]:
        """Return the names of all datasets of the plan, each once: those of its blocks, then those only pooled."""
        pooled = (name for checkpoint in self.checkpoints for name in self.pool_of(checkpoint))
        return list(dict.fromkeys(chain((name for block in self.blocks for name in block.datasets), pooled)))

    def pool_of(self, checkpoint: str) -> list[str]:
        """Return the names of the datasets that a set of checkpoints was trained on; none if it was published."""
        made = self.checkpoints[checkpoint]
        return made.datasets if isinstance(made, MadeCheckpoints) else []

    def is_published(self, checkpoint: str | None) -> bool:
        """Return whether a context's set of checkpoints comes from a package; scratch does not."""
        return checkpoint is not None and isinstance(self.checkpoints[checkpoint], PublishedCheckpoints)

    def refuse_leaks(self, group_of: Mapping[str, str]) -> None:
        """Make sure that no checkpoint has seen the group of a dataset it is fine-tuned on.

        Parameters
        ----------
        group_of : mapping of str to str
            Group by name of the dataset; those that it does not hold are not looked at.

        Raises
        ------
        UsageError
            If one has.
        """
        for block in self.blocks:
            for context, name in product(block.contexts, block.datasets):
                if context.checkpoint is not None and name in group_of:
                    pool = self.pool_of(context.checkpoint)
                    refuse_leak(name, group_of[name], context.checkpoint, {group_of.get(pooled) for pooled in pool})

    @model_validator(mode="after")
    def _checkpoints_are_known(self) -> Plan:
        used = {context.checkpoint for block in self.blocks for context in block.contexts}
        if unknown := used - {None, *self.checkpoints}:
            raise ValueError(f"no checkpoints are called {', '.join(map(str, unknown))}")
        return self


@dataclass(frozen=True)
class PlannedDataset:
    """A dataset that is there: its name, folder, group and size."""

    name: str
    path: Path
    group: str
    size: Size


def refuse_leak(dataset: str, group: str, checkpoint: str, pool: Container[str | None]) -> None:
    """Raise UsageError if ``group``, that of a dataset to be fine-tuned on, is in the pool of a checkpoint."""
    if group in pool:
        raise UsageError(
            f"{dataset} must not be fine-tuned from the checkpoint {checkpoint}",
            cause=f"the checkpoint was trained on other images of its group, {group}",
            hint="take the dataset out of the block, or its group out of the pool",
        )


def checkpoint_path(data_dir: Path, name: str, model: str) -> Path:
    """Return where a model's weights of a set of checkpoints are, beside the datasets."""
    return data_dir / "checkpoints" / name / f"{model}.safetensors"


@dataclass(frozen=True)
class PlannedCase:
    """A dataset, a model and a context; all configurations of a case compete with each other."""

    dataset: PlannedDataset
    model: str
    context: PlannedContext
    design: Design
    budget: Budget
    imagenet: bool = False
    """Whether its checkpoint is of ImageNet."""

    @functools.cached_property
    def case_id(self) -> str:
        """Name of the case on every machine."""
        context = self.context
        parts = [self.dataset.name, self.model, context.opt, context.augment, context.checkpoint or "scratch"]
        # Only what differs from the default, so that the cases of older plans keep their names and their points.
        parts += [f"{context.img_size}px"] if context.img_size else []
        parts += [context.trainable] if context.trainable != "all" else []
        parts += [context.device] if context.device != "cpu" else []
        return "/".join(parts)

    @property
    def weights(self) -> Path | None:
        """File of the checkpoint that training starts from; None from scratch."""
        name = self.context.checkpoint
        return None if name is None else checkpoint_path(self.dataset.path.parent, name, self.model)

    @functools.cached_property
    def img_size(self) -> int:
        """Side of the input in pixels."""
        return input_size(self.model, self.context.img_size or self.dataset.size.pixels)

    @functools.cached_property
    def space(self) -> Space:
        """The bounds of the case's configurations."""
        n_train = self.dataset.size.n_train
        return Space(
            opt=self.context.opt,
            pretrained=self.context.pretrained,
            attention=describe_model(self.model).is_transformer,
            n_train=n_train,
            max_epochs=choose_max_epochs(self.case_id, n_train, self.img_size, self.budget),
            imagenet=self.imagenet,
        )

    def points(self) -> list[PlannedRun]:
        """Return the runs of the case that depend on no result, core first, each once."""
        named = core(self.space)
        points = [PlannedRun(self, self._training(c), "core", label) for label, c in named.items()]
        configurations = sobol(self.case_id, self.space, self.design.sobol) if self.design.sobol else []
        points += [PlannedRun(self, self._training(c), "sobol", str(i)) for i, c in enumerate(configurations)]
        configurations = random_points(self.case_id, self.space, self.design.reference)
        points += [PlannedRun(self, self._training(c), "reference", str(i)) for i, c in enumerate(configurations)]
        if is_chosen(self.case_id, "noise", self.design.noise_share):
            for seed in range(1, self.design.repeat_seeds + 1):
                points += [PlannedRun(self, self._training(c, seed), "core", label) for label, c in named.items()]
        return _each_once(points)

    def repeats(self, scores: dict[str, float]) -> list[PlannedRun]:
        """Return the runs that train the best points again with fresh seeds.

        Parameters
        ----------
        scores : dict
            Final score by point id; points without one are left out.
        """
        first = [point for point in self.points() if point.training.seed == 0 and point.point_id in scores]
        best = sorted(first, key=lambda point: (-scores[point.point_id], point.point_id))[: self.design.repeat_best]
        return [
            PlannedRun(self, self._training(point.training.configuration, seed), "repeat", f"{rank + 1} of the best")
            for rank, point in enumerate(best)
            for seed in range(1, self.design.repeat_seeds + 1)
        ]

    def _training(self, configuration: Configuration, seed: int = 0) -> Training:
        return Training(
            model=self.model,
            img_size=self.img_size,
            opt=self.context.opt,
            configuration=configuration,
            augment=self.context.augment,
            seed=seed,
            pretrained=self.context.pretrained,
            checkpoint=self.context.checkpoint,
            trainable=self.context.trainable,
            device=self.context.device,
        )


@dataclass(frozen=True)
class PlannedRun:
    """One planned run: what is trained, and which part of the design it is."""

    case: PlannedCase
    training: Training
    kind: Kind
    label: str

    @functools.cached_property
    def point_id(self) -> str:
        """Hash of what decides the run's result; the same run in another plan has the same id."""
        values = asdict(self.training)
        configuration = values.pop("configuration")
        for later in ("trainable", "device"):
            # Runs recorded before these existed keep their ids.
            if values[later] == getattr(Training, later):
                del values[later]
        facts = {"dataset": self.case.dataset.name, "n_train": self.case.dataset.size.n_train, **values}
        return stable_id(*(f"{name}={value}" for name, value in [*facts.items(), *configuration.items()]))

    @property
    def cost(self) -> float:
        """Images of 32 x 32 pixels seen in training."""
        return cost(self.case.space.n_train, self.training.configuration.epochs, self.training.img_size)


def read_plan(path: Path) -> Plan:
    """Read a plan's YAML file.

    Raises
    ------
    UsageError
        If the file cannot be read or is not a plan.
    """
    try:
        values = yaml.safe_load(read_bounded(path, "settings"))
        check_shape(values, "settings")
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(
            f"cannot read the plan {path}", cause=str(error), hint="see `advisor collect --help`"
        ) from error
    try:
        return Plan.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(
            f"{path} is not a plan", cause=f"{where}: {first['msg']}", hint="see meta_data/plans/first.yaml"
        ) from error


def expand(plan: Plan, datasets: Iterable[PlannedDataset]) -> list[list[PlannedCase]]:
    """Return the cases of each block of a plan over the datasets that are there; a case belongs to its first block.

    Within a block one case of each group is taken in turn, so that a collection cut short still covers all groups.

    Raises
    ------
    UsageError
        If a checkpoint was trained on the group of a dataset it is fine-tuned on.
    """
    present = {dataset.name: dataset for dataset in datasets}
    plan.refuse_leaks({name: dataset.group for name, dataset in present.items()})
    taken: set[str] = set()
    blocks: list[list[PlannedCase]] = []
    for block in plan.blocks:
        by_group: dict[str, list[PlannedCase]] = defaultdict(list)
        for context, model, name in product(block.contexts, block.models, block.datasets):
            if name in present:
                budget, imagenet = block.budget or plan.budget, plan.is_published(context.checkpoint)
                case = PlannedCase(present[name], model, context, block.design, budget, imagenet)
                if case.case_id not in taken:
                    taken.add(case.case_id)
                    by_group[case.dataset.group].append(case)
        blocks.append([case for case in chain.from_iterable(zip_longest(*by_group.values())) if case is not None])
    return blocks


def _each_once(points: Iterable[PlannedRun]) -> list[PlannedRun]:
    return list({point.point_id: point for point in reversed(list(points))}.values())[::-1]
