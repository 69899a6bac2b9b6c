"""A script under `advisor run` cannot tell the difference, and neither can who started it."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = """
import sys, os, threading, atexit, pickle, inspect, logging
logging.getLogger().info("the root logger is the script's")
print(__name__, __file__, sys.argv, sys.path[0], __package__, __spec__, logging.getLogger().handlers)
atexit.register(lambda: print("at exit", sys.modules["__main__"].__name__))
class Thing: pass
def fail():
    try:
        {}["missing"]
    except KeyError as error:
        raise ValueError("two\\nlines") from error
print(type(pickle.loads(pickle.dumps(Thing()))) is Thing, inspect.getsource(fail)[:10])
what = sys.argv[1]
if what == "status": sys.exit(int(sys.argv[2]))
if what == "message": sys.exit("said on stderr")
if what == "raise": fail()
if what == "hook": sys.excepthook = lambda *a: print("own hook", a[0].__name__, a[2].tb_frame.f_code.co_name); fail()
if what == "interrupt": raise KeyboardInterrupt
if what == "exit": os._exit(9)
if what == "thread": threading.Thread(target=fail).start()
if what == "pipe": raise BrokenPipeError
if what == "click": import click; raise click.UsageError("mine, not advisor's")
if what == "fork":
    child = os.fork()
    sys.exit(3) if child == 0 else print(os.waitpid(child, 0)[1] >> 8)
"""


@pytest.fixture
def both(tmp_path, monkeypatch):
    """Run the script with and without us; return exit status, stdout and stderr of each."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "script.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ADVISOR_TESTING")
    environment = {**os.environ, "PYTHONPATH": ""}

    def run(*arguments: str, script: str = "folder/script.py") -> list[tuple[int, str, str]]:
        results = []
        for command in ([sys.executable], [sys.executable, "-m", "advisor", "run", "--name", "x"]):
            done = subprocess.run([*command, script, *arguments], capture_output=True, text=True, env=environment)
            results.append((done.returncode, done.stdout, done.stderr))
        return results

    return run


@pytest.mark.parametrize(
    "arguments",
    [
        "plain --name y -h -- z",
        "status 0",
        "status 5",
        "message",
        "raise",
        "hook",
        "interrupt",
        "exit",
        "thread",
        "pipe",
        "click",
        "fork",
    ],
)
def test_exit_status_and_output_are_the_scripts_own(both, arguments):
    without, recorded = both(*arguments.split())
    assert recorded == without


def test_syntax_error(both, tmp_path):
    (tmp_path / "bad.py").write_text("def f(:\n    pass\n")
    without, recorded = both(script="bad.py")
    assert recorded == without
    assert without[0] == 1


def test_encoding_declaration(both, tmp_path):
    (tmp_path / "latin.py").write_bytes("# coding: latin-1\nprint('é' == '\\xe9')\n".encode("latin-1"))
    without, recorded = both(script="latin.py")
    assert recorded == without
    assert without[1] == "True\n"


@pytest.mark.parametrize("script", ["absent.py", "."])
def test_missing_script_is_explained(tmp_path, script):
    command = [sys.executable, "-m", "advisor", "run", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: cannot read the script {script}")
    assert "Traceback" not in done.stderr
    assert "Next:" in done.stderr


def test_script_without_training_leaves_no_record(both, tmp_path):
    both("plain")
    assert not list(Path(os.environ["ADVISOR_SPOOL_DIR"]).glob("*"))


def test_modules_beside_the_script_win(both, tmp_path):
    (tmp_path / "folder" / "advisor_neighbour.py").write_text("value = 'beside'")
    (tmp_path / "folder" / "importer.py").write_text("import advisor_neighbour; print(advisor_neighbour.value)")
    without, recorded = both(script="folder/importer.py")
    assert recorded == without
    assert without[1] == "beside\n"


LOOKS_AROUND = """
import sys, traceback
from advisor_neighbour import value
print(sorted(globals()), type(__builtins__), __file__, __package__, __cached__, sys.argv, sys.path[0], value)
print(type(__loader__).__name__, __spec__ and __spec__.name)
def fail(): raise ValueError("here")
if len(sys.argv) > 1: fail()
"""


@pytest.mark.parametrize("arguments", [[], ["fail"]])
@pytest.mark.parametrize("kind", ["bytecode", "bytecode by its first bytes", "folder", "zip"])
def test_what_else_python_runs(both, tmp_path, kind, arguments):
    folder = tmp_path / "folder"
    (folder / "advisor_neighbour.py").write_text("value = 'beside'")
    (folder / "__main__.py").write_text(LOOKS_AROUND)
    script = "folder"
    if kind.startswith("bytecode"):
        script = "folder/script.pyc" if kind == "bytecode" else "folder/script"
        py_compile.compile(str(folder / "__main__.py"), str(tmp_path / script), doraise=True)
    elif kind == "zip":
        script = "zipped"
        with zipfile.ZipFile(tmp_path / script, "w") as archive:
            for path in folder.glob("*.py"):
                archive.write(path, path.name)
    without, recorded = both(*arguments, script=script)
    assert recorded == without
    assert without[0] == len(arguments)
    assert "beside" in without[1]


def test_bytecode_of_another_python(both, tmp_path):
    (tmp_path / "other.pyc").write_bytes(b"\x00\x01\r\n" + bytes(20))
    without, recorded = both(script="other.pyc")
    assert recorded == without
    assert without[0] == 1


def test_modules_beside_the_script_that_we_have_loaded_too(both, tmp_path):
    for name in ("click", "pluggy", "platformdirs", "queue"):
        (tmp_path / "folder" / f"{name}.py").write_text(f"value = 'own {name}'")
    (tmp_path / "folder" / "importer.py").write_text(
        "import click, pluggy, platformdirs, queue\nprint(click.value, pluggy.value, platformdirs.value, queue.value)"
    )
    without, recorded = both(script="folder/importer.py")
    assert recorded == without
    assert without[1] == "own click own pluggy own platformdirs own queue\n"


def test_a_module_beside_the_script_that_is_called_advisor(both, tmp_path):
    (tmp_path / "folder" / "advisor.py").write_text("value = 'own'")
    (tmp_path / "folder" / "importer.py").write_text("import advisor; print(advisor.value)")
    without, recorded = both(script="folder/importer.py")
    assert recorded[:2] == without[:2] == (0, "own\n")
    assert "is not recorded: the script has a module of its own called advisor" in recorded[2]
