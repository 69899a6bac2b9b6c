"""Advice as a script for Hugging Face's Trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor_timm.script_text import heading, keywords

if TYPE_CHECKING:
    from advisor import Suggestion

_SCRIPT = """\
{heading}
import timm
from timm.optim import create_optimizer_v2
from transformers import TimmWrapperConfig, TimmWrapperForImageClassification, Trainer, TrainingArguments

from advisor_transformers import AdvisorCallback

model = TimmWrapperForImageClassification(TimmWrapperConfig(architecture={model!r}, num_labels={classes}))
model.timm_model = timm.create_model({create_model})
optimizer = create_optimizer_v2(model.timm_model, {optimizer})
arguments = TrainingArguments(
    output_dir="output",
    eval_strategy="epoch",
    logging_strategy="epoch",
{arguments})
trainer = Trainer(
    model,
    arguments,
    train_dataset=train_set,
    eval_dataset=eval_set,
    compute_metrics=lambda found: {{"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())}},
    optimizers=(optimizer, None),
    callbacks=[AdvisorCallback(suggestion={suggestion!r}, {told})],
)
trainer.train()"""


def snippet(suggestion: Suggestion) -> str:
    """Return a script that trains as advised, and records it."""
    return _SCRIPT.format(
        heading=heading(suggestion, 'items {"pixel_values": image tensor, "labels": class number}'),
        model=suggestion.model,
        classes=suggestion.dataset.n_classes,
        create_model=keywords(suggestion.model_kwargs()),
        optimizer=keywords(suggestion.optimizer_kwargs()),
        arguments=keywords(suggestion.to_training_arguments(), indent=4),
        suggestion=suggestion.suggestion_id,
        told=keywords({"pretrained": suggestion.pretrained, "img_size": suggestion.img_size}),
    )
