"""Attaches to timm training scripts and imports what they left behind."""

from advisor_timm.attach import advisor_attach

__all__ = ["advisor_attach"]
