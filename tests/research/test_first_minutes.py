"""What is filmed is what a terminal holds in the end."""

from __future__ import annotations

import pytest

pytest.importorskip("pty")  # none on Windows
from research.first_minutes import COMMANDS, WIDTH, Screen, photographs


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("one\r\ntwo\r\n", "one\ntwo"),
        ("\x1b[1mbold\x1b[0m \x1b[38;5;2mgreen\x1b[0m", "bold green"),
        ("working 1\rworking 2\r\x1b[2Kdone\r\n", "done"),
        ("\x1b[?25ldescribing ━━\r\n\x1b[1A\x1b[2K\r\x1b[?25hanswer\r\n", "answer"),
        ("long line\rshort\x1b[K\r\n", "short"),
        ("x" * (WIDTH + 1), f"{'x' * WIDTH}\nx"),
        ("\x1b]0;title\x07text", "text"),
    ],
)
def test_the_screen_holds_what_a_terminal_would(written, held):
    screen = Screen()
    screen.write(written)
    assert screen.text() == held


def test_the_folder_is_flat_and_has_so_many_photographs_of_every_class(tmp_path):
    for label in ("a", "b", "c"):
        (tmp_path / "source" / "train" / label).mkdir(parents=True)
        for i in range(200 if label == "a" else 60):
            (tmp_path / "source" / "train" / label / f"{i}.png").touch()
    assert photographs(tmp_path / "source", tmp_path / "photos") == 3
    assert sorted(path.name for path in (tmp_path / "photos").iterdir()) == ["a", "b", "c"]
    assert len(list((tmp_path / "photos").rglob("*.png"))) == 265


def test_the_film_describes_asks_trains_and_looks_back():
    commands = " ".join(command for _, command in COMMANDS)
    for word in ("describe", "suggest", "run --suggest", "records list", "records show", "diagnose"):
        assert f"advisor {word}" in commands
