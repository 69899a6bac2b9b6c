"""What the arguments and results of timm's factories say."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any


def model_fields(arguments: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """Return the record fields that a call of ``create_model`` gives.

    A rate that is not passed (None) is the model's own default, which its attribute or constructor tells.
    """
    fields = {
        "model": arguments["model_name"],
        "pretrained": bool(arguments.get("pretrained") or arguments.get("checkpoint_path")),
        "num_params": sum(parameter.numel() for parameter in model.parameters()),
        "dropout": _rate(arguments, model, "drop_rate"),
        "drop_path": _rate(arguments, model, "drop_path_rate", "drop_connect_rate"),
    }
    classes = getattr(model, "num_classes", None)
    if isinstance(classes, int):
        fields["model_num_classes"] = classes
    return {name: value for name, value in fields.items() if value is not None}


def _rate(arguments: Mapping[str, Any], model: Any, *names: str) -> float | None:
    passed = (arguments.get(name) for name in names)
    own = getattr(model, names[0], None)
    parameter = inspect.signature(type(model).__init__).parameters.get(names[0])
    default = parameter.default if parameter is not None else None
    candidates = (*passed, own, default)
    return next((float(rate) for rate in candidates if isinstance(rate, int | float)), None)


def class_count(dataset: Any) -> int | None:
    """Return the number of classes that a dataset of timm or torchvision has, if it says."""
    classes = getattr(getattr(dataset, "reader", None) or getattr(dataset, "parser", None), "class_to_idx", None)
    classes = classes or getattr(dataset, "class_to_idx", None) or getattr(dataset, "classes", None)
    return len(classes) if classes else None


def augmentation(arguments: Mapping[str, Any]) -> str:
    """Return what ``create_loader`` does to training images.

    ``none``; ``flip-crop`` (a mild crop and at most a flip); ``timm-default`` (timm's random resized crop, flip and
    colour jitter); the name of an automatic policy, with random erasing added as ``+erase``; else ``custom``.
    """
    if arguments.get("no_aug"):
        return "none"
    erase = "+erase" if arguments.get("re_prob") else ""
    policy = arguments.get("auto_augment")
    if policy:
        return f"{policy}{erase}"
    smallest = min(arguments.get("scale") or (0.08,))
    jitter = arguments.get("color_jitter")
    flips = (arguments.get("hflip"), arguments.get("vflip"))
    extra = any(arguments.get(name) for name in ("grayscale_prob", "gaussian_blur_prob"))
    if smallest >= 0.5 and not jitter and not flips[1] and not extra:
        kind = "flip-crop"
    elif smallest == 0.08 and jitter == 0.4 and flips == (0.5, 0.0) and not extra:
        kind = "timm-default"
    else:
        kind = "custom"
    return f"{kind}{erase}"
