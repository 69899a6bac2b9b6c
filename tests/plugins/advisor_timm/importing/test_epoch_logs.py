"""Tables and logs of epochs, read whatever wrote them."""

from __future__ import annotations

import csv
import io
import math

from hypothesis import given
from hypothesis import strategies as st

from advisor_timm.importing.epoch_logs import peak_lr, problem, read_json_lines, read_summary


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
