"""The same plan on two Ray nodes, with a worker killed under it, and on the local engine: the same records."""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ray = pytest.importorskip("ray")
pytest.importorskip("timm")

from advisor.collect.collector import Collection, recorded_runs  # noqa: E402
from advisor.collect.datasets import prepare  # noqa: E402
from advisor.collect.local_engine import LocalEngine  # noqa: E402
from advisor.collect.planning.plan import Plan  # noqa: E402
from advisor.collect.training.worker import train_job  # noqa: E402
from advisor.records.store.store import Store  # noqa: E402
from advisor.space.hyperparameters import HYPERPARAMETERS  # noqa: E402
from advisor_ray.engine import RayEngine  # noqa: E402

# Ray's own code leaves sockets and files to the garbage collector, and warns of its future defaults.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600), pytest.mark.filterwarnings("default")]
RUNS = int(os.environ.get("ADVISOR_RAY_RUNS", "20"))
KILL = "ADVISOR_TEST_KILL"


class Quiet:
    def begin(self, what, points, cost):
        pass

    def advance(self, cost):
        pass


class WithAKilledWorker:
    """Ray's engine, whose worker is killed once, before it has trained the run it was given."""

    def __init__(self, address):
        self.engine = RayEngine(address=address)

    def run(self, function, tasks):
        return self.engine.run(train_or_die_once, tasks)


def train_or_die_once(job):
    killed = Path(os.environ[KILL])
    begun = killed.parent / "begun"
    begun.mkdir(exist_ok=True)
    (begun / job.point_id).touch()
    if len(list(begun.iterdir())) >= RUNS // 2 and not killed.exists():
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    train_job(job)


def write_dots(folder):
    rng = np.random.default_rng(0)
    for split, count in (("train", 16), ("validation", 8)):
        for i in range(count):
            target = folder / split / f"class{i % 2}" / f"{i}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            values = rng.integers(0, 120, size=(16, 16, 3)) + 80 * (i % 2)
            Image.fromarray(values.astype(np.uint8)).save(target)
    (folder.parent / f"{folder.name}.json").write_text(json.dumps({"group": folder.name}))


def plan_of(runs):
    # Enough Sobol points that, with the core, at least so many runs are asked for.
    design = {"sobol": runs, "repeat_best": 0, "noise_share": 0}
    block = {"datasets": ["two-kinds"], "models": ["test_vit"], "contexts": [{"opt": "adamw"}], "design": design}
    return Plan.model_validate({"name": "ray", "budget": {"caps": [2], "typical": 10}, "blocks": [block]})


def collected(engine, data_dir, folder):
    """Return what decides and what came out of every run, by its point."""
    store, plan = Store(f"sqlite:///{folder / 'records.db'}"), plan_of(RUNS - 8)
    prepared = prepare(plan.dataset_names(), data_dir, store, None)
    collection = Collection(plan, prepared.datasets, prepared.dataset_ids, store, folder / "spool")
    summary = collection.run(engine, Quiet())
    assert summary.died == []
    assert summary.trained == summary.planned >= RUNS
    ended = [run for run in store.runs() if run.status.value in ("FINISHED", "DIVERGED", "FAILED")]
    assert len(ended) == summary.planned, "nothing is lost or doubled"
    names = (*HYPERPARAMETERS, "seed", "model", "dataset_id", "status", "epochs_done", "final_metric")
    return {point: {name: getattr(run, name) for name in names} for point, run in recorded_runs(store).items()}


def test_two_nodes_and_a_killed_worker_give_the_records_of_the_local_engine(tmp_path, monkeypatch):
    from ray.cluster_utils import Cluster

    write_dots(tmp_path / "data" / "two-kinds")
    monkeypatch.setenv(KILL, str(tmp_path / "killed"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)]))
    folders = [tmp_path / name for name in ("local", "ray")]
    for folder in folders:
        folder.mkdir()
    local = collected(LocalEngine(workers=2), tmp_path / "data", folders[0])

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        distributed = collected(WithAKilledWorker(cluster.address), tmp_path / "data", folders[1])
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert (tmp_path / "killed").is_file(), "a worker was killed on the way"
    assert distributed == local
