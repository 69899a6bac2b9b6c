"""What scripts do beside training, what lies beside them, and what breaks on the machine."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from research.trust.fault import BESIDE, MACHINE, STDERR, UNASKED, Fault, file, files

_LEAVES_A_FILE = "open(__file__ + '.ran', 'w').close()\n"
_PICKLES = """
import pickle, functools, __main__
kept = functools.partial(train_one_epoch, 1)
print(pickle.loads(pickle.dumps(kept)).func is train_one_epoch)
print(pickle.loads(pickle.dumps(create_model)) is create_model,
      pickle.loads(pickle.dumps(utils.accuracy)) is utils.accuracy, type(__main__.__builtins__).__name__)
import inspect
print(inspect.signature(validate), len(inspect.getsource(train_one_epoch)), utils.accuracy.__code__.co_name)
"""
_SPAWN = """
import multiprocessing
with multiprocessing.get_context("spawn").Pool(1) as pool:
    print(pool.apply(utils.accuracy, (np.eye(4), np.arange(4))))
"""
_FORK = """
child = os.fork()
if child == 0:
    print("in the child", flush=True)
    os._exit(7)
print("child ended", os.waitpid(child, 0)[1] >> 8, flush=True)
"""
_FORKED_EXIT = """
child = os.fork()
if child == 0:
    sys.exit(9)
print("child ended", os.waitpid(child, 0)[1] >> 8, flush=True)
"""
_CLOSE_ALL = """
sys.stdout.flush()
os.closerange(3, 256)
for number in range(20):
    globals().setdefault("opened", []).append(open(os.path.join(HERE, f"opened-{number}.txt"), "w"))
    opened[-1].write("mine"); opened[-1].flush()
"""


def _foreign_plugin(folder: Path) -> None:
    about = folder / "evil-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[advisor]\nevil = evil_plugin\n")
    file("evil_plugin.py", _LEAVES_A_FILE)(folder)


def _in_a_zip(folder: Path) -> None:
    """Let the script be a zip file; it writes beside it."""
    source = (folder / "train.py").read_text().replace("os.path.abspath(__file__)", "os.path.dirname(__file__)")
    with zipfile.ZipFile(folder / "zipped", "w") as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py"), source)  # whose time is always the same
        for path in sorted((folder / "timm").glob("*.py")):
            archive.writestr(zipfile.ZipInfo(f"timm/{path.name}"), path.read_bytes())
    os.replace(folder / "zipped", folder / "train.py")


FAULTS_BESIDE = [
    Fault("functions are pickled and looked at", BESIDE, middle=_PICKLES, tags=frozenset({"source", "stdout"})),
    Fault(
        "a pool of spawned processes",
        BESIDE,
        middle=_SPAWN,
        tags=frozenset({"spawn", "thread", "stdout", "descriptors", "source"}),
    ),
    Fault("a fork", BESIDE, middle=_FORK, tags=frozenset({"fork"})),
    Fault("a forked child exits", BESIDE, middle=_FORKED_EXIT, tags=frozenset({"fork"})),
    Fault("descriptors are closed and opened", BESIDE, middle=_CLOSE_ALL, tags=frozenset({"descriptors"})),
    Fault(
        "stderr's descriptor becomes a file",
        BESIDE,
        middle="""
os.close(2)
as_stderr = open(os.path.join(HERE, "as-stderr.bin"), "wb"); as_stderr.write(b"mine"); as_stderr.flush()
""",
        tags=STDERR | {"descriptors"},
    ),
    Fault(
        "a timer's handler runs all the time",
        BESIDE,
        first="""
import signal
signal.signal(signal.SIGVTALRM, lambda number, frame: None)
signal.setitimer(signal.ITIMER_VIRTUAL, 0.002, 0.002)
""",
        tags=frozenset({"timer"}),
    ),
    Fault("warnings are errors", BESIDE, environ={"PYTHONWARNINGS": "error"}, tags=frozenset({"warnings", "fork"})),
    Fault(
        "the interpreter says when it warns",
        BESIDE,
        environ={"PYTHONDEVMODE": "1"},
        tags=frozenset({"warnings", "descriptors", "fork", "spawn", "sent", "child"}),
    ),
    Fault(
        "few calls may be nested",
        BESIDE,
        middle="sys.setrecursionlimit(80)",
        tags=frozenset({"recursion", "spawn", "stdout"}),
    ),
    Fault("logging is switched off", BESIDE, first="import logging; logging.disable(logging.CRITICAL)"),
    Fault(
        "logging is the script's",
        BESIDE,
        first="""
import logging.config
logging.config.dictConfig({"version": 1, "handlers": {"file": {"class": "logging.FileHandler", "filename":
    __import__("os").path.join(__import__("os").path.dirname(__import__("os").path.abspath(__file__)), "log.txt")}},
    "root": {"level": "DEBUG", "handlers": ["file"]}})
""",
        tags=frozenset({"working folder", "zip", "descriptors"}),
    ),
    Fault("clocks stand still", BESIDE, middle="time.time = time.monotonic = time.perf_counter = lambda: 0.0"),
    Fault(
        "random numbers are drawn",
        BESIDE,
        first="import random; random.seed(3)",
        last="import random; print(random.random())",
    ),
    Fault(
        "modules of its own called like ours",
        BESIDE,
        first="import click, pluggy, platformdirs, rich; print(click.mine, flush=True)",
        prepare=files(
            [f"{name}.py" for name in ("click", "pluggy", "platformdirs", "rich", "sqlalchemy", "yaml")],
            "mine = 'mine'\n",
        ),
        tags=frozenset({"zip"}),
    ),
    Fault(
        "a module of its own called advisor",
        BESIDE,
        first="import advisor; print(advisor.mine, flush=True)",
        prepare=file("advisor.py", "mine = 'mine'\n"),
        shell='cd / && exec "$@"',  # python -m would take it for ours
        tags=frozenset({"zip", "working folder", "stream"}),
    ),
    Fault("a zip file", BESIDE, prepare=_in_a_zip, tags=frozenset({"zip", "source", "spawn", "working folder"})),
    Fault(
        "the working folder has modules called like ours",
        UNASKED,
        prepare=files(
            [f"{name}.py" for name in ("advisor_timm", "advisor_mlflow", "sqlalchemy", "alembic", "filelock", "PIL")],
            _LEAVES_A_FILE,
        ),
        tags=frozenset({"zip"}),
    ),
    Fault("a plugin lies in the working folder", UNASKED, prepare=_foreign_plugin, tags=frozenset({"zip"})),
    Fault(
        "PYTHONPATH begins with nothing",
        UNASKED,
        environ={"PYTHONPATH": ":"},
        prepare=file("sqlalchemy/__init__.py", _LEAVES_A_FILE),
        tags=frozenset({"zip", "PYTHONPATH"}),
    ),
    Fault(
        "the spool vanishes",
        MACHINE,
        middle="""
import shutil
shutil.rmtree(os.environ.get("TRIAL_DATA", "/nowhere"), ignore_errors=True)
""",
    ),
    Fault(
        "the spool becomes a file",
        MACHINE,
        middle="""
import shutil
if os.environ.get("TRIAL_DATA"):
    shutil.rmtree(os.environ["TRIAL_DATA"], ignore_errors=True)
    os.makedirs(os.path.dirname(os.environ["TRIAL_DATA"]), exist_ok=True)
    open(os.environ["TRIAL_DATA"], "w").close()
""",
    ),
    Fault(
        "writing fails",
        MACHINE,
        middle="""
write = os.write
def refuse(descriptor, data):
    if descriptor > 2: raise OSError(28, "No space left on device")
    return write(descriptor, data)
os.write = refuse
""",
    ),
    Fault(
        "the disk does not answer",
        MACHINE,
        middle="import threading; os.fsync = lambda descriptor: threading.Event().wait(1)",
        tags=frozenset({"thread"}),
    ),
    Fault("the host has no name", MACHINE, first="import socket; socket.gethostname = None"),
]
