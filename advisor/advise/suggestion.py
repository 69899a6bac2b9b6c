"""A suggestion: what is advised, what it assumes, what is expected of it, and how sure that is."""

from __future__ import annotations

import json
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from advisor.learn.space import Configuration


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Expected(_Frozen):
    """Expected top-1 accuracy in percent and the interval that holds with probability ``level``."""

    top1: float
    low: float
    high: float
    level: float


class Suggested(_Frozen):
    """One configuration; ``expected`` and ``expected_seconds`` are None where nothing is known."""

    lr: float
    batch_size: int
    epochs: int
    dropout: float
    weight_decay: float
    expected: Expected | None = None
    expected_seconds: float | None = None

    @classmethod
    def of(cls, configuration: Configuration, **known: Any) -> Suggested:
        """Return the suggestion of a configuration."""
        return cls.model_validate({**configuration.as_dict(), **known})

    @property
    def configuration(self) -> Configuration:
        """The five values."""
        return Configuration(self.lr, self.batch_size, self.epochs, self.dropout, self.weight_decay)


class DatasetName(_Frozen):
    """The dataset that is advised on."""

    dataset_id: str
    name: str
    n_train: int
    n_classes: int


class Assumes(_Frozen):
    """The rest of the recipe, without which a learning rate means nothing."""

    sched: str
    warmup_epochs: float
    min_lr: float
    augment: str
    mixup: float
    label_smoothing: float


class Evidence(_Frozen):
    """A recorded dataset like this one and the best that was seen there."""

    dataset: str
    similarity: float
    runs: int
    best: dict[str, Any]


class MetaModelName(_Frozen):
    """The meta-model that advised."""

    version: str
    runs: int
    datasets: int


class Suggestion(_Frozen):
    """Advice for one dataset, model and set of limits; its JSON is versioned, keys are added and never renamed."""

    schema_: Literal["advisor.suggestion/1"] = Field("advisor.suggestion/1", alias="schema")
    suggestion_id: str
    dataset: DatasetName
    model: str
    opt: str
    pretrained: bool
    img_size: int
    assumes: Assumes
    suggestions: tuple[Suggested, ...]
    """Best first."""
    ranges: dict[str, tuple[float, float]]
    confidence: Literal["high", "medium", "low"]
    basis: Literal["meta-model", "recipes", "rule"]
    novelty: float
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[str, ...] = ()
    metamodel: MetaModelName | None = None

    @property
    def best(self) -> Suggested:
        """The first suggestion."""
        return self.suggestions[0]

    def optimizer_kwargs(self) -> dict[str, Any]:
        """Return keywords for ``timm.optim.create_optimizer_v2``."""
        return {"opt": self.opt, "lr": self.best.lr, "weight_decay": self.best.weight_decay}

    def scheduler_kwargs(self) -> dict[str, Any]:
        """Return keywords for ``timm.scheduler.create_scheduler_v2``."""
        return {
            "sched": self.assumes.sched,
            "num_epochs": self.best.epochs,
            "warmup_epochs": round(self.assumes.warmup_epochs),
            "min_lr": self.assumes.min_lr,
        }

    def model_kwargs(self) -> dict[str, Any]:
        """Return keywords for ``timm.create_model``."""
        return {
            "model_name": self.model,
            "pretrained": self.pretrained,
            "num_classes": self.dataset.n_classes,
            "drop_rate": self.best.dropout,
        }

    def to_config(self) -> dict[str, Any]:
        """Return the advice under the names of timm's train.py arguments, for its ``--config`` file."""
        return {
            "model": self.model,
            "pretrained": self.pretrained,
            "num_classes": self.dataset.n_classes,
            "img_size": self.img_size,
            "opt": self.opt,
            "lr": self.best.lr,
            "weight_decay": self.best.weight_decay,
            "batch_size": self.best.batch_size,
            "epochs": self.best.epochs,
            "drop": self.best.dropout,
            "sched": self.assumes.sched,
            "warmup_epochs": round(self.assumes.warmup_epochs),
            "cooldown_epochs": 0,
            "min_lr": self.assumes.min_lr,
            "mixup": self.assumes.mixup,
            "smoothing": self.assumes.label_smoothing,
            **_AUGMENT_ARGS[self.assumes.augment],
            **(_RECORDED_ARGS if self.basis == "meta-model" else {}),
        }

    def to_yaml(self) -> str:
        """Return ``to_config`` as YAML."""
        return yaml.safe_dump(self.to_config(), sort_keys=False)

    def to_args(self) -> list[str]:
        """Return the command-line arguments of timm's train.py that carry the advice out."""
        args: list[str] = []
        for name, value in self.to_config().items():
            flag = f"--{name.replace('_', '-')}"
            if value is True:
                args.append(flag)
            elif isinstance(value, list):
                args += [flag, *(format_number(v) for v in value)]
            elif value is not False:
                args += [flag, value if isinstance(value, str) else format_number(value)]
        return args

    def to_json(self) -> str:
        """Return the versioned JSON document."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2)


# What train.py must be told for a recorded augmentation, whose own default is a heavy ImageNet recipe.
_AUGMENT_ARGS: dict[str, dict[str, Any]] = {
    "none": {"no_aug": True},
    "flip-crop": {"scale": [0.7, 1.0], "ratio": [0.9, 1.1], "hflip": 0.5, "color_jitter": 0.0},
    "timm-default": {},
}
# Further options that the recorded runs were trained with and that train.py sets otherwise; see meta_data/README.md.
_RECORDED_ARGS: dict[str, Any] = {"sched_on_updates": True, "warmup_lr": 1e-5, "crop_pct": 1.0}


def format_number(value: float) -> str:
    """Return a number as short as it can be typed without losing a figure."""
    text = f"{value:.6g}"
    return text.replace("e-0", "e-").replace("e+0", "e")
