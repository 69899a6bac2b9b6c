"""Advice as a script for Lightning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor_timm.script_text import heading, keywords

if TYPE_CHECKING:
    from advisor import Suggestion

_SCRIPT = """\
{heading}
import lightning
import timm
import torch
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from torch.utils.data import DataLoader

from advisor_lightning import AdvisorCallback


class Classifier(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.network = timm.create_model({model})
        self.train_loss = torch.nn.CrossEntropyLoss({loss})

    def training_step(self, batch, batch_index):
        images, labels = batch
        loss = self.train_loss(self.network(images), labels)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_index):
        images, labels = batch
        outputs = self.network(images)
        self.log("val_loss", torch.nn.functional.cross_entropy(outputs, labels))
        self.log("val_acc", (outputs.argmax(1) == labels).float().mean())

    def configure_optimizers(self):
        optimizer = create_optimizer_v2(self.network, {optimizer})
        scheduler, _ = create_scheduler_v2(optimizer, {scheduler})
        return [optimizer], [scheduler]

    def lr_scheduler_step(self, scheduler, metric):
        scheduler.step(self.current_epoch + 1)


trainer = lightning.Trainer(
{trainer}    callbacks=[AdvisorCallback(suggestion={suggestion!r}, pretrained={pretrained})],
)
trainer.fit(
    Classifier(),
    DataLoader(train_set, shuffle=True, {loader}),
    DataLoader(eval_set, {loader}),
)"""


def snippet(suggestion: Suggestion) -> str:
    """Return a script that trains as advised, and records it."""
    advised = suggestion.to_lightning()
    return _SCRIPT.format(
        heading=heading(suggestion, "pairs of image tensor and class number"),
        trainer=keywords(advised["trainer"], indent=4),
        **{name: keywords(advised[name]) for name in ("loader", "model", "optimizer", "scheduler", "loss")},
        suggestion=suggestion.suggestion_id,
        pretrained=suggestion.pretrained,
    )
