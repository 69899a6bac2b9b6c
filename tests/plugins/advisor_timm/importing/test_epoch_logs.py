"""Tables and logs of epochs, read whatever wrote them."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_timm.importing.epoch_logs import is_json_log, peak_lr, read_json_lines, read_summary
from advisor_timm.importing.percent import in_percent, problem


def test_json_lines_with_nan_text_numbers_and_averages() -> None:
    text = '{"epoch": "0", "train_loss": NaN, "test_acc1": "12.5", "test_acc1_ema": 10.0}\n'
    text += '{"epoch": 1, "test_acc1": 13.0, "ema_test_acc1": 11.0, "train_class_acc": 0.25}\n'
    found = read_json_lines(text)
    assert found is not None
    first, second = found.runs[0]
    assert (first["eval_top1"], first["ema_eval_top1"], math.isnan(first["train_loss"])) == (12.5, 10.0, True)
    assert (second["eval_top1"], second["ema_eval_top1"], second["train_top1"]) == (13.0, 11.0, 25.0)


def test_peak_is_known_only_after_the_schedule_came_down() -> None:
    assert peak_lr([{"lr": 0.1}, {"lr": 0.2}]) is None
    assert peak_lr([{"lr": 0.2}, {"lr": 0.2}]) is None
    assert peak_lr([{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.1}]) == 0.2


@given(st.text())
def test_no_text_breaks_a_reader(outputs, text: str) -> None:
    for found in (read_summary(text), read_summary(outputs.summary + text), read_json_lines(text)):
        assert found is None or all(row["epoch"] >= 0 for rows in found.runs for row in rows)


PERCENT = st.floats(0, 100)
ROWS = st.lists(st.tuples(st.floats(0, 20), PERCENT, PERCENT), min_size=1, max_size=8)


@given(ROWS, st.integers(0, 500), st.permutations(["epoch", "train_loss", "eval_top1", "eval_top5"]))
def test_what_was_written_is_read(outputs, rows: list[tuple[float, ...]], first: int, header: list[str]) -> None:
    header.insert(0, header.pop(header.index("epoch")))
    names = ["epoch", "train_loss", "eval_top1", "eval_top5"]
    written = [dict(zip(names, (first + i, *values), strict=True)) for i, values in enumerate(rows)]
    text = io.StringIO()
    table = csv.DictWriter(text, header)
    table.writeheader()
    table.writerows(written)
    found = read_summary(text.getvalue())
    assert found is not None
    assert found.runs == [written]
    in_logs = {"eval_top1": "test_acc1", "eval_top5": "test_acc5"}
    logged = [{in_logs.get(name, name): value for name, value in row.items()} for row in written]
    again = read_json_lines(outputs.json_lines(*logged))
    assert again is not None
    assert again.runs == [written]
    assert problem(written, header) is None


ROWS = [{"epoch": 0, "train_loss": 1.5, "eval_top1": 40.5}, {"epoch": 1, "train_loss": 1.25, "eval_top1": 50.0}]


@pytest.mark.parametrize(
    "text",
    [
        "epoch,train_loss,eval_top1\n0,1.5,40.5\n1,1.25,50.0\n",
        "epoch;train_loss;eval_top1\n0;1,5;40,5\n1;1,25;50,0\n",
        "epoch\ttrain_loss\teval_top1\n0\t1.5\t40.5\n1\t1.25\t50.0\n",
        "sep=;\nepoch;train_loss;eval_top1\n0;1.5;40.5\n1;1.25;50.0\n",
        ",epoch,train_loss,eval_top1\n0,0,1.5,40.5\n1,1,1.25,50.0\n",  # as pandas writes its index
        "\n\nepoch, train_loss, eval_prec1\n0, 1.5, 40.5\n1, 1.25, 50.0\n",
        "Epoch,Train Loss,Val Acc@1\n0,1.5,\"tensor(40.5, device='cuda:0')\"\n1,tensor(1.25),50.0\n",
        "Namespace(lr=0.1)\nepoch,train_loss,eval_top1\n0,1.5,40.5\n1,1.25,50.0\n",
    ],
)
def test_tables_with_any_separator_and_any_names_are_the_same(text: str) -> None:
    found = read_summary(text)
    assert found is not None
    assert found.runs == [ROWS]


@pytest.mark.parametrize(
    "lines",
    [
        ['{"epoch": 0, "train_loss": 1.5, "test_acc1": 40.5}', '{"epoch": 1, "train_loss": 1.25, "test_acc1": 50.0}'],
        ["{'epoch': 0, 'train_loss': 1.5, 'val_top1': 40.5}", "{'epoch': 1, 'train_loss': 1.25, 'val_top1': 50.0}"],
        ['INFO:root:{"epoch": 0, "train": {"loss": 1.5}, "val": {"acc1": 40.5}}',
         'INFO:root:{"epoch": 1, "train": {"loss": 1.25}, "val": {"acc1": 50.0}}'],
        ['{"epoch": 0, "train_loss": 1.5}', '{"epoch": 0, "val_acc1": 40.5}',
         '{"epoch": 1, "train_loss": 1.25}', '{"epoch": 1, "val_acc1": 50.0}'],
    ],
)  # fmt: skip
def test_logs_written_in_any_way_are_the_same(lines: list[str]) -> None:
    found = read_json_lines("\n".join(["", *lines]))
    assert found is not None
    assert found.runs == [ROWS]
    assert is_json_log("\n" + lines[0])


def test_arguments_in_a_log_are_those_of_the_epochs_after_them() -> None:
    told = [{"lr": 0.1, "epochs": 2, "opt": "sgd"}, {"args": {"lr": 0.2, "epochs": 2, "opt": "sgd"}}]
    epochs = [{"epoch": 0, "test_acc1": 1.0}, {"epoch": 1, "test_acc1": 2.0}]
    records = [told[0], *epochs, told[1], *epochs]
    found = read_json_lines("".join(json.dumps(record) + "\n" for record in records))
    assert found is not None
    assert [arguments["lr"] for arguments in found.arguments] == [0.1, 0.2]
    assert found.notes == []
    assert is_json_log(json.dumps(told[0]) + "\n" + json.dumps(epochs[0]))
    assert not is_json_log(json.dumps(told[0]))


def test_fractions_are_told_by_custom_and_by_the_number_of_classes() -> None:
    rows = [{"epoch": 0, "eval_top1": 0.5, "eval_top5": 0.75, "train_top1": 60.0}]
    percent = [{"epoch": 0, "eval_top1": 50.0, "eval_top5": 75.0, "train_top1": 60.0}]
    taken = (percent, ["accuracies from 0 to 1 were taken as fractions"])
    assert in_percent(rows, None, by_custom=True) == taken
    assert in_percent(rows, 10, by_custom=False) == taken
    assert in_percent(rows, None, by_custom=False) == (rows, [])
    assert in_percent(rows, 1000, by_custom=False) == (rows, [])
    assert in_percent([{"epoch": 0}], 10, by_custom=True) == ([{"epoch": 0}], [])


def test_an_accuracy_beside_the_one_that_counts_is_left_out_with_a_note_where_it_cannot_be() -> None:
    odd = [{"epoch": 0, "eval_top1": 50.0, "eval_top5": 105.0, "train_top1": -1.0}]
    rows, (note,) = in_percent(odd, 10, by_custom=False)
    assert rows == [{"epoch": 0, "eval_top1": 50.0}]
    assert "outside 0 to 100" in note
