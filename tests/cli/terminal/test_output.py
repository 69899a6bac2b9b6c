"""Whatever a record holds, no command hands its control characters, or its markup, to the terminal."""

from __future__ import annotations

import csv
import io
import logging
from datetime import datetime, timezone

import pytest

from advisor.cli import main
from advisor.cli.terminal.output import print_rows
from advisor.config import Config
from advisor.errors import AdvisorError
from advisor.records.schema import Epoch, Run, Source, Status
from advisor.records.store.store import Store

HOSTILE = "=1+1 \x1b]0;owned\x07\x1b[2J\u202e[bold]photos[v2][/bold]\r\x9b31m\nNext:  rm -rf"
SHOWN = "[bold]photos[v2][/bold]"
ID = "01hostile0000000000000000"


@pytest.fixture
def store() -> Store:
    now = datetime.now(timezone.utc)
    text = dict.fromkeys(
        ("dataset_name", "model", "opt", "sched", "device", "script", "host", "name", "error"), HOSTILE
    )
    run = Run(
        run_id=ID, source=Source.API, status=Status.FAILED, started_at=now, ended_at=now, epochs_done=2, **text,
        extra={HOSTILE: HOSTILE}, versions={HOSTILE: HOSTILE},
    )  # fmt: skip
    store = Store(Config()["store"])
    store.add_runs([run], [Epoch(run_id=ID, epoch=e, eval_top1=10.0 * e) for e in range(2)])
    return store


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit):
        main(list(words))
    both = capsys.readouterr()
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & {*both.out, *both.err}
    assert not any(line.startswith("Next:  rm") for line in (both.out + both.err).splitlines())
    return both.out + both.err


@pytest.mark.parametrize(
    "words",
    [
        ("records", "list"),
        ("records", "show", ID),
        ("diagnose", ID),
        ("records", "list", "--format", "json"),
        ("records", "prune", "--status", "failed", "--dry-run"),
    ],
    ids=" ".join,
)
def test_a_hostile_record_is_shown_as_text(
    store: Store, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert SHOWN in run(capsys, *words)


@pytest.mark.parametrize(
    "words",
    [
        ("records", "show", HOSTILE),
        ("suggest", "--dataset", HOSTILE),
        ("describe", "--dataset", HOSTILE),
        ("suggest", "--dataset", ".", "--model", HOSTILE),
        ("suggest", "--dataset", ".", "--fix", HOSTILE),
        ("records", "import", HOSTILE),
        ("records", "list", "--since", HOSTILE),
        ("run", HOSTILE),
        (HOSTILE,),
    ],
)
def test_a_hostile_argument_is_shown_as_text(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert "Error:" in run(capsys, *words)


def test_an_error_is_three_lines_whatever_is_in_it(capsys, monkeypatch):
    from advisor.cli import root

    monkeypatch.setattr(
        root.cli, "main", lambda **_: (_ for _ in ()).throw(AdvisorError(HOSTILE, cause=HOSTILE, hint="x"))
    )
    shown = run(capsys)
    assert [line.split(":")[0] for line in shown.splitlines()] == ["Error", "Cause", "Next"]


def test_a_log_line_is_text(capsys):
    run(capsys, "config")  # sets the handler
    logging.getLogger("advisor.x").warning("%s", HOSTILE)
    assert "\x1b" not in capsys.readouterr().err


def test_a_row_of_a_table_stays_one_line(capsys):
    print_rows(("a", "b"), [(HOSTILE, "[red]x")])
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["b", "[red]x"]


def test_an_export_holds_no_formula(store, capsys):
    with pytest.raises(SystemExit):
        main(["records", "export", "--format", "csv"])
    row = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert row["model"] == f"'{HOSTILE}"
    assert row["epochs_done"] == "2"
