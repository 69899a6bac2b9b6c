"""The fixed rule: sourced starting values per optimizer, kind of model and pretrained or from scratch.

It answers where no evidence does, and is the baseline that learned advice must beat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from advisor.space.configuration import Configuration
from advisor.space.optimizers import MAX_COUPLED_DECAY, is_coupled_adaptive, optimizer_family

BASE_BATCH_SIZE = 64
SETTLED_EPOCHS = 31
"""Epochs after which fine-tuning gains little: good public runs of 50 epochs, on 1,000 images and more, are within a
point of their end by epoch 24 in the median (docs/response-model.md)."""
_SETTLED_FROM = 1_000
MOST_EPOCHS = 50
"""Epochs of fine-tuning that is never advised to go beyond: what those runs planned."""
_COUPLED_DECAY = 1e-4
_COUPLED_SOURCE = (
    f"but weight decay {_COUPLED_DECAY:g}, as is usual where it is added to the gradient; public runs lose above "
    f"{MAX_COUPLED_DECAY:g}"
)


@dataclass(frozen=True)
class Rule:
    """Starting values at a batch size of 64 and how the learning rate follows another one.

    ``lr`` is the peak at batch size 64; ``exponent`` is 1 where it scales linearly with the batch size, 0.5 where
    with its square root.
    """

    lr: float
    exponent: float
    weight_decay: float
    dropout: float
    source: str


_SQRT = "square-root batch scaling: Malladi et al. 2022, arXiv:2205.10287"
_LINEAR = "linear batch scaling: Goyal et al. 2017, arXiv:1706.02677"

# (optimizer family, pretrained, attention) -> rule; the learning rates are the sources' own, brought to batch 64.
_RULES: dict[tuple[str, bool, bool], Rule] = {
    ("adam", False, False): Rule(
        1e-3, 0.5, 0.05, 0.0, f"lr: Adam's default (Kingma & Ba 2015); weight decay: ConvNeXt, DeiT; {_SQRT}"
    ),
    ("adam", False, True): Rule(
        1e-3, 0.5, 0.05, 0.0, f"lr: Adam's default (Kingma & Ba 2015); weight decay: DeiT, Swin; {_SQRT}"
    ),
    ("adam", True, False): Rule(
        1e-4, 0.5, 0.05, 0.0, f"lr: one order below from-scratch, ConvNeXt fine-tuning; weight decay: ConvNeXt; {_SQRT}"
    ),
    ("adam", True, True): Rule(
        5e-5, 0.5, 0.05, 0.0, f"lr: Hugging Face Trainer's default at batch 8-64; weight decay: MAE, Swin; {_SQRT}"
    ),
    ("sgd", False, False): Rule(
        0.025, 1.0, 1e-4, 0.0, f"lr 0.1 at batch 256, weight decay 1e-4: torchvision's references; {_LINEAR}"
    ),
    ("sgd", False, True): Rule(
        0.025, 1.0, 1e-4, 0.0, f"lr 0.1 at batch 256, weight decay 1e-4: torchvision's references; {_LINEAR}"
    ),
    ("sgd", True, False): Rule(
        0.0025, 1.0, 1e-4, 0.0, f"lr 0.01 at batch 256: Kornblith et al. 2019, arXiv:1805.08974; {_LINEAR}"
    ),
    ("sgd", True, True): Rule(
        0.00375, 1.0, 0.0, 0.0, f"lr 0.03 at batch 512, no weight decay: google-research/vision_transformer; {_LINEAR}"
    ),
    ("rmsprop", False, False): Rule(
        0.004, 1.0, 1e-5, 0.2, f"lr 0.016 at batch 256, weight decay 1e-5: timm's EfficientNet-B2; {_LINEAR}"
    ),
    ("lamb", False, False): Rule(
        9e-4,
        0.5,
        0.02,
        0.0,
        f"lr 5e-3 at batch 2048, weight decay 0.02: Wightman et al. 2021, arXiv:2110.00476; {_SQRT}",
    ),
    ("lion", False, False): Rule(
        1e-4,
        0.5,
        0.5,
        0.0,
        f"lr a tenth and weight decay ten times AdamW's: Chen et al. 2023, arXiv:2302.06675; {_SQRT}",
    ),
    ("lion", True, False): Rule(
        1e-5,
        0.5,
        0.5,
        0.0,
        f"lr a tenth and weight decay ten times AdamW's: Chen et al. 2023, arXiv:2302.06675; {_SQRT}",
    ),
}


def find_rule(opt: str, *, pretrained: bool, attention: bool) -> Rule:
    """Return the rule for an optimizer, pretrained or not, and a model with or without attention.

    Where no source speaks of the exact combination, the nearest is taken: first the other kind of model, then from
    scratch with the learning rate divided by ten (fine-tuning lies one to two orders below training from scratch).
    Adam and others that couple the weight decay do not get AdamW's.

    Raises
    ------
    UsageError
        If there is no rule for the optimizer.
    """
    family = optimizer_family(opt)
    rule = _nearest_rule(family, pretrained, attention)
    if family == "adam" and is_coupled_adaptive(opt):
        return replace(rule, weight_decay=_COUPLED_DECAY, source=f"{rule.source}; {_COUPLED_SOURCE}")
    return rule


def _nearest_rule(family: str, pretrained: bool, attention: bool) -> Rule:
    for key in ((family, pretrained, attention), (family, pretrained, False)):
        if key in _RULES:
            return _RULES[key]
    scratch = _RULES[family, False, False]
    return Rule(
        scratch.lr / 10,
        scratch.exponent,
        scratch.weight_decay,
        scratch.dropout,
        f"{scratch.source}; lr divided by 10 for fine-tuning",
    )


def rule_batch_size(n_train: int, max_batch_size: int | None = None) -> int:
    """Return the largest power of two up to 64 that leaves ten steps an epoch, at least 8, within the dataset."""
    wanted = min(BASE_BATCH_SIZE, max(8.0, n_train / 10))
    size = int(2 ** math.floor(math.log2(wanted)))
    return max(1, min(size, n_train, max_batch_size or size))


def rule_epochs(n_train: int, *, pretrained: bool, max_epochs: int | None = None) -> int:
    """Return the epochs of the rule.

    Fine-tuning sees 256,000 samples, as BiT-HyperRule's 500 steps of 512 do (Kolesnikov et al. 2020,
    arXiv:1912.11370), within 5 and ``most_epochs``; from scratch it is 80, the middle setting of the Imagenette
    leaderboard.
    """
    epochs = round(min(most_epochs(n_train), max(5, 256_000 / n_train))) if pretrained else 80
    return min(epochs, max_epochs or epochs)


def most_epochs(n_train: int) -> float:
    """Return the epochs at which fine-tuning ends.

    ``SETTLED_EPOCHS``, and toward ``MOST_EPOCHS`` where images are so few that an epoch has hardly any steps.
    """
    return min(float(MOST_EPOCHS), SETTLED_EPOCHS * math.pow(max(1.0, _SETTLED_FROM / n_train), 0.2))


def apply_rule(
    opt: str,
    *,
    pretrained: bool,
    attention: bool,
    n_train: int,
    max_epochs: int | None = None,
    max_batch_size: int | None = None,
    batch_size: int | None = None,
) -> Configuration:
    """Return the configuration that the fixed rule gives within the limits, or for a given batch size.

    Raises
    ------
    UsageError
        If there is no rule for the optimizer.
    """
    rule = find_rule(opt, pretrained=pretrained, attention=attention)
    batch_size = batch_size or rule_batch_size(n_train, max_batch_size)
    return Configuration(
        lr=float(f"{rule.lr * (batch_size / BASE_BATCH_SIZE) ** rule.exponent:.3g}"),
        batch_size=batch_size,
        epochs=rule_epochs(n_train, pretrained=pretrained, max_epochs=max_epochs),
        dropout=rule.dropout,
        weight_decay=rule.weight_decay,
    )
