"""Describes an installed timm model: it is built on torch's meta device, which allocates no weights, and traced."""

from __future__ import annotations

from typing import Any

from advisor.describe.model_description import ModelDescription

NORMS = {"BatchNorm": "batch", "LayerNorm": "layer", "GroupNorm": "group", "RmsNorm": "rms", "EvoNorm": "evo"}
"""Part of a layer's class name -> kind of normalisation."""
NOT_SPATIAL = ("SqueezeExcite", "EffectiveSE", "Eca", "Cecam", "GatherExcite", "GlobalContext", "SplitAttn", "Pool")
"""These reweight channels, choose between kernels or pool; they do not let positions attend to each other."""
WINDOWS = ("Window", "Partition", "Halo", "Neighborhood")
"""Parts of the class names of attention within a window of positions."""


def trace(name: str) -> ModelDescription:
    """Return the description of a timm model that is installed.

    Parameters
    ----------
    name : str
        A registered architecture, without a pretrained tag.

    Raises
    ------
    Exception
        Whatever building the model on the meta device raises.
    """
    import timm
    import torch

    with torch.device("meta"):
        model = timm.create_model(name).eval().requires_grad_(False)
        config = getattr(model, "default_cfg", None) or {}
        _, height, width = size = config.get("input_size", (3, 224, 224))
        parameters = dict(model.named_parameters())
        macs, stem_stride = _run(model, torch.zeros(1, *size))
    features = getattr(model, "feature_info", None) or []
    reductions = [int(info["reduction"]) for info in features if isinstance(info, dict) and "reduction" in info]
    attention, share = _attention(model)
    return ModelDescription(
        name=name,
        family=timm.models.model_entrypoint(name).__module__.rpartition(".")[2],
        num_params=sum(p.numel() for p in parameters.values()),
        macs=macs,
        img_size=max(height, width),
        num_features=int(model.num_features),
        num_layers=sum(1 for p in parameters.values() if p.ndim >= 2),
        norm=_norm(model),
        attention=attention,
        attention_share=share,
        stem_stride=stem_stride,
        total_stride=max([*reductions, stem_stride]),
        fixed_img_size=bool(config.get("fixed_input_size", False)),
        pretrained_tags=_tags(name),
    )


def _run(model: Any, image: Any) -> tuple[int, int]:
    """Return the multiply-accumulates of one image, and the stride of the first convolution that sees it."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    strides: list[int] = []
    hooks = [
        module.register_forward_hook(lambda m, i, o: strides.append(int(max(m.stride))))
        for module in model.modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image)
    for hook in hooks:
        hook.remove()
    patch = getattr(getattr(model, "patch_embed", None), "patch_size", 1)
    linear_stem = int(max(patch)) if isinstance(patch, tuple) else int(patch)
    return counter.get_total_flops() // 2, strides[0] if strides else linear_stem


def _norm(model: Any) -> str:
    """Return the kind of normalisation that most layers use."""
    counts = dict.fromkeys((*NORMS.values(), "none"), 0)
    for module in model.modules():
        for part, kind in NORMS.items():
            if part.lower() in type(module).__name__.lower():
                counts[kind] += 1
    return max(counts, key=lambda kind: counts[kind]) if any(counts.values()) else "none"


def _attention(model: Any) -> tuple[str, float]:
    """Return the kind of spatial self-attention and the share of all parameters that it holds."""
    layers = {
        path: module
        for path, module in model.named_modules()
        if any(part in type(module).__name__.lower() for part in ("attn", "attention", "mhsa"))
        and not any(part in type(module).__name__ for part in NOT_SPATIAL)
        and any(True for _ in module.parameters())
    }
    # A block that holds an attention layer often carries the word in its own name: the innermost one is the layer.
    innermost = [path for path in layers if not any(other.startswith(f"{path}.") for other in layers)]
    inside = sum(p.numel() for path in innermost for p in layers[path].parameters())
    window = any(word in type(module).__name__ for module in layers.values() for word in WINDOWS)
    kind = "none" if not layers else "window" if window else "global"
    return kind, inside / max(1, sum(p.numel() for p in model.parameters()))


def _tags(name: str) -> tuple[str, ...]:
    """Return the tags of the pretrained weights of an architecture, timm's default first."""
    import timm

    tags = [tag.partition(".")[2] for tag in timm.list_pretrained(f"{name}*") if tag.partition(".")[0] == name]
    default = getattr(timm.models.get_pretrained_cfg(name), "tag", None) or ""
    return tuple(sorted((tag or "default" for tag in tags), key=lambda tag: (tag != default, tag)))
