"""Every command and example of the README and of docs/ runs as it is printed, or says here why it is not run."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
from reader_folder import SMALL_RESNET50, lay_out

from advisor.cli.root import cli, main
from advisor.plugins import get_plugins

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "meta_data" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}\S.*\n(?: {4}.*\n|\n(?= {4}))*)")
_BEGINS = re.compile(r"(?:[A-Z_]+=\S+ )*(?:advisor|python|python3|pip|make|torchrun|srun|git|docker)\s")
_INLINE = re.compile(r"`((?:advisor|make|python) [^`]+)`")


@dataclass(frozen=True)
class Example:
    """Something to type: a line of a shell, or a block of Python."""

    page: str
    kind: str
    text: str


def examples(page: Path) -> list[Example]:
    """Return the examples of a page in order: fenced and indented blocks, a shell line each."""
    text = page.read_text(encoding="utf-8")
    found: list[tuple[int, str, str]] = [(m.start(), m[1], m[2]) for m in _FENCED.finditer(text)]
    without_fences = _FENCED.sub(lambda m: "x" * len(m[0]), text)
    found += [(m.start(), "", textwrap.dedent(m[0])) for m in _INDENTED.finditer(without_fences)]
    name = page.relative_to(ROOT).as_posix()
    result = []
    for _, language, block in sorted(found):
        if language == "python" or (not language and block.startswith(("import ", "from "))):
            result.append(Example(name, "python", block))
            continue
        lines = [line.removeprefix("$ ") for line in block.splitlines() if language != "console" or line[:2] == "$ "]
        result += [Example(name, "shell", _without_comment(line)) for line in lines if _BEGINS.match(line)]
    return result


def inline(page: Path) -> list[str]:
    """Return the commands that stand within a page's sentences."""
    return _INLINE.findall(_FENCED.sub("", page.read_text(encoding="utf-8")).replace("\n", " "))


def _without_comment(line: str) -> str:
    return re.sub(r"\s{2,}#.*", "", line).strip()


NOT_RUN = {
    # What a command begins with: where it is run instead, or why it is not.
    "make": "test_every_make_target_exists, tests/test_demo.py; targets are made of tested commands",
    "pip install": "test_every_extra_exists; it needs the package index",
    "torchrun": "tests/test_recording_doc.py",
    "advisor run train.py --data-dir digits": "tests/test_recording_doc.py",
    "advisor records import output/train": "tests/test_recording_doc.py",
    "python docs/examples/": "tests/test_examples.py",
    "python -m research.walkthrough.": "tests/test_walkthrough.py",
    "python -m advisor.collect.": "tests/collect/",
    "advisor collect meta_data/plans/": "tests/collect/; it trains for hours",
    "python .ci/mutants.py": "it needs mutmut, and takes minutes",
    "advisor train": "tests/cli/test_train.py",
    "advisor tune": "tests/tuning/; it trains again and again",
    "advisor evaluate": "tests/evaluate/; it takes minutes",
}


def is_run(example: Example) -> bool:
    """Tell whether an example is typed here; a line with [OPTIONS] only shows how a command is called."""
    if example.page == "docs/first-minutes.md":
        return False  # research/first_minutes.py typed them, wrong ones on purpose among them
    if example.kind == "python":
        # tests/test_recording_doc.py, tests/tuning/test_loop.py
        return example.page not in ("docs/recording.md", "docs/tuning.md")
    return "[OPTIONS]" not in example.text and not example.text.startswith(tuple(NOT_RUN))


RUN_HERE = [page for page in PAGES if any(map(is_run, examples(page)))]


@pytest.fixture
def reader(tmp_path, monkeypatch) -> Path:
    """A reader's folder: train.py, photos, and what the pages take to be there."""
    folder = tmp_path / "reader"
    lay_out(folder)
    shutil.make_archive(str(folder / "photos"), "zip", folder, "photos")
    (folder / "output" / "train" / "past").mkdir(parents=True)
    (folder / "output" / "train" / "past" / "args.yaml").write_text("model: resnet18\nopt: sgd\nlr: 0.1\nepochs: 1\n")
    (folder / "output" / "train" / "past" / "summary.csv").write_text("epoch,train_loss,eval_top1\n0,1.5,50.0\n")
    (folder / "copied" / "spool").mkdir(parents=True)
    (folder / "plan.yaml").write_text(
        "name: mine\nblocks:\n  - datasets: [digits]\n    models: [test_resnet]\n    contexts: [{opt: adamw}]\n"
    )
    (folder / "meta_data").symlink_to(ROOT / "meta_data")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("ADVISOR_TESTING")
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", RUN_HERE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_tells_to_type_can_be_typed(page, reader, monkeypatch, capsys):
    if page.parent.name == "example_plugin":
        install_example_plugin(page.parent, reader, monkeypatch)
    if page.name == "integrations.md":
        monkeypatch.setenv("ADVISOR_PLUGINS", "timm,lightning,transformers")
        get_plugins.cache_clear()
    prepare(page, reader)
    # What removes a run comes last; the page of all commands is in alphabetical order.
    for example in sorted(filter(is_run, examples(page)), key=lambda one: " remove " in one.text):
        if example.kind == "python":
            run_python(example.text, reader)
        else:
            run_shell(fill_in(example.text), capsys, monkeypatch)


def run_python(text: str, folder: Path) -> None:
    if "pandas" in text:
        pytest.importorskip("pandas")
    (folder / "example.py").write_text(SMALL_RESNET50 * ("timm" in text) + text)
    done = subprocess.run([sys.executable, "example.py"], capture_output=True, text=True)
    assert done.returncode == 0, f"{text}\n{done.stderr[-2000:]}"


def run_shell(command: str, capsys, monkeypatch) -> None:
    """Run a command; one of the adviser's own in this process, where what it imports is there already."""
    words = shlex.split(command)
    if words[0] == "advisor" and words[1] != "run" and not re.search(r"[$>&|]", command):
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))  # to "Remove 1 run for good?"
        with pytest.raises(SystemExit) as end:
            main(words[1:])
        said = capsys.readouterr().err
        assert end.value.code in (None, 0), f"{command}\n{said}"
        return
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stderr[-2000:]}"
    assert "no advice" not in done.stderr, done.stderr


def fill_in(command: str) -> str:
    """Put what is there for what a page leaves to the reader."""
    command = command.replace("--dataset DIR", "--dataset photos").replace(
        "train.py …", "train.py --data-dir photos --model resnet50 --epochs 1"
    )
    if re.search(r"\bRUN\b|01m8898", command):
        listed = subprocess.run(["advisor", "records", "list", "--format", "json"], capture_output=True, check=True)
        newest = max(run["run_id"] for run in json.loads(listed.stdout))
        command = re.sub(r"\bRUN\b", newest, command).replace("01m8898", newest)
    return command


def prepare(page: Path, folder: Path) -> None:
    """Lay out what only one page needs."""
    if page.name == "sharing.md":
        # What is shared was recorded before.
        recorded = fill_in("advisor run train.py …")
        subprocess.run(shlex.split(recorded), check=True, capture_output=True)
    if page.name != "commands.md":
        return
    optuna = pytest.importorskip("optuna")
    pytest.importorskip("torchvision")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.create_study(study_name="empty", storage="sqlite:///study.db")
    run = folder / "mlruns" / "0" / "ea7988efe77c4442a81e450f9c8360d3"
    run.mkdir(parents=True)
    (run.parent / "meta.yaml").write_text("{experiment_id: '0', name: Default, lifecycle_stage: active}")
    (run / "meta.yaml").write_text(
        "{run_id: ea7988efe77c4442a81e450f9c8360d3, run_name: one, status: 3, start_time: 1, end_time: 2, "
        "lifecycle_stage: active}"
    )
    raw = folder / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, n in (("train", 20), ("t10k", 10)):
        sizes = b"".join(size.to_bytes(4, "big") for size in (2051, n, 28, 28))
        (raw / f"{part}-images-idx3-ubyte").write_bytes(sizes + os.urandom(n * 28 * 28))
        sizes = b"".join(size.to_bytes(4, "big") for size in (2049, n))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(sizes + bytes(i % 10 for i in range(n)))


def install_example_plugin(source: Path, folder: Path, monkeypatch) -> None:
    """Make the example plugin importable and known by its entry point, as pip does."""
    # Not the current folder, from which no plugin comes.
    site = folder.parent / "site"
    about = site / "advisor_example-1.0.dist-info"
    about.mkdir(parents=True)
    shutil.copy(source / "advisor_example.py", site)
    (about / "METADATA").write_text("Name: advisor-example\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[advisor]\nexample = advisor_example\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("ADVISOR_PLUGINS", "timm,example")
    get_plugins.cache_clear()


def test_the_pages_have_the_commands_that_are_looked_for():
    """The reading of the pages is not blind: it finds what a reader finds."""
    found = {(one.page, one.kind, one.text) for page in PAGES for one in examples(page)}
    assert ("README.md", "shell", "advisor suggest --dataset photos --model resnet50") in found
    assert ("docs/using.md", "shell", "advisor diagnose RUN") in found
    assert ("docs/using.md", "python", "import advisor\n\nadvisor.autolog()\n") in found
    assert ("docs/commands.md", "shell", "advisor records sync") in found
    assert ("meta_data/README.md", "shell", "advisor collect meta_data/plans/full.yaml --data data --build") in found
    assert len(found) > 60


def test_what_is_run_elsewhere_is_there():
    for page in PAGES:
        for example in examples(page):
            for begins, where in NOT_RUN.items():
                if example.kind == "shell" and example.text.startswith(begins) and where.startswith("tests/"):
                    assert (ROOT / where.partition(";")[0]).exists(), example
    texts = [one.text for page in PAGES for one in examples(page)]
    for begins in NOT_RUN:
        assert any(text.startswith(begins) for text in texts), f"no page has {begins} any more"


def test_every_make_target_exists():
    of_root, of_research = (
        set(re.findall(r"^([a-z-]+):", (ROOT / folder / "Makefile").read_text(), re.MULTILINE))
        for folder in ("", "research")
    )
    typed = [text for page in PAGES for text in [*inline(page), *(one.text for one in examples(page))]]
    words = [shlex.split(text)[1:] for text in typed if text.startswith("make ")]
    in_root = {rest[0] for rest in words if rest[0] != "-C"}
    in_research = {rest[2] if len(rest) > 2 else "help" for rest in words if rest[:2] == ["-C", "research"]}
    assert {"demo", "test"} <= in_root <= of_root
    assert {"pages", "walkthroughs"} <= in_research <= of_research


def test_every_extra_exists():
    project = (ROOT / "pyproject.toml").read_text()
    for page in PAGES:
        for example in examples(page):
            if example.text.startswith("pip install"):
                for extra in re.findall(r"\[(.*?)\]", example.text):
                    assert all(re.search(rf"^{one} = \[", project, re.MULTILINE) for one in extra.split(",")), example
                if "./" in example.text:
                    assert (ROOT / example.text.split()[-1] / "pyproject.toml").is_file()


def test_every_command_within_a_sentence_exists():
    for page in PAGES:
        for text in inline(page):
            words = [word for word in shlex.split(text) if not word.startswith("-")]
            if words[0] == "python" and words[1].endswith(".py") and "SCRIPT" not in text:
                assert (ROOT / words[1]).is_file(), text
            if words[0] == "python" and words[1].startswith("research."):
                module = ROOT.joinpath(*words[1].split("."))
                assert module.with_suffix(".py").is_file() or (module / "__main__.py").is_file(), text
            if words[0] != "advisor" or len(words) == 1 or words[1].isupper():
                continue
            command = cli.get_command(None, words[1])
            assert command is not None, text
            below = getattr(command, "commands", {}).get(words[2]) if len(words) > 2 else None
            options = {o for one in (command, below) if one for p in one.params for o in (*p.opts, *p.secondary_opts)}
            ours = text.partition(".py ")[0]  # what follows a script is the script's
            assert {word for word in ours.split() if word.startswith("--")} <= options, text
