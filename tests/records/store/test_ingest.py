"""What the lines of spools say becomes runs, epochs and datasets, whatever they say it of."""

import os
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from advisor.records.encoding import to_json
from advisor.records.recording import spool
from advisor.records.schema import Dataset, Source, Status, StoredSuggestion
from advisor.records.store import ingest
from advisor.records.store.sync import sync

PETS = Dataset(dataset_id="d", name="pets", group="d", n_train=30, n_eval=2, n_classes=2, features={"x": 0.5})


def test_a_dataset_that_a_spool_describes_is_kept_unless_it_is_known(spools, store, folder):
    known = replace(PETS, dataset_id="known", group="others too")
    store.put_dataset(known)
    run_id, first = spools.begin()
    described = [spool.encode("dataset", to_json(one)) for one in (PETS, replace(known, group="known"))]
    spools.write(folder, run_id, first, *described, spools.END)
    assert sync(store, folder).unreadable == 0
    assert {one.dataset_id: one for one in store.datasets()} == {"d": PETS, "known": known}


def test_what_several_spools_hold_is_counted_together(spools, store, folder):
    newer = b'{"v":99,"type":"run","data":{}}\n'
    for number, rest in enumerate(([], [b"no line\n", spool.encode("epoch", {})], [newer], [newer])):
        run_id, first = spools.begin(f"01run{number}")  # they are taken in this order
        spools.write(folder, run_id, first, spools.epoch(0), *rest)
    report = sync(store, folder)
    assert (report.runs, report.stale, report.unreadable, report.newer) == (4, 4, 2, 2)
    assert report.lines == 9
    assert len(list(folder.glob("*.jsonl"))) == 2, "those that a newer version writes are left for it"


def test_later_lines_add_to_what_a_run_says_beside_its_fields(spools, store, folder):
    run_id, first = spools.begin(extra={"a": 1, "b": 1}, versions={"timm": "1.0"}, lr=0.1)
    more = spool.encode("heartbeat", {"extra": {"b": 2}, "versions": {"torch": "2.1"}})
    spools.write(folder, run_id, first, more, spools.END)
    sync(store, folder)
    run = store.run(run_id)
    assert (run.extra, run.versions, run.lr) == ({"a": 1, "b": 2}, {"timm": "1.0", "torch": "2.1"}, 0.1)


def test_later_syncs_add_too(spools, store, folder):
    run_id, first = spools.begin(extra={"a": 1})
    path = folder / f"{run_id}.jsonl"
    file = spool.SpoolFile(path)
    for lines in (first + spools.epoch(0, eval_top1=1.0), spool.encode("heartbeat", {"extra": {"b": 2}}), spools.END):
        file.append(lines)
        sync(store, folder)
    file.close()
    run = store.run(run_id)
    assert (run.extra, run.status, len(store.epochs(run_id))) == ({"a": 1, "b": 2}, Status.FINISHED, 1)


def test_a_run_that_does_not_say_where_it_comes_from_was_logged_by_hand(spools, store, folder):
    spools.write(folder, "01run", spool.encode("run", {"started_at": spools.NOW}), spools.END)
    sync(store, folder)
    assert store.run("01run").source is Source.API


@pytest.mark.parametrize(("age", "ended"), [(timedelta(minutes=-5), 5), (timedelta(minutes=5), 0)])
def test_a_run_that_is_given_up_ended_when_it_was_last_written_and_not_before_it_started(
    spools, store, folder, age, ended
):
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    run_id, first = spools.begin(started_at=start)
    path = spools.write(folder, run_id, first)
    at = (start - age).timestamp()
    os.utime(path, (at, at))
    sync(store, folder)
    run = store.run(run_id)
    assert run.status is Status.STALE
    assert run.ended_at == start + timedelta(minutes=ended)
    assert run.error == "its process ended without a word"


def test_epochs_do_not_all_wait_in_memory(spools, store, folder, monkeypatch):
    monkeypatch.setattr(ingest, "_EPOCHS_AT_ONCE", 3)
    runs = [spools.begin() for _ in range(3)]
    for run_id, first in runs:
        spools.write(folder, run_id, first, *(spools.epoch(number) for number in range(2)), spools.END)
    sync(store, folder)
    assert [len(store.epochs(run_id)) for run_id, _ in runs] == [2, 2, 2]


def test_an_epoch_that_is_logged_again_is_the_later_one_whole(spools, store, folder):
    run_id, first = spools.begin()
    path = spools.write(folder, run_id, first, spools.epoch(0, train_loss=1.0, eval_top1=5.0))
    sync(store, folder, archive=False)
    with path.open("ab") as file:
        file.write(spools.epoch(0, eval_top1=6.0) + spools.END)
    sync(store, folder)
    (epoch,) = store.epochs(run_id)
    assert (epoch.train_loss, epoch.eval_top1) == (None, 6.0)


def suggested(spools, store, folder, document, epochs_done=3, **fields):
    """Return a run of a loop of one's own that named a suggestion."""
    advice = {"dataset_id": "d", "model": "test_resnet", "created_at": spools.NOW, "suggestion": document}
    store.save_suggestion(StoredSuggestion(suggestion_id="advice", **advice))
    store.save_suggestion(StoredSuggestion(suggestion_id="other", **advice | {"suggestion": {"a": "b"}}))
    run_id, first = spools.begin(suggestion_id="advice", **fields)
    end = spool.encode("end", {"status": "FINISHED", "ended_at": spools.NOW, "epochs_done": epochs_done})
    spools.write(folder, run_id, first, end)
    sync(store, folder)
    return store.run(run_id)


ADVICE = {
    "model": "test_resnet", "opt": "adamw", "pretrained": False, "img_size": 32,
    "dataset": {"dataset_id": "d", "name": "pets", "n_train": 30, "n_classes": 2},
    "suggestions": [{"lr": 0.001, "batch_size": 8, "epochs": 3, "dropout": 0.1, "weight_decay": 0.01}],
    "assumes": {"sched": "cosine", "warmup_epochs": 0, "min_lr": 0.0},
}  # fmt: skip


def test_a_loop_that_named_its_suggestion_ran_with_its_values_where_it_gave_none(spools, store, folder):
    run = suggested(spools, store, folder, ADVICE, lr=0.5)
    assert (run.lr, run.batch_size, run.epochs, run.dropout, run.weight_decay) == (0.5, 8, 3, 0.1, 0.01)
    assert (run.model, run.opt, run.sched, run.status) == ("test_resnet", "adamw", "cosine", Status.FINISHED)


def test_a_loop_that_ends_before_the_suggested_epochs_was_interrupted(spools, store, folder):
    assert suggested(spools, store, folder, ADVICE, epochs_done=2).status is Status.INTERRUPTED


def test_a_loop_that_ends_early_was_interrupted_also_where_its_suggestion_is_not_known(spools, store, folder):
    run_id, first = spools.begin(suggestion_id="made-elsewhere", epochs=3)
    spools.write(folder, run_id, first, spools.epoch(0), spools.END)
    sync(store, folder)
    assert store.run(run_id).status is Status.INTERRUPTED


@pytest.mark.parametrize("document", [{"schema": "another"}, {**ADVICE, "suggestions": []}])
def test_a_suggestion_of_another_version_changes_no_run(spools, store, folder, document):
    run = suggested(spools, store, folder, document, epochs_done=2, lr=0.5)
    assert (run.lr, run.batch_size, run.status) == (0.5, None, Status.FINISHED)


def test_the_script_of_another_is_taken_at_its_word(spools, store, folder):
    run = suggested(spools, store, folder, ADVICE, source="timm-hook", lr=0.5)
    assert (run.lr, run.batch_size) == (0.5, None)
