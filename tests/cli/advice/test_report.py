"""``advisor report`` from end to end."""

import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from advisor.cli.root import main

pytest.importorskip("plotly")


def report(*arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(["report", *map(str, arguments)])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_it_writes_a_file_and_says_where(image_folder, tmp_path, capsys):
    out = tmp_path / "page.html"
    asked = ("--dataset", image_folder, "--model", "test_resnet", "--scratch", "--img-size", "32")
    code, said, err = report("--out", out, *asked, capsys=capsys)
    assert code == 0, err
    assert said.strip() == str(out)
    assert "What each of the hyperparameters does here" in out.read_text(encoding="utf-8")


def test_without_anything_it_still_makes_a_page(tmp_path, capsys):
    code, _, err = report("--out", tmp_path / "page.html", capsys=capsys)
    assert code == 0, err


def test_a_place_that_cannot_be_written_is_explained(tmp_path, capsys):
    code, _, err = report("--out", tmp_path / "no" / "page.html", capsys=capsys)
    assert code == 2
    assert "--out" in err


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_serve_answers_until_it_is_interrupted():
    command = [sys.executable, "-m", "advisor", "report", "--serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        url = served.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert b"Your runs" in answer.read()
        served.send_signal(signal.SIGINT)
        _, err = served.communicate(timeout=30)
    assert served.returncode == 130
    assert "Traceback" not in err
