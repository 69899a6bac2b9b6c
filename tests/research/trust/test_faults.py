"""Every fault of research/trust is done to a training, many at once: it ends, prints and writes as without us."""

from __future__ import annotations

import pytest

from research.trust.chaos import compositions
from research.trust.fault import BEFORE, Fault
from research.trust.faults import FAULTS
from research.trust.trial import compare


def all_in_few() -> list[list[Fault]]:
    """Put every fault into the first group where it goes with the others."""
    groups: list[list[Fault]] = []
    for fault in FAULTS:
        for group in groups:
            # What keeps a run from being recorded would hide what comes later.
            alike = (fault.promise == BEFORE) == (group[0].promise == BEFORE)
            if alike and not any(other.tags & fault.tags for other in group):
                group.append(fault)
                break
        else:
            groups.append([fault])
    return groups


@pytest.mark.parametrize(
    "faults",
    [*all_in_few(), *compositions(4, seed=1)],
    ids=lambda faults: "+".join(fault.name for fault in faults)[:60],
)
def test_faults_change_nothing(tmp_path, faults):
    assert compare(faults, tmp_path / "work") == []


def test_compositions_are_drawn_from_their_seed_and_go_together():
    drawn = list(compositions(50, seed=1))
    assert drawn == list(compositions(50, seed=1)) != list(compositions(50, seed=2))
    for faults in drawn:
        tags = [tag for fault in faults for tag in fault.tags]
        assert faults
        assert len(tags) == len(set(tags))
    assert len({fault.name for faults in compositions(200, seed=0) for fault in faults}) > 0.9 * len(FAULTS)
