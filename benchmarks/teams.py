"""What the records of a team cost: spools by the ten thousand taken into the store, a million runs listed and used.

    python benchmarks/teams.py [--spools 50000] [--runs 1000000] [--postgres URL]

Each figure is beside its bound; the exit status is 1 if one is missed. The runs are invented. PostgreSQL is measured
where the URL of a database on a server is named, in a database of its own beside it. Linux only (it reads /proc).
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from advisor.records.recording import spool
from advisor.records.schema import Run, Source, Status, new_id
from advisor.records.store.connection import parse
from advisor.records.store.rows import row
from advisor.records.store.store import Store
from advisor.records.store.sync import sync
from advisor.records.store.tables import RUNS

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
ARGUMENTS = {f"argument_{i}": i / 7 for i in range(60)}
"""About what a run of train.py has beside its fields."""
EPOCHS = 10
ALIKE = 1_000
"""Invented runs that the database itself multiplies."""
SYNC_SECONDS, LIST_SECONDS, PAGE_GB, TRAIN_GB = 60.0, 1.0, 1.0, 6.0
QUESTIONS: dict[str, dict[str, Any]] = {
    "the newest": {},
    "the oldest": {"descending": False},
    "the best": {"sort": "best_metric"},
    "by the smallest learning rate": {"sort": "lr", "descending": False},
    "of a model": {"model": "model_7"},
    "of a model, the best": {"model": "model_7", "sort": "best_metric"},
    "on a dataset": {"dataset": "dataset_7"},
    "with a rare optimizer": {"opt": "lamb"},
    "that failed": {"status": Status.FAILED},
    "that ended in one of two ways, with a model": {"status": [Status.FAILED, Status.STALE], "model": "model_7"},
    "of a source that there is none of": {"source": Source.MLFLOW},
    "since a day": {"since": START + timedelta(days=30)},
    "before a day, of a model": {"before": START + timedelta(days=30), "model": "model_7"},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spools", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--postgres", metavar="URL")
    options = parser.parse_args()
    kept = []
    with tempfile.TemporaryDirectory() as scratch:
        for database, url in stores(Path(scratch), options.postgres):
            if options.spools:
                kept.append(measure_sync(database, url, Path(scratch) / f"spool-{database}", options.spools))
            if options.runs:
                fill(url, options.runs)
                kept += measure_listing(database, url)
                kept += measure_commands(database, url, Path(scratch))
    return int(not all(kept))


def stores(scratch: Path, server: str | None) -> Iterator[tuple[str, str]]:
    """Give the name and the URL of each database to measure."""
    yield "SQLite", f"sqlite:///{scratch / 'records.db'}"
    if server is not None:
        with own_database(server) as url:
            yield "PostgreSQL", url


@contextmanager
def own_database(server: str) -> Iterator[str]:
    engine = sa.create_engine(parse(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE advisor_benchmark")
    try:
        yield parse(server).set(database="advisor_benchmark").render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE advisor_benchmark WITH (FORCE)")


def tell(database: str, what: str, value: float, bound: float, unit: str, beside: str) -> bool:
    """Print a figure beside its bound and what it compares with."""
    verdict = "kept" if value <= bound else "MISSED"
    print(f"{database:<10} {what:<60} {value:8.2f} {unit}   limit {bound:g} {unit}  {verdict}   {beside}", flush=True)
    return value <= bound


def measure_sync(database: str, url: str, folder: Path, count: int) -> bool:
    write_spools(folder, count)
    began = time.process_time()
    for path in folder.iterdir():
        for line in path.read_bytes().splitlines():
            json.loads(line)
    reading = time.process_time() - began
    store = Store(url)
    began, used = time.perf_counter(), processor_seconds(store)
    report = sync(store, folder)
    seconds, used = time.perf_counter() - began, processor_seconds(store) - used
    store.close()
    assert report.runs == count
    what = f"taking {count:,} spools of {EPOCHS} epochs into the store, processor"
    beside = f"{used / reading:.1f} times what reading the files as JSON takes; {seconds:.0f} s went by"
    return tell(database, what, used, SYNC_SECONDS, "s", beside)


def processor_seconds(store: Store) -> float:
    """Return what this process has used and, where there is one, the server's that serves it.

    On a busy machine the time that goes by says little. The two processes take turns, so that theirs together is what
    goes by on an idle one.
    """
    used = time.process_time()
    if not store.url.startswith("sqlite"):
        with store.reading() as connection:
            server = connection.execute(sa.select(sa.func.pg_backend_pid())).scalar_one()
        after_name = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
        used += sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")
    return used


def write_spools(folder: Path, count: int) -> None:
    folder.mkdir()
    known = {"source": "timm-hook", "status": "RUNNING", "host": socket.gethostname(), "started_at": START}
    epochs = b"".join(
        spool.encode("epoch", {"epoch": epoch, "train_loss": 1.5, "eval_loss": 1.1, "eval_top1": 50.0 + epoch})
        for epoch in range(EPOCHS)
    )
    end = spool.encode("end", {"status": "FINISHED", "ended_at": START, "epochs_done": EPOCHS, "best_metric": 59.0})
    for _ in range(count):
        run_id = new_id()
        first = spool.encode("run", {"run_id": run_id, **known, "model": "resnet50", "extra": ARGUMENTS})
        (folder / f"{run_id}.jsonl").write_bytes(first + epochs + end)


def invented(number: int) -> dict[str, Any]:
    ended = {3: Status.FAILED, 5: Status.STALE}.get(number % 50, Status.FINISHED)
    fields: dict[str, Any] = {"lr": 1e-5 * (number % 613 + 1), "batch_size": 64, "epochs": 10, "dropout": 0.0}
    run = Run(
        run_id=new_id(), source=Source.TIMM_HOOK, status=ended, started_at=START + timedelta(minutes=number),
        model=f"model_{number % 40}", dataset_name=f"dataset_{number // 7 % 25}", opt="adamw" if number else "lamb",
        pretrained=False, img_size=224, weight_decay=0.05, metric="eval_top1", epochs_done=10, train_seconds=60.0,
        best_metric=number % 977 / 9.77, final_metric=number % 577 / 5.77, extra=ARGUMENTS, **fields,
    )  # fmt: skip
    return row(run)


def fill(url: str, count: int) -> None:
    """Let there be so many runs; the database copies a thousand, each time with other ids and times."""
    store = Store(url)
    sqlite = store.url.startswith("sqlite")
    later = (
        "strftime('%Y-%m-%d %H:%M:%f000', started_at, '+' || :k || ' seconds')"
        if sqlite
        else "started_at + :k * interval '1 second'"
    )
    changed = {"run_id": "run_id || '-' || :k", "started_at": later}
    names = ", ".join(column.name for column in RUNS.c)
    values = ", ".join(changed.get(column.name, column.name) for column in RUNS.c)
    with store.writing() as connection:
        connection.execute(RUNS.delete())
        connection.execute(RUNS.insert(), [invented(number) for number in range(ALIKE)])
        connection.exec_driver_sql("CREATE TABLE originals AS SELECT * FROM runs")
    copies = count // ALIKE - 1
    for first in range(1, copies + 1, 50):
        with store.writing() as connection:
            for k in range(first, min(first + 50, copies + 1)):
                copy = f"INSERT INTO runs ({names}) SELECT {values} FROM originals"
                connection.exec_driver_sql(copy.replace(":k", str(k)))
    with store.writing() as connection:
        connection.exec_driver_sql("DROP TABLE originals")
    store.close()
    if not sqlite:  # as it does by itself, in a while
        with sa.create_engine(parse(url), isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE runs")


def median_seconds(action: Callable[[], Any], times: int = 5) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def measure_listing(database: str, url: str) -> Iterator[bool]:
    store = Store(url)

    def look_at_each() -> None:
        with store.reading() as connection:
            connection.execute(sa.select(sa.func.max(sa.func.length(RUNS.c.device)))).scalar()

    count, each = store.counts()["runs"], median_seconds(look_at_each, 2)
    for what, question in QUESTIONS.items():
        seconds = median_seconds(lambda question=question: store.runs(**question, limit=50))  # type: ignore[misc]
        beside = f"1/{each / seconds:.0f} of a look at each"
        yield tell(database, f"the first 50 of {count:,} runs: {what}", seconds, LIST_SECONDS, "s", beside)
    store.close()


def measure_commands(database: str, url: str, scratch: Path) -> Iterator[bool]:
    """Give whether the page and `train` stay within their memory."""
    environment = {**os.environ, "ADVISOR_STORE": url, "ADVISOR_SPOOL_DIR": str(scratch / "none")}
    environment |= {"ADVISOR_METAMODEL_DIR": str(scratch / "metamodel"), "ADVISOR_PLUGINS": "none"}
    commands = {
        "the page": (["report", "--out", str(scratch / "page.html")], PAGE_GB),
        "train": (["train", "--force"], TRAIN_GB),
    }
    for what, (arguments, bound) in commands.items():
        began = time.perf_counter()
        command = [sys.executable, "-m", "advisor", *arguments]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        gigabytes = 0.0
        while process.poll() is None:
            gigabytes = max(gigabytes, own_memory(process.pid))
            time.sleep(0.05)
        assert process.returncode == 0
        seconds = time.perf_counter() - began
        yield tell(database, f"memory of {what} with these runs", gigabytes, bound, "GB", f"in {seconds:.0f} s")


def own_memory(pid: int) -> float:
    """Return the gigabytes that a process has for itself; the store's file, which is mapped, is the system's."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e6


if __name__ == "__main__":
    sys.exit(main())
