"""Length scales by marginal likelihood: what decides gets a short one, what does not a long one."""

import numpy as np

from advisor.learn.process import LENGTHS
from research.length_scales import fit_lengths


def test_what_does_not_matter_gets_the_longer_scale():
    random = np.random.default_rng(0)
    columns = ("log_lr", "log_batch_size", "log_steps")
    x = random.uniform(-6, 6, (120, 3))
    y = np.sin(x[:, 0]) + random.normal(0, 0.05, 120)
    fitted = fit_lengths(x, columns, y, np.arange(120) % 6, np.ones(120), steps=25)
    assert set(fitted.lengths) == set(columns) < set(LENGTHS)
    assert fitted.lengths["log_lr"] < LENGTHS["log_lr"] / 1.5
    assert fitted.lengths["log_batch_size"] > 1.2 * LENGTHS["log_batch_size"]
    fewer = fit_lengths(x, columns, y, np.arange(120) % 6, np.ones(120), steps=2)
    assert fitted.log_likelihood > fewer.log_likelihood
