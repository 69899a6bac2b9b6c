"""What the process group has said is known after it is gone."""

from __future__ import annotations

import pytest
import torch.distributed as dist

from advisor_timm.environment import Processes


@pytest.fixture
def group(tmp_path):
    """A process group that this process is the first, and only, of."""

    def begin():
        dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)

    yield begin
    if dist.is_initialized():
        dist.destroy_process_group()


def test_without_a_group_arguments_tell_and_the_launcher(monkeypatch):
    assert (Processes().count(), Processes().count(4), Processes().is_primary()) == (1, 4, True)
    monkeypatch.setenv("RANK", "3")
    assert not Processes().is_primary()


def test_the_group_goes_before_arguments_and_stays_known(group, monkeypatch):
    processes = Processes()
    group()
    monkeypatch.setenv("RANK", "3")
    assert (processes.count(8), processes.is_primary()) == (1, True)
    dist.destroy_process_group()
    assert (processes.count(8), processes.is_primary()) == (1, True)
    assert (Processes().count(8), Processes().is_primary()) == (8, False)
