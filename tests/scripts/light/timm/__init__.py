"""The few names of timm that a training needs to be recorded, on NumPy: a process starts in a tenth of a second."""

from timm.models import create_model

__version__ = "1.0.31"
__all__ = ["create_model"]
