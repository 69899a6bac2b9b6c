"""Trials on a real Ray cluster on this machine: placed by GPU, and a worker killed under one."""

import os
import signal
import sys
from pathlib import Path

import pytest

ray = pytest.importorskip("ray")

from advisor.errors import AdvisorError  # noqa: E402
from advisor.tuning.clock import Budget  # noqa: E402
from advisor.tuning.opening import open_tuning  # noqa: E402
from advisor.tuning.training.placed import Placer  # noqa: E402
from advisor.tuning.tuner import Tuner  # noqa: E402
from advisor_ray.engine import RayEngine  # noqa: E402

# Ray's own code leaves sockets and files to the garbage collector, and warns of its future defaults.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600), pytest.mark.filterwarnings("default")]


STARTS = 3
"""Ray gives up a node that is not up in 15 to 30 seconds; a busy machine may need as long."""


def start_cluster():
    from ray.cluster_utils import Cluster

    # Without the processes that nobody needs here: each takes seconds to start.
    node = {"num_cpus": 3, "num_gpus": 2, "include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
    for _ in range(STARTS - 1):
        try:
            return Cluster(initialize_head=True, head_node_args=node)
        except Exception:  # Ray has no narrower one for it
            ray.shutdown()
    return Cluster(initialize_head=True, head_node_args=node)


@pytest.fixture(scope="module")
def cluster():
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)]))
    # Workers have the environment that their cluster was started in; Ray takes our word for the GPUs.
    patch.setenv("TUNED_PAUSE_AT", "2")
    made = start_cluster()
    yield made
    ray.shutdown()
    made.shutdown()
    patch.undo()


def leave_the_gpu(path: Path) -> None:
    path.write_text(os.environ.get("CUDA_VISIBLE_DEVICES", ""))


def test_calls_are_placed_by_gpu(cluster, tmp_path):
    engine = RayEngine(address=cluster.address)
    assert engine.places(0) == 3
    assert engine.places(1) == 2
    assert engine.places(3) == 0
    assert not engine.place(leave_the_gpu, tmp_path / "one", gpus=1).died
    assert (tmp_path / "one").read_text() in ("0", "1")


def die(path: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_call_whose_worker_dies_is_not_made_again(cluster, tmp_path):
    assert RayEngine(address=cluster.address).place(die, tmp_path).died


def miss_a_module(path: Path) -> None:
    raise ModuleNotFoundError("No module named 'timm'")


def test_what_a_worker_lacks_is_explained(cluster, tmp_path):
    with pytest.raises(AdvisorError, match="failed in a worker of Ray") as error:
        RayEngine(address=cluster.address).place(miss_a_module, tmp_path)
    assert error.value.cause == "ModuleNotFoundError: No module named 'timm'"


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find a worker")
def test_a_killed_worker_loses_no_epoch_but_the_one_in_training(cluster, tmp_path, words, script):
    said, killed = [], []
    opened = open_tuning(script, words, tmp_path / "tuning", said.append)
    plan = opened.plan(Budget(epochs=8, trials=1))  # another one would pause too, until it is taken to hang

    def kill_once(line):
        said.append(line)
        if "epoch 2 of 5" in line and not killed:
            killed.append(parent_of(plan.trials[0].run.pid))
            os.kill(killed[0], signal.SIGKILL)

    start = Placer(RayEngine(address=cluster.address), 1).start
    ending = Tuner(plan, opened, [None], kill_once, start).run()
    assert killed
    first = ending.trials[0]
    assert any("killed by signal 9" in note for note in first.notes), said
    assert first.ended, said
    assert first.lost == 0
    assert sum(trial.done + trial.lost for trial in ending.trials) <= 8
