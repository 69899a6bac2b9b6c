"""Fits what models reach: a linear model whose terms are Gaussian, their variances by the marginal likelihood.

Datasets that are fitted to have a term of their own, which only holds there; it is integrated out, so that nothing
grows with their number but a sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from advisor.learn.model_choice import SMOOTH, ModelChoice, Variances, design_row, to_scale
from advisor.learn.table import Floats
from research.model_choice.runs import Reached

LEVEL_VARIANCE = 9.0
"""Of the level of all datasets: nothing is known of it before."""
_START = -1.0
_SHRINKAGE = 0.02
"""Draws logarithms of variances toward 0, so that one that the runs do not tell stays finite."""
TERMS = ("dataset", "sizes", "ImageNet accuracy", "family", "architecture", "rest")
"""What has a variance."""


@dataclass(frozen=True)
class _Design:
    x: Floats
    y: Floats
    blocks: Sequence[Any]
    families: Sequence[str]
    architectures: Sequence[str]

    def prior(self, variances: Floats) -> Floats:
        """Return the variance of each weight."""
        of = dict(zip(TERMS, variances, strict=True))
        smooth = [LEVEL_VARIANCE, of["sizes"], of["sizes"], of["ImageNet accuracy"]]
        assert len(smooth) == len(SMOOTH)
        each = [of["family"]] * len(self.families) + [of["architecture"]] * len(self.architectures)
        return np.array([*smooth, *each])

    def whitened(self, right: Floats, variances: Floats) -> Floats:
        """Return V⁻¹ @ right, for the covariance V of the datasets' own terms and of the rest."""
        dataset, rest = variances[TERMS.index("dataset")], variances[TERMS.index("rest")]
        result = right / rest
        for block in self.blocks:
            n = int(block.sum())
            result[block] -= dataset / (rest + n * dataset) / rest * right[block].sum(axis=0)
        return np.asarray(result)

    def log_determinant(self, variances: Floats) -> float:
        """Return that of V."""
        dataset, rest = variances[TERMS.index("dataset")], variances[TERMS.index("rest")]
        sizes = np.array([block.sum() for block in self.blocks])
        return float(np.sum((sizes - 1) * np.log(rest) + np.log(rest + sizes * dataset)))


def _design(reached: Reached) -> _Design:
    families = sorted(set(reached.families))
    architectures = sorted({candidate.architecture for candidate in reached.model})
    rows = zip(reached.model, reached.n_train, reached.n_classes, strict=True)
    return _Design(
        x=np.array([design_row(model, n, k, families, architectures) for model, n, k in rows]),
        y=to_scale(reached.top1),
        blocks=[reached.dataset == name for name in np.unique(reached.dataset)],
        families=families,
        architectures=architectures,
    )


def _posterior(design: _Design, variances: Floats) -> tuple[Floats, Floats, float]:
    """Return mean and covariance of the weights, and the negative logarithm of the marginal likelihood."""
    prior, whitened = design.prior(variances), design.whitened(design.x, variances)
    precision = design.x.T @ whitened + np.diag(1 / prior)
    moment = whitened.T @ design.y
    covariance = np.linalg.inv(precision)
    mean = covariance @ moment
    quadratic = design.y @ design.whitened(design.y, variances) - moment @ mean
    determinant = design.log_determinant(variances) + np.linalg.slogdet(precision)[1] + np.log(prior).sum()
    return mean, covariance, float(quadratic + determinant) / 2


def variances_of(reached: Reached) -> Floats:
    """Return the variances of ``TERMS`` that make rows likeliest."""
    from scipy.optimize import minimize

    design = _design(reached)

    def loss(logarithms: Floats) -> float:
        return _posterior(design, np.exp(logarithms))[2] + _SHRINKAGE * float(logarithms @ logarithms)

    found = minimize(loss, np.full(len(TERMS), _START), method="L-BFGS-B")
    return np.asarray(np.exp(found.x))


def fit(reached: Reached, variances: Floats | None = None, provenance: Mapping[str, Any] | None = None) -> ModelChoice:
    """Return the model that rows give.

    Parameters
    ----------
    reached : Reached
        What models reached.
    variances : ndarray, optional
        Those of ``TERMS``; by default the likeliest.
    provenance : mapping, optional
        Where the rows are from.
    """
    design, found = _design(reached), variances_of(reached) if variances is None else variances
    mean, covariance, _ = _posterior(design, found)
    of = dict(zip(TERMS, found.tolist(), strict=True))
    return ModelChoice(
        families=design.families,
        architectures=design.architectures,
        mean=mean,
        covariance=covariance,
        variances=Variances(of["dataset"], of["family"], of["architecture"], of["rest"]),
        provenance=provenance or {},
    )
