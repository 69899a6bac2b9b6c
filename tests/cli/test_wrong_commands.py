"""Wrong command lines: each answer names the problem and the next command, none is a traceback.

The answers are in wrong_commands.txt, to be read. After a change that is meant: UPDATE_SNAPSHOTS=1 pytest tests/cli/test_wrong_commands.py
"""  # noqa: E501

import os
import re
import shlex
import sys
from pathlib import Path

import pytest
import scipy.stats  # noqa: F401 - while it is imported it looks at torch, and cannot bear that it is hidden

from advisor.cli.root import main

SNAPSHOT = Path(__file__).with_suffix("").with_name("wrong_commands.txt")

# NAME=VALUE before a command is its environment, as in a shell; WITHOUT=PACKAGE hides what an extra brings.
COMMANDS = """
advisor sugest
advisor --colour
advisor --quiet --verbose config
advisor suggest
advisor suggest --dataset
advisor suggest --datset photos
advisor suggest --dataset no-such-folder
advisor suggest --dataset file.txt
advisor suggest --dataset empty
advisor suggest --dataset one-class
advisor suggest --dataset photos --model resnet-5000
advisor suggest --dataset photos --opt sgdd
advisor suggest --dataset photos --model test_vit4 --pretrained
advisor suggest --dataset photos --max-epochs 0
advisor suggest --dataset photos --max-epochs many
advisor suggest --dataset photos --img-size 2
advisor suggest --dataset photos --prefer luck
advisor suggest --dataset photos --fix lr=fast
advisor suggest --dataset photos --fix momentum=0.9
advisor suggest --dataset photos --fix dropout=1.5
advisor suggest --dataset photos --max-epochs 5 --fix epochs=9
advisor suggest --dataset photos --fix batch_size=5000
advisor suggest --dataset photos --format xml
advisor suggest --dataset photos --budget soon
advisor suggest --dataset photos --budget 30m
advisor suggest --dataset photos --top 0
ADVISOR_METAMODEL_DIR=broken-model advisor suggest --dataset photos
advisor run
advisor run no-such-script.py
advisor run photos
advisor explain
advisor explain --dataset no-such-folder
advisor diagnose no-such-run
advisor describe --dataset photos --probe -1
advisor describe --dataset hfds/owner/name:empty
WITHOUT=torch advisor describe --dataset photos --probe 5
advisor records
advisor records lst
advisor records show no-such-run
advisor records list --since tomorrow
advisor records list --sort colour
advisor records list --status happy
advisor records prune
advisor records remove no-such-run --yes
advisor records import no-such-folder
advisor records import empty
advisor records export --format parquet
advisor records export --output runs.xyz
advisor records export --output no/such/folder/runs.csv
WITHOUT=pyarrow advisor records export --output runs.parquet
advisor records sync --from no-such-folder
ADVISOR_STORE=nonsense advisor records list
ADVISOR_STORE=sqlite:///file.txt advisor records list
ADVISOR_STORE=sqlite:///file.txt/records.db advisor records list
WITHOUT=psycopg ADVISOR_STORE=postgresql://localhost/runs advisor records list
ADVISOR_HOOK_TIMEOUT=never advisor config
ADVISOR_CONFIG=broken.toml advisor config
ADVISOR_CONFIG=misspelt.toml advisor config
advisor train --out file.txt
advisor evaluate --workers 0
advisor collect no-such-plan.yaml
advisor collect broken.yaml
advisor collect file.txt
advisor config --format yaml
""".strip().splitlines()


@pytest.fixture
def folder(tmp_path, monkeypatch, image_folder):
    """A working folder with things that can be named wrongly."""
    folder = tmp_path / "work"
    for name in ("empty", "one-class", "broken-model"):
        (folder / name).mkdir(parents=True)
    (folder / "photos").symlink_to(image_folder)
    (folder / "one-class" / "only").symlink_to(image_folder / "class-0")
    (folder / "file.txt").write_text("neither images nor a database, and longer than a header of either\n" * 20)
    (folder / "broken.toml").write_text("store = \n")
    (folder / "misspelt.toml").write_text('stroe = "sqlite:///x.db"\n')
    (folder / "broken.yaml").write_text("name: [unclosed\n")
    (folder / "broken-model" / "manifest.json").write_text("{")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    return folder


def answer(line: str, folder: Path, monkeypatch, capsys) -> str:
    """Return the answer to a command line as the snapshot has it: the line, its status, what was said."""
    words = shlex.split(line)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        if name == "WITHOUT":
            hide(value, monkeypatch)
        else:
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capsys.readouterr()
    said = "".join(f"{text.rstrip()}\n" for text in (out, err) if text.strip())
    for path in (folder.resolve(), folder, folder.parent):
        said = said.replace(str(path), "FOLDER")
    return f"$ {line}\n{said}[exit status {end.value.code}]\n"


def hide(package: str, monkeypatch) -> None:
    for name in [*sys.modules, package]:
        if name == package or name.startswith(f"{package}."):
            monkeypatch.setitem(sys.modules, name, None)


def expected() -> dict[str, str]:
    parts = re.split(r"(?m)^(?=\$ )", SNAPSHOT.read_text(encoding="utf-8") if SNAPSHOT.exists() else "")
    return {part.partition("\n")[0].removeprefix("$ "): part.rstrip() + "\n" for part in parts if part.strip()}


@pytest.mark.parametrize("line", COMMANDS)
def test_the_answer(line, folder, monkeypatch, capsys):
    found = answer(line, folder, monkeypatch, capsys)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        known = {**expected(), line: found}
        SNAPSHOT.write_text("\n".join(known[one] for one in COMMANDS if one in known), encoding="utf-8")
    assert found == expected().get(line), "meant? UPDATE_SNAPSHOTS=1"


def test_every_answer_names_the_problem_the_next_command_and_a_status():
    answers = expected()
    assert list(answers) == COMMANDS
    assert len(answers) >= 40
    for line, said in answers.items():
        assert "Traceback" not in said, line
        assert re.search(r"\[exit status [12]\]$", said), line
        if not said.startswith("$ advisor records\n"):  # that shows its help
            assert re.search(r"(?m)^Error: .+\.$", said), line
            assert re.search(r"(?m)^Next:  .+$", said), line
