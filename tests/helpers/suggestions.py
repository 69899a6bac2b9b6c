"""A suggestion as the adviser gives it, without asking it."""

from __future__ import annotations

from typing import Any

from advisor import Suggestion

FIRST = {"lr": 0.003, "batch_size": 24, "epochs": 3, "dropout": 0.1, "weight_decay": 0.05}
SECOND = {"lr": 0.02, "batch_size": 8, "epochs": 6, "dropout": 0.0, "weight_decay": 0.0}


def suggestion(**changes: Any) -> Suggestion:
    """Return one for ten classes of digits, test_resnet from scratch; its second point lies outside the ranges."""
    values: dict[str, Any] = {
        "schema": "advisor.suggestion/1",
        "suggestion_id": "01m88983000000000000000000",
        "dataset": {"dataset_id": "d1", "name": "digits", "n_train": 300, "n_classes": 10},
        "model": "test_resnet",
        "opt": "adamw",
        "pretrained": False,
        "img_size": 32,
        "assumes": {
            "sched": "cosine",
            "warmup_epochs": 1.0,
            "min_lr": 0.0,
            "augment": "none",
            "mixup": 0.0,
            "label_smoothing": 0.1,
        },
        "suggestions": [FIRST, SECOND],
        "ranges": {
            "lr": (0.001, 0.01),
            "batch_size": (16, 32),
            "epochs": (3, 4),
            "dropout": (0.0, 0.2),
            "weight_decay": (0.01, 0.1),
        },
        "confidence": "medium",
        "basis": "meta-model",
        "novelty": 0.2,
        **changes,
    }
    return Suggestion.model_validate(values)
