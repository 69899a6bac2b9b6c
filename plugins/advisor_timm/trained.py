"""The model and the optimizer in training."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from typing import Any


class TrainedModel:
    """Knows which of the models a script made is trained, and what state it is in.

    Everything is held by weak references, so that a record keeps no memory of a training alive.
    """

    def __init__(self) -> None:
        self._models: list[tuple[weakref.ref[Any], dict[str, Any]]] = []
        self._model: weakref.ref[Any] | None = None
        self._optimizer: weakref.ref[Any] | None = None

    def add_model(self, model: Any, fields: dict[str, Any]) -> bool:
        """Remember a model and what is known of it; return whether it is the first."""
        self._models.append((weakref.ref(model), fields))
        return len(self._models) == 1

    def set_optimizer(self, optimizer: Any) -> dict[str, Any]:
        """Take the optimizer; return what is known of the model whose parameters it holds."""
        self._optimizer = weakref.ref(optimizer)
        held = {id(parameter) for parameter in self.parameters()}
        for reference, fields in self._models[::-1]:
            model = reference()
            if model is not None and any(id(parameter) in held for parameter in model.parameters()):
                self._model = reference
                return fields
        return {}

    @property
    def optimizer(self) -> Any:
        """The optimizer, or None while there is none."""
        return self._optimizer() if self._optimizer is not None else None

    def parameters(self) -> Iterator[Any]:
        """Yield the parameters that the optimizer holds."""
        groups = self.optimizer.param_groups if self.optimizer is not None else ()
        return (parameter for group in groups for parameter in group["params"])

    def version(self) -> int | None:
        """Return a number that changes whenever the weights do: the sum of PyTorch's counters of in-place changes."""
        versions = [parameter._version for parameter in self.parameters()]
        return sum(versions) if versions else None

    def lr(self) -> float | None:
        """Return the mean learning rate over the parameter groups, which is what timm prints."""
        if self.optimizer is None:
            return None
        rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        return sum(rates) / len(rates)

    def is_training(self) -> bool:
        """Tell whether the script is training now, not evaluating."""
        model = self._model() if self._model is not None else None
        return bool(model.training if model is not None else sys.modules["torch"].is_grad_enabled())

    def shares_weights(self, model: Any) -> bool | None:
        """Tell whether a model, wrapped or not, is the one in training; None if that cannot be told."""
        held = {id(parameter) for parameter in self.parameters()}
        if not held or not hasattr(model, "parameters"):
            return None
        return any(id(parameter) in held for parameter in model.parameters())
