"""Processes that a script starts itself, as torch.multiprocessing.spawn does: the first records for all."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.records.schema import Status
from advisor.records.store.store import Store
from advisor.records.store.sync import sync

SCRIPT = """
import os, torch, torch.distributed as dist, timm, timm.data, timm.optim, timm.scheduler, timm.utils
import advisor
advisor.autolog()

class Images(torch.utils.data.Dataset):
    transform = None
    def __len__(self): return 32
    def __getitem__(self, i): return torch.randn(3, 32, 32), i % 2

def main(rank, world):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="FREE")
    dist.init_process_group("gloo", rank=rank, world_size=world)
    loader = timm.data.create_loader(Images(), (3, 32, 32), 8, is_training=True, distributed=True, use_prefetcher=False,
                                     num_workers=0, device=torch.device("cpu"))
    model = torch.nn.parallel.DistributedDataParallel(timm.create_model("test_resnet", num_classes=2))
    optimizer = timm.optim.create_optimizer_v2(model, opt="sgd", lr=0.01)
    scheduler, epochs = timm.scheduler.create_scheduler_v2(optimizer, num_epochs=1)
    for epoch in range(epochs):
        for images, labels in loader:
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
        scheduler.step(epoch + 1)
        if rank == 0:
            timm.utils.update_summary(epoch, {"loss": 1.0}, {"loss": 1.0, "top1": 50.0}, os.devnull)
    dist.destroy_process_group()

if __name__ == "__main__":
    torch.multiprocessing.spawn(main, args=(2,), nprocs=2)
"""


@pytest.mark.slow
def test_the_first_of_spawned_processes_records_for_all(tmp_path, monkeypatch):
    monkeypatch.delenv("ADVISOR_TESTING", raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "script.py").write_text(SCRIPT.replace("FREE", str(port)))
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    store = Store(os.environ["ADVISOR_STORE"])
    sync(store, Path(os.environ["ADVISOR_SPOOL_DIR"]))
    (run,) = store.runs()
    store.close()
    assert (run.status, run.world_size, run.batch_size, run.epochs_done) == (Status.FINISHED, 2, 16, 1)
