"""The Ray engine on a real cluster of two nodes on this machine."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

ray = pytest.importorskip("ray")

from advisor.errors import AdvisorError  # noqa: E402
from advisor_ray.engine import RayEngine  # noqa: E402

# Ray's own code leaves sockets and files to the garbage collector, and warns of its future defaults.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)]))
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    yield made
    ray.shutdown()
    made.shutdown()
    patch.undo()


def leave_a_line(path: Path) -> None:
    with path.open("a") as file:
        file.write(f"{ray.get_runtime_context().get_node_id()} {os.getpid()} {os.environ['OMP_NUM_THREADS']}\n")
    if path.name.startswith("slow"):
        time.sleep(0.5)


def kill_own_worker_once(path: Path) -> None:
    leave_a_line(path)
    if path.name == "victim" and len(path.read_text().splitlines()) == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def test_tasks_are_spread_over_nodes_and_a_killed_worker_loses_none(cluster, tmp_path):
    engine = RayEngine(address=cluster.address)
    tasks = [tmp_path / name for name in ("slow1", "slow2", "victim", *map(str, range(12)))]
    finished = list(engine.run(kill_own_worker_once, tasks))
    assert sorted(f.task for f in finished) == sorted(tasks)
    assert not any(f.died for f in finished)
    lines = {path.name: path.read_text().splitlines() for path in tasks}
    assert len(lines.pop("victim")) == 2, "killed once, then given out again"
    assert {len(attempts) for attempts in lines.values()} == {1}
    nodes, _, threads = zip(*(line.split() for (line,) in lines.values()), strict=True)
    assert len(set(nodes)) == 2
    assert set(threads) == {"1"}


def always_dies(path: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_task_that_kills_every_worker_is_reported(cluster, tmp_path):
    (finished,) = RayEngine(workers=1, address=cluster.address).run(always_dies, [tmp_path])
    assert finished.died


def test_no_cluster_at_the_address_is_explained():
    ray.shutdown()
    with pytest.raises(AdvisorError, match="no Ray cluster"):
        RayEngine(address="127.0.0.1:1")
