"""Recorded cases, each predicted by a meta-model that never saw its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advisor.evaluate.pool import Pool, pools
from advisor.learn.artefact import seed_noise
from advisor.learn.metamodel import meta_model_for
from advisor.learn.nearby_lr import regret_nearby
from advisor.learn.own_runs import LENGTHS, posterior_scale
from advisor.learn.table import Floats, Table
from advisor.learn.targets import regret_scale
from advisor.records.schema import Pretraining

_USUAL_NOISE = 1.0
"""Points between seeds where none was trained twice."""


@dataclass(frozen=True)
class Forecast:
    """A case, and the points that each member of a meta-model that never saw its source expects them to lose.

    Attributes
    ----------
    pool : Pool
        The case.
    members : ndarray of shape (k, m)
        Points short by member and configuration.
    noise : float
        Points between seeds.
    scale : float
        Points that a regret of 1 stands for, see ``posterior_scale``.
    lengths : sequence of float
        How smooth the errors are.
    """

    pool: Pool
    members: Floats
    noise: float
    scale: float
    lengths: Sequence[float] = LENGTHS

    @property
    def short(self) -> Floats:
        """Points short, the mean of the members."""
        return np.asarray(self.members.mean(axis=0))


def forecast(table: Table, pretraining: Pretraining = Pretraining.NONE) -> list[Forecast]:
    """Return every case of a table, as it is predicted without its source, for trainings from weights of a kind."""
    noise = seed_noise(table) or _USUAL_NOISE
    judged = list(pools(table))
    found = []
    for group in sorted({pool.group for pool in judged}):
        model = meta_model_for(pretraining).fit(table.take(table.group_of != group))
        for pool in (pool for pool in judged if pool.group == group):
            top1 = model.predict(pool.x).top1
            members = regret_nearby(model, pool.x) * regret_scale(top1)
            found.append(Forecast(pool, members, noise, posterior_scale(top1)))
    return found
