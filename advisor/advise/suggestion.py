"""A suggestion: what is advised, what it assumes, what is expected of it, and how sure that is."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from advisor.advise.assumes import Assumes
from advisor.advise.output.dimensions import Dimension, search_space
from advisor.advise.output.framework_arguments import training_arguments
from advisor.advise.output.timm_arguments import data_arguments, hyperparameter_arguments, recipe_arguments, to_words
from advisor.space.configuration import Configuration


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
        """The values of the hyperparameters."""
        return Configuration(self.lr, self.batch_size, self.epochs, self.dropout, self.weight_decay)


class DatasetName(_Frozen):
    """The dataset that is advised on."""

    dataset_id: str
    name: str
    n_train: int
    n_classes: int


class SimilarDataset(_Frozen):
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
    confidence_reason: str = ""
    """Why, in words."""
    basis: Literal["meta-model", "response", "recipes", "rule"]
    basis_weights: dict[str, float] = {}
    """How much of the values rests on each basis; the sum is 1."""
    novelty: float
    evidence: tuple[SimilarDataset, ...] = ()
    warnings: tuple[str, ...] = ()
    metamodel: MetaModelName | None = None

    @property
    def best(self) -> Suggested:
        """The first suggestion."""
        return self.suggestions[0]

    def __str__(self) -> str:
        """Return the table that ``advisor suggest`` prints."""
        from advisor.advise.output.table import to_plain_table

        return to_plain_table(self.model_dump())

    def _repr_html_(self) -> str:
        """Return the same for a notebook."""
        return f"<pre>{html.escape(str(self))}</pre>"

    def optimizer_kwargs(self) -> dict[str, Any]:
        """Return keywords for ``timm.optim.create_optimizer_v2``."""
        layer_decay = self.assumes.layer_decay
        return {
            "opt": self.opt,
            "lr": self.best.lr,
            "weight_decay": self.best.weight_decay,
            **({} if layer_decay is None else {"layer_decay": layer_decay}),
        }

    def scheduler_kwargs(self, updates_per_epoch: int | None = None) -> dict[str, Any]:
        """Return keywords for ``timm.scheduler.create_scheduler_v2``.

        Parameters
        ----------
        updates_per_epoch : int, optional
            Optimizer steps of one epoch, for a loop that also calls ``scheduler.step_update(steps)`` after each step,
            as the recorded runs did; by default the schedule moves by epochs.
        """
        by_steps = (
            {} if updates_per_epoch is None else {"step_on_epochs": False, "updates_per_epoch": updates_per_epoch}
        )
        return {
            "sched": self.assumes.sched,
            "num_epochs": self.best.epochs,
            "warmup_epochs": self.assumes.whole_warmup_epochs,
            "min_lr": self.assumes.min_lr,
            **by_steps,
        }

    def model_kwargs(self) -> dict[str, Any]:
        """Return keywords for ``timm.create_model``."""
        return {
            "model_name": self.model,
            "pretrained": self.pretrained,
            "num_classes": self.dataset.n_classes,
            "drop_rate": self.best.dropout,
            **({"drop_path_rate": self.assumes.drop_path} if self.assumes.drop_path else {}),
        }

    def to_training_arguments(self) -> dict[str, Any]:
        """Return keywords for ``transformers.TrainingArguments``; ``advisor suggest --format hf`` prints a script.

        Dropout goes into the model (``model_kwargs``), and the optimizer is timm's (``optimizer_kwargs``), as Trainer's
        own has no layer decay.
        """
        return training_arguments(self.best.configuration, self.assumes, self.dataset.n_train)

    def to_lightning(self) -> dict[str, dict[str, Any]]:
        """Return keywords by what takes them; ``advisor suggest --format lightning`` prints a script.

        ``trainer`` are for ``lightning.Trainer``, ``loader`` for a ``DataLoader``, and ``model``, ``optimizer``,
        ``scheduler`` and ``loss`` for timm's factories and ``torch.nn.CrossEntropyLoss``.
        """
        return {
            "trainer": {"max_epochs": self.best.epochs},
            "loader": {"batch_size": self.best.batch_size},
            "model": self.model_kwargs(),
            "optimizer": self.optimizer_kwargs(),
            "scheduler": self.scheduler_kwargs(),
            "loss": {"label_smoothing": self.assumes.label_smoothing},
        }

    def space(self) -> tuple[Dimension, ...]:
        """Return the hyperparameters as a search space that holds the good ranges and every suggestion."""
        return search_space(self.ranges, [s.configuration.as_dict() for s in self.suggestions])

    def to_config(self, dataset: str | Path | None = None) -> dict[str, Any]:
        """Return the whole advice as arguments of train.py by name, as its ``--config`` file takes them.

        Parameters
        ----------
        dataset : str or Path, optional
            Where the images are; left out where train.py cannot read them from there.
        """
        return {
            **data_arguments(dataset),
            "model": self.model,
            "pretrained": self.pretrained,
            "num_classes": self.dataset.n_classes,
            "img_size": self.img_size,
            "opt": self.opt,
            **hyperparameter_arguments(self.best.configuration),
            **self.recipe_arguments(),
        }

    def recipe_arguments(self) -> dict[str, Any]:
        """Return what the advice assumes beside the hyperparameters, as arguments of train.py by name."""
        return recipe_arguments(self.assumes, as_recorded=self.basis == "meta-model")

    def to_yaml(self, dataset: str | Path | None = None) -> str:
        """Return the file that train.py takes with ``--config``."""
        return yaml.safe_dump(self.to_config(dataset), sort_keys=False)

    def to_args(self, dataset: str | Path | None = None) -> list[str]:
        """Return the command-line arguments of timm's train.py that carry the advice out."""
        return to_words(self.to_config(dataset))

    def to_json(self) -> str:
        """Return the versioned JSON document."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2)
