"""Importing is idempotent, complete, and explains itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from advisor import ImportedRun, RunsAt, Skipped, Source, Status, hookimpl, imported_run
from advisor.errors import AdvisorError, UsageError
from advisor.plugins import Plugins, get_plugins
from advisor.records.importing.imported import run_identity, typed
from advisor.records.importing.imports import ImportReport, import_paths, import_runs
from advisor.records.store.store import Store

FIELDS = {"model": "resnet18", "lr": 0.1, "dataset_name": "flowers"}


def past(name: str, epochs: Iterable[int] = range(10), planned: int | None = 10, **changed: Any) -> ImportedRun:
    continues = changed.pop("continues", None)
    rows = [{"epoch": epoch, "eval_top1": 10.0 + epoch, "train_loss": 1.0} for epoch in epochs]
    fields = {**FIELDS, "name": name, "epochs": planned, **changed}
    return imported_run(Source.TIMM_OUTPUT, [name], fields, rows, path=f"/{name}", continues=continues)


class Folders:
    """An importer that knows what is in each folder by its name."""

    def __init__(self, **items: Iterable[ImportedRun | Skipped]) -> None:
        self.items = items
        self.asked: list[str] = []
        self.whole_tree = False

    @hookimpl
    def advisor_import_runs(self, path: Path) -> RunsAt | None:
        self.asked.append(path.name)
        found = self.items.get(path.name)
        return None if found is None else RunsAt(items=found, whole_tree=self.whole_tree)


def take(store: Store, root: Path, importer: object, **options: Any) -> ImportReport:
    plugins = Plugins("none")
    plugins.register(importer, "importer")
    return import_paths(store, [root], plugins, **options)


def folders(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
    return root


def content(store: Store) -> list[Any]:
    return [(run, store.epochs(run.run_id)) for run in store.runs(sort="run_id")]


def test_importing_twice_gives_the_records_of_once(store: Store, tmp_path: Path) -> None:
    root = folders(tmp_path / "past", "a", "b")
    importer = Folders(a=[past("one")], b=[past("two"), Skipped(path="/x", reason="broken")])
    first = take(store, root, importer)
    once = content(store)
    again = take(store, root, importer)
    assert (first.new, first.updated, first.unchanged, first.epochs) == (2, 0, 0, 20)
    assert (again.new, again.updated, again.unchanged, again.epochs) == (0, 0, 2, 20)
    assert [skipped.reason for skipped in again.skipped] == ["broken"]
    assert content(store) == once
    assert len(once) == 2


def test_run_that_grew_or_was_cut_back_is_replaced(store: Store, tmp_path: Path) -> None:
    root = folders(tmp_path / "past", "a")
    for epochs in (range(5), range(10), range(3)):
        report = take(store, root, Folders(a=[past("one", epochs)]))
        ((run, stored),) = content(store)
        assert [epoch.epoch for epoch in stored] == list(epochs)
        assert run.epochs_done == len(epochs)
    assert (report.new, report.updated) == (0, 1)


def test_what_the_store_learned_of_a_run_stays(store: Store, tmp_path: Path) -> None:
    root = folders(tmp_path / "past", "a")
    take(store, root, Folders(a=[past("one")]))
    (run,) = store.runs()
    store.add_runs([replace(run, dataset_id="d1")])
    assert take(store, root, Folders(a=[past("one")])).unchanged == 1
    assert store.run(run.run_id).dataset_id == "d1"


def test_the_same_run_twice_in_one_import_is_taken_once(store: Store, tmp_path: Path) -> None:
    report = take(store, folders(tmp_path / "past", "a", "b"), Folders(a=[past("one")], b=[past("one")]))
    assert (report.new, [skipped.reason for skipped in report.skipped]) == (1, ["the same run as /one"])


def test_folders_are_searched_to_the_bottom_unless_claimed(store: Store, tmp_path: Path) -> None:
    root = folders(tmp_path / "past", "a/inner", "b")
    (root / "loop").symlink_to(root)
    (root / "b" / "some.db").touch()
    importer = Folders(a=[past("one")], inner=[past("two")])
    assert take(store, root, importer).new == 2
    assert importer.asked == ["past", "a", "inner", "b", "some.db"]
    importer.whole_tree = True
    importer.asked.clear()
    assert take(store, root, importer).unchanged == 1
    assert importer.asked == ["past", "a", "b", "some.db"]


def test_failing_importer_loses_its_place_only(store: Store, tmp_path: Path) -> None:
    def broken() -> Iterator[ImportedRun]:
        yield past("one")
        raise RuntimeError("bad sector")

    report = take(store, folders(tmp_path / "past", "a", "b"), Folders(a=broken(), b=[past("two")]))
    assert report.new == 2
    assert "bad sector" in report.skipped[0].reason


def test_what_nobody_knows_is_named(store: Store, tmp_path: Path) -> None:
    report = take(store, folders(tmp_path / "past", "a"), Folders())
    assert [(Path(skipped.path).name, report.runs) for skipped in report.skipped] == [("past", 0)]
    with pytest.raises(UsageError, match="no file or folder"):
        take(store, tmp_path / "missing", Folders())


def test_resumed_run_is_joined_to_the_one_it_names(store: Store, tmp_path: Path) -> None:
    runs = [past("first", range(5)), past("twin", range(5)), past("third", range(4, 10), continues="/o/first/last.pth")]
    report = take(store, folders(tmp_path / "past", "a"), Folders(a=runs))
    assert report.resumed == 1
    assert store.run("third").resumed_from == store.run("first").run_id
    before = content(store)
    take(store, tmp_path / "past", Folders(a=runs))
    assert content(store) == before


@pytest.mark.parametrize(
    ("others", "joined"),
    [
        ([past("first", range(5))], True),
        ([past("first", range(3))], False),  # epochs are missing between them
        ([past("first", range(5)), past("twin", range(5))], False),  # either could be it
        ([past("first", range(5), lr=0.2)], False),
    ],
)
def test_resumed_run_that_names_none_is_joined_if_one_fits(
    store: Store, tmp_path: Path, others: list[ImportedRun], joined: bool
) -> None:
    report = take(store, folders(tmp_path / "past", "a"), Folders(a=[past("second", range(5, 10)), *others]))
    assert (store.run("second").resumed_from is not None) == joined
    assert (report.resumed == 1) == joined
    assert any("continues" in note for note in report.notes) != joined


def test_no_secret_reaches_the_store(store: Store, tmp_path: Path) -> None:
    run = past("one", wandb_key="pa55word", dataset_name="https://me:pa55word@host/x", url="s3://k:pa55word@b")
    take(store, folders(tmp_path / "past", "a"), Folders(a=[run]))
    stored = repr(content(store))
    assert "flowers" not in stored
    assert "resnet18" in stored
    assert "pa55word" not in stored


def test_private_paths_are_cut(store: Store, tmp_path: Path) -> None:
    run = past("one", output="/home/al/out", script="/home/al/train.py")
    take(store, folders(tmp_path / "past", "a"), Folders(a=[run]), private_paths=["/home/al"])
    (stored,) = store.runs()
    assert (stored.extra["output"], stored.script) == ("~/out", "~/train.py")


def test_text_becomes_what_the_field_holds() -> None:
    cases = [
        ("lr", "1e-3", 1e-3), ("lr", "nan", None), ("lr", [1], None), ("epochs", "50", 50), ("epochs", 50.0, 50),
        ("epochs", 2.5, None), ("amp", "False", False), ("amp", 1, True), ("amp", "perhaps", None), ("model", "", None),
        ("model", "resnet18", "resnet18"), ("dropout", "None", None), ("epochs", float("inf"), None),
    ]  # fmt: skip
    for name, value, expected in cases:
        assert typed(name, value) == expected


def test_status_is_told_or_follows_from_the_epochs() -> None:
    assert past("a").run.status is Status.FINISHED
    assert past("a", range(5)).run.status is Status.INTERRUPTED
    assert past("a", planned=None).run.status is Status.STALE
    assert past("a", planned=None, status=Status.FINISHED).run.status is Status.FINISHED
    assert past("a", status=Status.FAILED).run.status is Status.FAILED


def test_a_run_of_values_that_no_record_holds_loses_no_other(store: Store, tmp_path: Path) -> None:
    good = past("good")
    bad = [
        replace(good, run=replace(good.run, run_id="i1", epochs=2**63)),
        replace(good, run=replace(good.run, run_id="i2", lr="fast")),
        replace(good, run=replace(good.run, run_id="i3", started_at=3)),
        replace(good, run=replace(good.run, run_id="i4", extra=None)),
        replace(good, epochs=(replace(good.epochs[0], epoch=2**63),), run=replace(good.run, run_id="i5")),
        replace(good, epochs=(replace(good.epochs[0], eval_top1="high"),), run=replace(good.run, run_id="i6")),
    ]  # type: ignore[arg-type]
    report = take(store, folders(tmp_path / "past", "a"), Folders(a=[*bad, good]))
    assert report.new == 1
    assert len(report.skipped) == len(bad)
    assert all("no record can" in skipped.reason for skipped in report.skipped)


def test_epochs_of_any_values_are_taken_as_far_as_they_are_numbers() -> None:
    rows = [
        {"epoch": 0, "eval_top1": "40", "train_loss": object()},
        {"epoch": None, "eval_top1": 1.0},
        {"epoch": 2**63, "eval_top1": 1.0},
        {"epoch": 1.0, "eval_top1": 2**2000, "train_loss": 1.7976931348623157e308},
    ]
    item = imported_run(Source.API, ["a"], {"epochs": 2}, rows)
    assert [(epoch.epoch, epoch.eval_top1, epoch.train_loss) for epoch in item.epochs] == [
        (0, 40.0, None),
        (1, None, None),
    ]
    assert item.run.status is Status.DIVERGED
    assert any("without a number" in note for note in item.notes)


def test_identity_depends_on_all_of_it() -> None:
    ids = {run_identity(*case) for case in [(Source.MLFLOW, ["a", "b"]), (Source.MLFLOW, ["ab"]), (Source.API, ["ab"])]}
    assert len(ids) == 3
    assert all(len(one) == 26 and one.isascii() for one in ids)
    assert run_identity(Source.MLFLOW, ["a", 1]) == run_identity(Source.MLFLOW, ["a", "1"])


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from advisor.cli.root import cli

    monkeypatch.setenv("ADVISOR_PLUGINS", "timm,quicktune,mlflow")
    get_plugins.cache_clear()
    yield lambda *arguments: CliRunner().invoke(cli, ["records", "import", *map(str, arguments)])
    get_plugins.cache_clear()


def test_command_reports_as_text_and_as_json(command: Any, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "run 1"
    folder.mkdir(parents=True)
    (folder / "args.yaml").write_text("model: resnet18\nlr: 0.1\nepochs: 2\nopt: sgd\nbatch_size: 8\nsched: step\n")
    (folder / "summary.csv").write_text("epoch,train_loss,eval_top1\n0,1.0,50.0\n1,0.9,60.0\n")
    (tmp_path / "out" / "summary.csv").write_text("epoch,train_loss,eval_top1\n0,1.0,50.0\n")
    text = command(tmp_path / "out").output
    assert "1 run with 2 epochs: 1 new" in text
    assert "--world-size" in text
    assert "metrics without arguments" in text
    found = json.loads(command(tmp_path / "out", "--world-size", 2, "--format", "json").output)
    assert (found["new"], found["updated"], found["epochs"]) == (0, 1, 2)
    assert [set(skipped) for skipped in found["skipped"]] == [{"path", "reason"}]


def test_command_fails_with_a_reason_where_there_is_nothing(command: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    error = command(tmp_path / "empty").exception
    assert isinstance(error, AdvisorError)
    assert "no importer" in error.cause


def test_command_line_starts_without_what_importing_needs() -> None:
    code = (
        "import sys, advisor.cli.runs.records; print([m for m in ('yaml', 'sqlalchemy', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif("ADVISOR_TEST_DATA" not in os.environ, reason="ADVISOR_TEST_DATA names no folder with runs")
def test_outside_data_twice_is_once(command: Any) -> None:
    data = Path(os.environ["ADVISOR_TEST_DATA"])
    first, again = (
        json.loads(command(data / "timm_outputs", data / "quicktune", "--format", "json").output) for _ in range(2)
    )
    assert (first["new"], first["updated"], first["unchanged"]) == (60 + 4665, 0, 0)
    assert (again["new"], again["updated"], again["unchanged"]) == (0, 0, 60 + 4665)
    assert first["sources"] == again["sources"] == {"quicktune": 4665, "timm-output": 60}
    assert first["skipped"] == again["skipped"]
    assert len(first["skipped"]) == 8


def test_a_run_that_validated_on_the_split_that_it_trained_on_is_marked_so() -> None:
    same = {"train_split": "train", "val_split": "train"}
    assert past("same", **same).run.scored_on_training_images
    assert not past("other", **{**same, "val_split": "validation"}).run.scored_on_training_images
    assert not past("unknown").run.scored_on_training_images


def test_a_mark_that_came_from_the_folder_stays_when_the_run_is_imported_again(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'records.db'}")
    item = past("flat")
    import_runs([item], store)
    store.add_runs([replace(item.run, extra={**item.run.extra, "scored_on_training_images": True})])
    assert import_runs([item], store).unchanged == 1
    assert store.run("flat").scored_on_training_images
