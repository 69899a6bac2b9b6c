"""Every line that reached a spool is in the store once, whatever happened to it and to the store."""

import os
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.errors import StoreError
from advisor.records.recording import spool
from advisor.records.schema import Status, new_id
from advisor.records.store import connection
from advisor.records.store import sync as module
from advisor.records.store.store import Store
from advisor.records.store.sync import forget, sync, sync_from


def test_a_finished_run_is_taken_once_and_archived(spools, store, folder):
    run_id, first = spools.begin(lr=0.1, epochs=1)
    spools.write(folder, run_id, first, spools.epoch(0, eval_top1=50.0), spools.END)
    report = sync(store, folder)
    assert (report.runs, report.lines, report.stale, report.unreadable) == (1, 3, 0, 0)
    assert store.run(run_id).status is Status.FINISHED
    assert [one.eval_top1 for one in store.epochs(run_id)] == [50.0]
    assert not list(folder.glob("*.jsonl"))
    assert [path.stem for path in (folder / "ingested").iterdir()] == [run_id]
    assert sync(store, folder).lines == 0


def test_nothing_to_take(store, tmp_path):
    assert sync(store, tmp_path / "nowhere").lines == 0


def test_taking_what_was_archived_again_changes_nothing(spools, store, folder):
    run_id, first = spools.begin()
    spools.write(folder, run_id, first, spools.epoch(0, eval_top1=50.0), spools.END)
    sync(store, folder)
    before = store.run(run_id)
    assert sync(store, folder / "ingested", archive=False).runs == 0
    assert store.run(run_id) == before
    fresh = Store("sqlite://")
    sync(fresh, folder / "ingested", archive=False)
    assert fresh.run(run_id) == before
    fresh.close()


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, 700), max_size=3).map(sorted), again=st.booleans())
def test_cut_anywhere_each_epoch_is_there_once(spools, cuts, again):
    """However much of a file each sync sees, cut in the middle of lines, at the end everything is there."""
    run_id, first = spools.begin()
    whole = first + b"".join(spools.epoch(i, eval_top1=float(i)) for i in range(5)) + spools.END
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store("sqlite://")
        path = folder / f"{run_id}.jsonl"
        file = spool.SpoolFile(path)
        written = 0
        for cut in [*cuts, len(whole)]:
            os.write(file._descriptor, whole[written : max(written, cut)])
            written = max(written, min(cut, len(whole)))
            sync(store, folder)
            if again:
                sync(store, folder)
        file.close()
        sync(store, folder)
        assert store.run(run_id).status is Status.FINISHED
        assert [one.eval_top1 for one in store.epochs(run_id)] == [0.0, 1.0, 2.0, 3.0, 4.0]
        store.close()


def test_damaged_lines_cost_only_themselves(spools, store, folder):
    run_id, first = spools.begin()
    damage = [b"\xff\xff\n", spool.encode("epoch", {"epoch": "x"}), spool.encode("run", {"pid": "many"})]
    unknown = spool.encode("weather", {"sun": True})
    spools.write(folder, run_id, first, *damage, unknown, spools.epoch(0, eval_top1=1.0), spools.END)
    report = sync(store, folder)
    assert report.unreadable == 3
    assert len(store.epochs(run_id)) == 1
    assert store.run(run_id).status is Status.FINISHED


def test_cut_in_the_middle_of_a_line(spools, store, folder):
    run_id, first = spools.begin()
    spools.write(folder, run_id, first, spools.epoch(0, eval_top1=1.0), spools.epoch(1, eval_top1=2.0)[:-9])
    sync(store, folder)
    assert [one.epoch for one in store.epochs(run_id)] == [0]
    assert store.run(run_id).status is Status.STALE


def test_lines_of_a_newer_version_wait_for_it(spools, store, folder):
    run_id, first = spools.begin()
    path = spools.write(folder, run_id, first, b'{"v":99,"type":"run","data":{}}\n', spools.epoch(0))
    report = sync(store, folder)
    assert report.newer == 1
    assert path.exists()
    assert store.epochs(run_id) == []


def test_the_spool_of_a_run_that_ended_waits_for_its_process_and_for_a_newer_version(spools, store, folder):
    run_id, first = spools.begin()
    newer, begin = spools.begin()
    spools.write(folder, newer, begin, spools.END, b'{"v":99,"type":"run","data":{}}\n')
    file = spool.SpoolFile(folder / f"{run_id}.jsonl")
    file.append(first + spools.END)
    sync(store, folder)
    assert store.run(run_id).status is store.run(newer).status is Status.FINISHED
    assert {path.stem for path in folder.glob("*.jsonl")} == {run_id, newer}
    file.close()
    sync(store, folder)
    assert {path.stem for path in folder.glob("*.jsonl")} == {newer}


def test_files_that_are_no_spools_are_left_alone(spools, store, folder):
    for name in ("notes.jsonl.txt", "Upper.jsonl", "b\udcffd.jsonl", "with-dash.jsonl"):
        (folder / name).write_bytes(spools.begin()[1])
    empty, headless, binary = new_id(), new_id(), new_id()
    spools.write(folder, empty)
    spools.write(folder, headless, spools.epoch(0))
    spools.write(folder, binary, b"\0" * 100)
    sync(store, folder)
    assert store.runs() == []
    assert len(list(folder.iterdir())) == 7


def test_a_spool_that_may_not_be_read_stops_no_other(spools, store, folder):
    (folder / f"{new_id()}.jsonl").mkdir()  # reading it fails, for every user
    run_id, first = spools.begin()
    spools.write(folder, run_id, first, spools.END)
    assert sync(store, folder).closed == 1
    assert store.run(run_id).status is Status.FINISHED


def test_a_spool_that_cannot_be_archived_is_still_taken(spools, store, folder):
    run_id, first = spools.begin()
    spools.write(folder, run_id, first, spools.END)
    (folder / "ingested").write_text("a file is in its place")
    sync(store, folder)
    sync(store, folder)
    assert store.run(run_id).status is Status.FINISHED


def test_a_spool_written_again_between_two_syncs(spools, store, folder):
    """However long the new file is, none of its epochs is missed."""
    run_id, first = spools.begin()
    path = folder / f"{run_id}.jsonl"
    file = spool.SpoolFile(path)
    file.append(first + b"".join(spools.epoch(0, eval_top1=float(i)) for i in range(20)))
    sync(store, folder)
    path.unlink()
    again = spool.SpoolFile(path, file.end)
    again.append(first + b"".join(spools.epoch(i, eval_top1=float(i)) for i in range(30)) + spools.END)
    sync(store, folder)
    assert len(store.epochs(run_id)) == 30
    assert store.run(run_id).status is Status.FINISHED
    for one in (file, again):
        one.close()


def test_what_was_removed_does_not_come_back(spools, store, folder):
    run_id, first = spools.begin()
    file = spool.SpoolFile(folder / f"{run_id}.jsonl")
    file.append(first + spools.epoch(0))
    sync(store, folder)
    forget(store, folder, [run_id])
    file.append(spools.epoch(1) + spools.END)
    sync(store, folder)
    file.close()
    sync(store, folder)
    sync(store, folder)
    assert store.counts()["runs"] == store.counts()["epochs"] == 0
    assert not list(folder.glob("*.jsonl"))


def test_forgetting_takes_the_spool_along(spools, store, folder):
    (kept, first), (gone, second) = spools.begin(), spools.begin()
    spools.write(folder, kept, first, spools.END)
    spools.write(folder, gone, second, spools.END)
    sync(store, folder)
    forget(store, folder, [gone, "never-had-one"])
    assert [path.stem for path in (folder / "ingested").iterdir()] == [kept]
    assert [run.run_id for run in store.runs()] == [kept]


def test_nothing_is_lost_while_the_store_is_locked(spools, store, store_url, folder, monkeypatch):
    run_id, first = spools.begin()
    path = spools.write(folder, run_id, first, spools.epoch(0), spools.END)
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    impatient = Store(store_url)
    take, tries = module._take_together, []
    monkeypatch.setattr(module, "_take_together", lambda *given: tries.append(given) or take(*given))
    with store.writing(), pytest.raises(StoreError, match="lock") as refused:
        sync(impatient, folder)
    assert "wait for the process that holds it" in str(refused.value.hint)
    assert len(tries) == 1, "it is not waited for once a spool"
    assert path.exists()
    sync(impatient, folder)
    assert len(impatient.epochs(run_id)) == 1
    impatient.close()


def test_resumed_runs_are_joined_to_the_latest_before(spools, store, folder):
    ids = [f"01run{number}" for number in range(4)]
    folders = ["/out/a", "/out/a", "/out/b"]
    for run_id, output in zip(ids, folders, strict=False):
        spools.write(folder, run_id, spools.begin(run_id, extra={"output_dir": output})[1], spools.END)
    spools.write(
        folder,
        ids[3],
        spools.begin(ids[3], extra={"resume": "/out/a/last.pth.tar", "output_dir": "/out/c"})[1],
        spools.END,
    )
    sync(store, folder)
    assert store.run(ids[3]).resumed_from == ids[1]


def test_a_run_that_goes_on_in_its_own_folder_resumes_none_but_an_earlier_one(spools, store, folder):
    run_id, first = spools.begin(extra={"resume": "/out/a/last.pth.tar", "output_dir": "/out/a"})
    file = spool.SpoolFile(folder / f"{run_id}.jsonl")
    for lines in (first, spools.epoch(0), spools.END):
        file.append(lines)
        sync(store, folder)
        assert store.run(run_id).resumed_from is None
    file.close()


def test_secrets_that_a_spool_holds_are_masked(spools, store, folder):
    """Older versions wrote some that this one does not."""
    run_id, first = spools.begin(error="token: pa55word", extra={"db_pass": "pa55word", "seed": 3})
    spools.write(folder, run_id, first, spools.END)
    sync(store, folder)
    run = store.run(run_id)
    assert run.extra["db_pass"] == "***"
    assert run.extra["seed"] == 3
    assert "pa55word" not in repr(run)


def test_a_copy_of_another_machines_spools_is_taken_with_what_that_had_archived_and_stays_as_it_is(
    spools, store, folder
):
    archived, first = spools.begin()
    spools.write(folder, archived, first, spools.END)
    with closing(Store("sqlite://")) as elsewhere:
        sync(elsewhere, folder)
    waiting, first = spools.begin()
    spools.write(folder, waiting, first, spools.END)
    before = sorted(folder.rglob("*"))
    report = sync_from(store, folder)
    assert (report.runs, report.lines) == (2, 4)
    assert {run.run_id for run in store.runs()} == {archived, waiting}
    assert sorted(folder.rglob("*")) == before
