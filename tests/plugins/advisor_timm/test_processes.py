"""Trainings in processes of their own: launched as one would, in several processes at once, ended from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from advisor.records.schema import Status
from advisor.records.store.store import Store
from advisor.records.store.sync import sync

ADVISOR = [sys.executable, "-m", "advisor", "run"]


@pytest.fixture
def recorded():
    """What the store holds after the processes, which take their settings from the environment."""

    def read():
        store = Store(os.environ["ADVISOR_STORE"])
        sync(store, Path(os.environ["ADVISOR_SPOOL_DIR"]))
        (run,) = store.runs()
        epochs = store.epochs(run.run_id)
        store.close()
        return run, epochs

    return read


@pytest.fixture
def arguments(arguments, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ADVISOR_TESTING", raising=False)
    return ["--data-dir", str(digits), *arguments]


def wait_for(path: Path, text: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 200
    while text not in path.read_text():
        assert process.poll() is None, path.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "returned", "status"),
    [
        (signal.SIGINT, 0, Status.INTERRUPTED),
        (signal.SIGTERM, -signal.SIGTERM, Status.STALE),
        (signal.SIGKILL, -signal.SIGKILL, Status.STALE),
    ],
    ids=["Ctrl-C", "SIGTERM", "kill -9"],
)
def test_signals(scripts, arguments, recorded, tmp_path, sent, returned, status):
    output = tmp_path / "output.txt"
    with output.open("w") as file:
        command = [*ADVISOR, str(scripts / "train_current.py"), *arguments, "--fault", "wait@1"]
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        wait_for(output, "waiting", process)
        time.sleep(0.5)  # the line of the first epoch is written beside the training
        process.send_signal(sent)
        assert process.wait(timeout=120) == returned
    run, epochs = recorded()
    assert run.status is status
    assert [epoch.epoch for epoch in epochs] == [0]


@pytest.mark.slow
def test_autolog_and_workers_that_are_spawned(scripts, arguments, recorded, tmp_path):
    source = (scripts / "train_current.py").read_text()
    script = tmp_path / "own_copy.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(scripts)!r})\n{source}".replace(
            "from train_steps import", "import advisor\nadvisor.autolog(name='by hand')\nfrom train_steps import"
        )
        .replace("persistent_workers=", "worker_seeding='all', persistent_workers=")
        .replace(
            'if __name__ == "__main__":\n',
            'if __name__ == "__main__":\n    torch.multiprocessing.set_start_method("spawn")\n',
        )
    )
    command = [sys.executable, str(script), *arguments, "--workers", "2", "--epochs", "1", "--warmup-epochs", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    truth = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"run"')))
    run, epochs = recorded()
    assert {name: getattr(run, name) for name in truth["run"]} == truth["run"]
    assert run.name == "by hand"
    assert run.status is Status.FINISHED
    assert epochs[0].eval_top1 == truth["epochs"][0]["eval_top1"]


@pytest.mark.slow
def test_slurm_starts_the_processes_itself(scripts, arguments, recorded):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cluster = {"SLURM_NTASKS": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    tasks = []
    for rank in ("0", "1"):
        environment = {**os.environ, **cluster, "SLURM_PROCID": rank, "SLURM_LOCALID": rank}
        command = [*ADVISOR, str(scripts / "train_current.py"), *arguments, "--epochs", "1", "--warmup-epochs", "0"]
        tasks.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    outputs = [task.communicate(timeout=250)[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0]
    truth = json.loads(next(line for line in outputs[0].splitlines() if line.startswith('{"run"')))
    run, epochs = recorded()
    assert {name: getattr(run, name) for name in truth["run"]} == truth["run"]
    assert (run.world_size, run.batch_size) == (2, 32)
    assert epochs[0].eval_top1 == truth["epochs"][0]["eval_top1"]


LEAVES_THE_GROUP = """
import os, sys, torch, torch.distributed as dist, timm, timm.data, timm.optim, timm.scheduler, timm.utils
dist.init_process_group("gloo")
class Images(torch.utils.data.Dataset):
    transform = None
    def __len__(self): return 32
    def __getitem__(self, i): return torch.randn(3, 32, 32), i % 2
images = Images()
loader = timm.data.create_loader(images, (3, 32, 32), 8, is_training=True, distributed=True, use_prefetcher=False,
                                 num_workers=0, device=torch.device("cpu"))
model = torch.nn.parallel.DistributedDataParallel(timm.create_model("test_resnet", num_classes=2))
optimizer = timm.optim.create_optimizer_v2(model, opt="sgd", lr=0.01)
scheduler, epochs = timm.scheduler.create_scheduler_v2(optimizer, num_epochs=1)
for epoch in range(epochs):
    dist.barrier()
    scheduler.step(epoch + 1)
dist.destroy_process_group()
timm.utils.update_summary(0, {"loss": 1.0}, {"loss": 1.0, "top1": 50.0}, os.devnull)
"""


@pytest.mark.slow
def test_a_process_group_that_is_gone_at_the_end(recorded, tmp_path, monkeypatch):
    monkeypatch.delenv("ADVISOR_TESTING", raising=False)
    (tmp_path / "script.py").write_text(LEAVES_THE_GROUP)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    tasks = [
        subprocess.Popen([*ADVISOR, str(tmp_path / "script.py")], env={**os.environ, **meeting, "RANK": rank})
        for rank in ("0", "1")
    ]
    assert [task.wait(timeout=250) for task in tasks] == [0, 0]
    run, epochs = recorded()
    assert (run.world_size, run.batch_size, len(epochs)) == (2, 16, 1)
