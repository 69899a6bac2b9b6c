"""What a feature of a dataset is."""

from __future__ import annotations

from dataclasses import dataclass

FEATURES_VERSION = 3
"""Raised whenever the value of any feature changes for the same dataset; version and values are recorded together."""


@dataclass(frozen=True)
class Feature:
    """What a feature means.

    Parameters
    ----------
    name : str
        The key under which it is recorded.
    group : str
        ``size``, ``images``, ``structure`` or ``probe``: groups are judged, and dropped, as a whole.
    formula : str
        How it is computed.
    range : str
        The values it can take, with the unit.
    cost : str
        What it needs: ``counts``, ``pixels`` (of the sample), ``fits`` (of simple classifiers) or ``probe``.
    why : str
        Why it should say something about good hyperparameters.
    """

    name: str
    group: str
    formula: str
    range: str
    cost: str
    why: str
