"""What training a model keeps in memory for one image, counted without allocating it.

The model runs on torch's meta device, and every tensor that autograd keeps for the backward pass is counted once by its
storage. Parameters are left out: they do not grow with the batch.
"""

from __future__ import annotations

from typing import Any

BATCH_SIZE = 2
"""Normalisation over a batch needs two images."""


def saved_bytes(name: str) -> int:
    """Return the bytes that single-precision training keeps for one image at the native size.

    Parameters
    ----------
    name : str
        A timm architecture that is installed.

    Raises
    ------
    Exception
        Whatever building or running the model on the meta device raises.
    """
    import timm
    import torch

    with torch.device("meta"):
        model = timm.create_model(name).train()
        images = torch.zeros(BATCH_SIZE, *model.default_cfg["input_size"])
        parameters = {_storage(parameter) for parameter in model.parameters()}
        kept: dict[Any, Any] = {}

        def keep(tensor: Any) -> Any:
            # The tensor itself is held too: the address of one that is freed would be given to another.
            kept[_storage(tensor)] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model(images)
    of_images = sum(tensor.untyped_storage().nbytes() for at, tensor in kept.items() if at not in parameters)
    return int(of_images) // BATCH_SIZE


def _storage(tensor: Any) -> Any:
    return tensor.untyped_storage()._cdata
