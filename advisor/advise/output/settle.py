"""What settles a doubtful learning rate: three short trainings, whose order shows after two epochs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from advisor.advise.output.timm_arguments import quote
from advisor.advise.suggestion import Suggested, Suggestion
from advisor.space.hyperparameters import two_figures

FACTORS = (1 / 3, 1.0, 3.0)
EPOCHS = 2
"""The order of learning rates shows after so many epochs of fine-tuning (docs/fine-tuning.md)."""


def settle_commands(suggestion: Suggestion, dataset: str | Path | None, script: str = "train.py") -> list[str]:
    """Return command lines that try the advised learning rate, a third and three times of it, for two epochs each.

    Their runs are recorded, so that the next advice uses them.

    Parameters
    ----------
    suggestion : Suggestion
        Advice of low confidence.
    dataset : str or Path, optional
        Where the images are; without it the commands leave that to be added.
    script : str
        The training script.
    """
    commands = []
    for factor in FACTORS:
        tried = replace(suggestion.best.configuration, lr=two_figures(suggestion.best.lr * factor), epochs=EPOCHS)
        assumes = suggestion.assumes.model_copy(update={"warmup_epochs": min(suggestion.assumes.warmup_epochs, 1.0)})
        short = suggestion.model_copy(update={"suggestions": (Suggested.of(tried),), "assumes": assumes})
        commands.append(quote(["advisor", "run", script, *short.to_args(dataset)]))
    return commands
