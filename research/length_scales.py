"""The length scales of the process of regrets, by marginal likelihood: ``python -m research.length_scales``.

Prints the constants of ``advisor.learn.process``, of the shipped runs that start from ImageNet weights. They start from
what they are, and a prior holds each within a factor of e or so of that where the runs say nothing about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from advisor.learn.metamodel import case_weights
from advisor.learn.process import LENGTHS, LEVEL, NOISE, OWN, OWN_LENGTHS, SHARED
from advisor.learn.table import Floats, build_table
from advisor.learn.targets import regret_within_cases

STEPS = 40
"""Of Adam on logarithms, by a tenth each: no scale moves by more than a factor of fifty."""
_RATE = 0.1


@dataclass(frozen=True)
class Fitted:
    """What has the largest marginal likelihood, in the units of ``advisor.learn.process``.

    Attributes
    ----------
    lengths, own_lengths : mapping of str to float
        Length scales of the shared function and of a case's own.
    variances : tuple of float
        Of the shared function, a case's own, and a run around them.
    log_likelihood : float
        Logarithm of the marginal likelihood.
    """

    lengths: Mapping[str, float]
    own_lengths: Mapping[str, float]
    variances: tuple[float, float, float]
    log_likelihood: float


def fit_lengths(
    x: Floats,
    columns: Sequence[str],
    y: Floats,
    case_of: NDArray[np.int64],
    weight: Floats,
    steps: int = STEPS,
) -> Fitted:
    """Return the length scales and variances that the runs make most likely.

    Parameters
    ----------
    x : ndarray of shape (n, k)
        Features; NaN where one is unknown.
    columns : sequence of str, length k
        Their names.
    y : ndarray of shape (n,)
        Regrets.
    case_of : ndarray of int, shape (n,)
        The case of each run.
    weight : ndarray of shape (n,)
        How much each counts.
    steps : int
        Steps of Adam.
    """
    names, own_names = ([name for name in each if name in columns] for each in (LENGTHS, OWN_LENGTHS))
    at, own_at = (torch.tensor(_known(x[:, [columns.index(one) for one in each]])) for each in (names, own_names))
    is_same = torch.tensor(case_of[:, None] == case_of)
    target, weights = torch.tensor(y)[:, None], torch.tensor(weight)
    starts = [[LENGTHS[name] for name in names], [OWN_LENGTHS[name] for name in own_names], [SHARED, OWN, NOISE]]
    starts_log = [torch.log(torch.tensor(each, dtype=torch.float64)) for each in starts]
    found = [each.clone().requires_grad_() for each in starts_log]
    optimizer = torch.optim.Adam(found, lr=_RATE)
    likelihood = torch.tensor(0.0)
    for _ in range(steps):
        optimizer.zero_grad()
        shared, own, noise = torch.exp(found[2])
        covariance = shared * _matern(at / torch.exp(found[0])) + own * _matern(own_at / torch.exp(found[1])) * is_same
        factor = torch.linalg.cholesky(covariance + LEVEL + torch.diag(noise / weights))
        explained = (target * torch.cholesky_solve(target, factor)).sum()
        likelihood = -0.5 * explained - torch.log(torch.diag(factor)).sum()
        moved = sum(((now - start) ** 2).sum() for now, start in zip(found[:2], starts_log[:2], strict=True))
        (0.5 * moved - likelihood).backward()
        optimizer.step()
    lengths, own_lengths, variances = (torch.exp(each).tolist() for each in found)
    return Fitted(
        dict(zip(names, lengths, strict=True)),
        dict(zip(own_names, own_lengths, strict=True)),
        (variances[0], variances[1], variances[2]),
        likelihood.item(),
    )


def _known(x: Floats) -> Floats:
    return np.asarray(np.where(np.isfinite(x), x, np.nan_to_num(np.nanmean(x, axis=0))))


def _matern(x: torch.Tensor) -> torch.Tensor:
    squares = (x**2).sum(dim=1)
    # A distance of 0 has no derivative.
    far = torch.sqrt(5 * torch.clamp(squares[:, None] + squares - 2 * x @ x.T, min=0) + 1e-9)
    return (1 + far * (1 + far / 3)) * torch.exp(-far)


def main() -> None:
    """Print what the shipped runs make most likely."""
    from advisor.describe.model import model_features
    from advisor.records.evidence import load_fine_tuning

    evidence = load_fine_tuning()
    table = build_table(evidence.runs, evidence.datasets, model_features)
    row_of, score = table.means_over_seeds()
    case_of = table.case_of[row_of]
    fitted = fit_lengths(
        table.x[row_of], table.columns, regret_within_cases(score, case_of), case_of, case_weights(case_of)
    )
    for title, lengths in (("LENGTHS", fitted.lengths), ("OWN_LENGTHS", fitted.own_lengths)):
        print(title, {name: float(f"{length:.2g}") for name, length in lengths.items()})
    print("SHARED, OWN, NOISE", [float(f"{variance:.2g}") for variance in fitted.variances])
    print(f"log marginal likelihood {fitted.log_likelihood:.1f} of {len(score)} configurations")


if __name__ == "__main__":
    main()
