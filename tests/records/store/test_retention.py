"""Runs are kept as long as the policy says, and those of which it says nothing for ever."""

from datetime import datetime, timedelta, timezone

import pytest

from advisor.config import Config
from advisor.errors import UsageError
from advisor.records.schema import Run, Source, Status
from advisor.records.store.retention import outdated, retain
from advisor.records.store.sync import sync

NOW = datetime(2026, 7, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("policy", "gone"),
    [
        ("", set()),
        ("FAILED=30d", {"FAILED-40", "FAILED-400"}),
        ("FAILED=40d", {"FAILED-400"}),
        ("all=100d", {"FAILED-400", "FINISHED-400"}),
        ("FAILED=30d, all=1000d", {"FAILED-40", "FAILED-400"}),
        ("all=30d, FINISHED=1000d", {"FAILED-40", "FAILED-400"}),
    ],
)
def test_what_a_policy_keeps_no_longer(store, policy, gone):
    for status in (Status.RUNNING, Status.FAILED, Status.FINISHED):
        for days in (4, 40, 400):
            run_id = f"{status.value}-{days}"
            store.add_runs(
                [Run(run_id=run_id, source=Source.API, status=status, started_at=NOW - timedelta(days=days))]
            )
    assert set(outdated(store, policy, NOW)) == gone


def test_what_is_removed_does_not_come_back(spools, store, folder):
    run_id, first = spools.begin()
    spools.write(folder, run_id, first.replace(b"2026-", b"2020-"), spools.END)
    sync(store, folder)
    config = Config({"retention": "all=365d", "spool_dir": str(folder)})
    assert (retain(store, config), retain(store, config)) == (1, 0)
    assert not list((folder / "ingested").iterdir())
    assert store.runs() == []


@pytest.mark.parametrize("policy", ["FAILED", "FAILED=30", "FAILED:30d", "FAILED=-1d", "30d"])
def test_a_policy_that_cannot_be_understood_is_refused(policy):
    with pytest.raises(UsageError, match="retention"):
        Config({"retention": policy})


def test_a_status_that_there_is_not_is_refused(store):
    with pytest.raises(UsageError, match="DONE") as caught:
        outdated(store, "DONE=30d")
    assert caught.value.hint.startswith("one of all, RUNNING, FINISHED, ")
