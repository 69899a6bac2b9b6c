"""An optimizer of few sources is covered by what was recorded of its family."""

import pytest

from advisor.advise.search.context import FEW_GROUPS, covering
from advisor.learn.artefact import Coverage
from advisor.records.schema import Pretraining

IMAGENET = Pretraining.IMAGENET


class Evidence:
    """As much of an artefact as is asked."""

    def __init__(self, **sources):
        self.sources = sources

    def covering(self, opt, pretraining):
        if opt not in self.sources or pretraining is not IMAGENET:
            return None
        bounds = {"lr": (1e-5, 3e-2), "weight_decay": (0.0, 0.5)}
        return Coverage(opt, pretraining, bounds, (64, 64), (1, 2), {}, 100, self.sources[opt])


@pytest.mark.parametrize(
    ("opt", "sources", "of", "most_decay"),
    [
        ("adam", {"adam": 2, "adamw": 20}, "adamw", 1e-3),
        ("nadamw", {"nadamw": 1, "adamw": 20, "adam": 3}, "adamw", 0.5),
        ("adam", {"adam": FEW_GROUPS, "adamw": 20}, "adam", 0.5),
        ("adam", {"adam": 2, "adamw": FEW_GROUPS - 1}, "adam", 0.5),
        ("nesterov", {"nesterov": 1, "adamw": 20}, "nesterov", 0.5),
    ],
)
def test_what_covers_an_optimizer(opt, sources, of, most_decay):
    found = covering(Evidence(**sources), opt, IMAGENET)
    assert (found.opt, found.bounds["weight_decay"][1]) == (of, most_decay)


def test_what_was_never_recorded_is_not_covered():
    evidence = Evidence(adamw=20)
    assert covering(evidence, "adam", IMAGENET) is None
    assert covering(evidence, "adamw", Pretraining.NONE) is None
