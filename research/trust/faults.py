"""What can go wrong around a training, each as something to do to it: in its script, its folder or its surroundings.

A fault is done to the training by itself and to the recorded one alike. Where nothing is wrong with us, both end alike.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

BEFORE = "Nothing of ours keeps a script from starting"
AFTER = "Nothing of ours changes how it ends"
BESIDE = "The script cannot tell that it is recorded"
UNASKED = "Nothing runs that nobody asked for"
MACHINE = "What breaks on the machine breaks no training"


@dataclass(frozen=True)
class Fault:
    """One fault.

    Parameters
    ----------
    name : str
        What is wrong.
    promise : str
        What must hold all the same.
    first, middle, last : str
        Code that the script runs before its imports, after its second epoch, and at its end.
    environ : mapping
        Environment variables; None removes one. ``{folder}`` is the folder of the script.
    prepare : callable, optional
        Changes the folder of the script.
    shell : str
        What a shell does before it becomes the training.
    tags : frozenset of str
        Faults that share one do not go together: they do the same thing, or what one needs the other takes away.
    """

    name: str
    promise: str
    first: str = ""
    middle: str = ""
    last: str = ""
    environ: Mapping[str, str | None] = field(default_factory=dict)
    prepare: Callable[[Path], None] | None = None
    shell: str = ""
    tags: frozenset[str] = frozenset()


def _file(name: str, content: str | bytes) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return prepare


def _files(names: Iterable[str], content: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        for name in names:
            _file(name, content)(folder)

    return prepare


def _loop(name: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        (folder / name).symlink_to(name)

    return prepare


def _pipe(name: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        os.mkfifo(folder / name)

    return prepare


def _foreign_plugin(folder: Path) -> None:
    about = folder / "evil-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[advisor]\nevil = evil_plugin\n")
    _file("evil_plugin.py", _LEAVES_A_FILE)(folder)


def _in_a_zip(folder: Path) -> None:
    """Let the script be a zip file; it writes beside it."""
    source = (folder / "train.py").read_text().replace("os.path.abspath(__file__)", "os.path.dirname(__file__)")
    with zipfile.ZipFile(folder / "zipped", "w") as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py"), source)  # whose time is always the same
        for path in sorted((folder / "timm").glob("*.py")):
            archive.writestr(zipfile.ZipInfo(f"timm/{path.name}"), path.read_bytes())
    os.replace(folder / "zipped", folder / "train.py")


_LEAVES_A_FILE = "open(__file__ + '.ran', 'w').close()\n"
_PYPROJECT = frozenset({"pyproject"})
_USER_FILE = frozenset({"user file"})
_ENDS = frozenset({"end"})
_STDERR = frozenset({"stderr"})
_HOME = frozenset({"home"})
_CHILD = frozenset({"child"})
# The helper that stores the run is waited for by its parent; whoever finds it there sends the parent a signal.
_SIGNAL_WHILE_STORING = """
import subprocess
subprocess.Popen([sys.executable, "-c", '''
import os, signal, sys, time
pid, number = int(sys.argv[1]), getattr(signal, sys.argv[2])
while os.path.exists(f"/proc/{{pid}}"):
    try:
        children = open(f"/proc/{{pid}}/task/{{pid}}/children").read().split()
        if any(b"records\\\\0sync" in open(f"/proc/{{child}}/cmdline", "rb").read() for child in children):
            os.kill(pid, number)
            break
    except OSError:
        pass
    time.sleep(0.005)
''', str(os.getpid()), "{name}"], start_new_session=True, stdin=-3, stdout=-3, stderr=-3)
"""
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

FAULTS = [
    Fault("no home folder", BEFORE, environ={"HOME": "nowhere"}, tags=_HOME),
    Fault("home is no folder", BEFORE, environ={"HOME": "/dev/null/home"}, tags=_HOME),
    Fault("home cannot be entered", BEFORE, environ={"HOME": "{folder}/loop"}, prepare=_loop("loop"), tags=_HOME),
    Fault("home is empty text", BEFORE, environ={"HOME": ""}, tags=_HOME),
    Fault(
        "the working folder was deleted",
        BEFORE,
        shell='mkdir gone && cd gone && rmdir ../gone && exec "$@"',
        tags=frozenset({"working folder", "stream"}),
    ),
    Fault("pyproject.toml cannot be read", BEFORE, prepare=_loop("pyproject.toml"), tags=_PYPROJECT),
    Fault("pyproject.toml is broken", BEFORE, prepare=_file("pyproject.toml", "[tool.advisor"), tags=_PYPROJECT),
    Fault("pyproject.toml is no text", BEFORE, prepare=_file("pyproject.toml", b"\xff\xfe\x00"), tags=_PYPROJECT),
    Fault(
        "pyproject.toml has an unknown key",
        BEFORE,
        prepare=_file("pyproject.toml", "[tool.advisor]\ncolour = 'red'\n"),
        tags=_PYPROJECT,
    ),
    Fault("pyproject.toml is a pipe", BEFORE, prepare=_pipe("pyproject.toml"), tags=_PYPROJECT),
    Fault(
        "pyproject.toml nests without end", BEFORE, prepare=_file("pyproject.toml", "a=" + "[" * 9999), tags=_PYPROJECT
    ),
    Fault(
        "the user's settings are broken",
        BEFORE,
        environ={"ADVISOR_CONFIG": "{folder}/settings.toml"},
        prepare=_file("settings.toml", "store = "),
        tags=_USER_FILE,
    ),
    Fault(
        "the user's settings cannot be read",
        BEFORE,
        environ={"ADVISOR_CONFIG": "{folder}/settings.toml"},
        prepare=_loop("settings.toml"),
        tags=_USER_FILE,
    ),
    Fault(
        "the user's settings are a pipe",
        BEFORE,
        environ={"ADVISOR_CONFIG": "{folder}/settings.toml"},
        prepare=_pipe("settings.toml"),
        tags=_USER_FILE,
    ),
    Fault("the user's settings never end", BEFORE, environ={"ADVISOR_CONFIG": "/dev/zero"}, tags=_USER_FILE),
    Fault("a time limit is no number", BEFORE, environ={"ADVISOR_HOOK_TIMEOUT": "soon"}),
    Fault("a private path is none", BEFORE, environ={"ADVISOR_PRIVATE_PATHS": "home"}),
    Fault("the store's URL is none", BEFORE, environ={"ADVISOR_STORE": "://"}, tags=frozenset({"store"})),
    Fault("the store is of an unknown kind", BEFORE, environ={"ADVISOR_STORE": "x:///y"}, tags=frozenset({"store"})),
    Fault(
        "the store cannot be made",
        BEFORE,
        environ={"ADVISOR_STORE": "sqlite:////dev/null/a.db"},
        tags=frozenset({"store"}),
    ),
    Fault(
        "the spool folder cannot be made",
        BEFORE,
        environ={"ADVISOR_SPOOL_DIR": "/dev/null/spool"},
        tags=frozenset({"spool"}),
    ),
    Fault("a plugin is not installed", BEFORE, environ={"ADVISOR_PLUGINS": "timm,nosuch"}, tags=frozenset({"plugins"})),
    Fault("a plugin's name is senseless", BEFORE, environ={"ADVISOR_PLUGINS": "\t,,/"}, tags=frozenset({"plugins"})),
    Fault("stderr is closed", BEFORE, shell='exec "$@" 2>&-', tags=_STDERR | {"stream"}),
    Fault("stdin is closed", BEFORE, shell='exec "$@" <&-', tags=frozenset({"stream"})),
    Fault("a locale that is not there", BEFORE, environ={"LC_ALL": "xx_YY", "PYTHONUTF8": "0"}),
    Fault(
        "assertions and docstrings are left out", BEFORE, environ={"PYTHONOPTIMIZE": "2"}, tags=frozenset({"source"})
    ),
    Fault("numbers of hashes are others", BEFORE, environ={"PYTHONHASHSEED": "123"}),
    Fault(
        "stderr is an object that can only write",
        AFTER,
        last="""
class Only:
    def write(self, text): os.write(1, text.encode())
    def flush(self): pass
sys.stderr = Only()
""",
        tags=_STDERR,
    ),
    Fault(
        "stdout is an object that can only write",
        AFTER,
        middle="""
class Plain:
    def write(self, text): os.write(1, text.encode())
    def flush(self): pass
sys.stdout = Plain()
""",
        tags=frozenset({"stdout"}),
    ),
    Fault("stderr is None", AFTER, last="sys.stderr = None", tags=_STDERR),
    Fault("stderr is closed by the script", AFTER, last="sys.stderr.close()", tags=_STDERR),
    Fault(
        "subprocess raises",
        AFTER,
        last="""
import subprocess
def refuse(*args, **options): raise RuntimeError("no processes here")
subprocess.run = subprocess.Popen = subprocess.call = refuse
""",
        tags=_CHILD,
    ),
    Fault(
        "subprocess says what it starts",
        AFTER,
        last="""
import subprocess
begin = subprocess.Popen.__init__
def say(self, *args, **options): print("starting", args, options); raise OSError("refused")
subprocess.Popen.__init__ = say
""",
        tags=_CHILD | {"loud"},
    ),
    Fault(
        "no process can be had",
        AFTER,
        last="""
import subprocess, _posixsubprocess
def refuse(*args): raise BlockingIOError(11, "Resource temporarily unavailable")
subprocess._fork_exec = _posixsubprocess.fork_exec = refuse
""",
        tags=_CHILD,
    ),
    Fault("Python does not know its own path", AFTER, first="import sys; sys.executable = None", tags=_CHILD),
    Fault("Python's path is wrong", AFTER, last="sys.executable = '/nowhere/python'", tags=_CHILD),
    Fault(
        "no thread can be had",
        AFTER,
        first="""
import threading
def refuse(self): raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
""",
        tags=frozenset({"thread"}),
    ),
    Fault("time.sleep raises", AFTER, last="time.sleep = None"),
    Fault("an alarm is set", AFTER, last="import signal; signal.alarm(3)", tags=frozenset({"alarm"})),
    *(
        Fault(
            f"{name} while the run is stored",
            AFTER,
            last=_SIGNAL_WHILE_STORING.format(name=name),
            tags=_CHILD | {"sent"},
        )
        for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGALRM")
    ),
    Fault(
        "children's ends are ignored",
        AFTER,
        last="import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
        tags=frozenset({"SIGCHLD"}),
    ),
    Fault(
        "children's ends are said",
        AFTER,
        last="""
import signal
signal.signal(signal.SIGCHLD, lambda number, frame: print("a child ended", flush=True))
""",
        tags=frozenset({"SIGCHLD", "children"}),
    ),
    Fault(
        "the script's own last words",
        AFTER,
        first="import atexit; atexit.register(lambda: print('at exit', flush=True))",
    ),
    Fault("the script's last words raise", AFTER, first="import atexit; atexit.register(lambda: 1 / 0)"),
    Fault(
        "a thread outlives the main one",
        AFTER,
        last="""
import threading
threading.Thread(target=lambda: (time.sleep(0.2), print("from the thread", flush=True))).start()
""",
        tags=frozenset({"thread", "stdout", "late"}),
    ),
    Fault("the environment is emptied", AFTER, last="os.environ.clear()"),
    Fault("the working folder is left", AFTER, last="os.chdir('/')"),
    Fault("json is replaced", AFTER, last="import json; json.dumps = json.loads = None"),
    Fault("exit status 3", AFTER, last="sys.exit(3)", tags=_ENDS),
    Fault("exit status -1", AFTER, last="raise SystemExit(-1)", tags=_ENDS),
    Fault("an exit with a message", AFTER, last="sys.exit('enough')", tags=_ENDS | _STDERR),
    Fault("an exception", AFTER, last="raise ValueError('two\\nlines') from KeyError('cause')", tags=_ENDS | _STDERR),
    Fault(
        "an exception that is none of Python's",
        AFTER,
        last="""
class Mine(BaseException):
    def __str__(self): raise RuntimeError("no text")
raise Mine
""",
        tags=_ENDS | _STDERR,
    ),
    Fault(
        "an excepthook of its own",
        AFTER,
        last="""
sys.excepthook = lambda kind, error, traceback: print("hook", kind.__name__, traceback.tb_frame.f_code.co_name)
{}["missing"]
""",
        tags=_ENDS,
    ),
    Fault("Ctrl-C", AFTER, last="raise KeyboardInterrupt", tags=_ENDS | _STDERR),
    Fault("os._exit", AFTER, last="os._exit(5)", tags=_ENDS),
    Fault("killed", AFTER, last="os.kill(os.getpid(), 9)", tags=_ENDS),
    Fault("terminated", AFTER, last="os.kill(os.getpid(), 15)", tags=_ENDS),
    Fault("an exception in the middle", AFTER, middle="raise RuntimeError('CUDA out of memory')", tags=_ENDS | _STDERR),
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
        tags=_STDERR | {"descriptors"},
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
        first="import click, pluggy, platformdirs, rich; print(click.mine)",
        prepare=_files(
            [f"{name}.py" for name in ("click", "pluggy", "platformdirs", "rich", "sqlalchemy", "yaml")],
            "mine = 'mine'\n",
        ),
        tags=frozenset({"zip"}),
    ),
    Fault(
        "a module of its own called advisor",
        BESIDE,
        first="import advisor; print(advisor.mine)",
        prepare=_file("advisor.py", "mine = 'mine'\n"),
        shell='cd / && exec "$@"',  # python -m would take it for ours
        tags=frozenset({"zip", "working folder", "stream"}),
    ),
    Fault("a zip file", BESIDE, prepare=_in_a_zip, tags=frozenset({"zip", "source", "spawn", "working folder"})),
    Fault(
        "the working folder has modules called like ours",
        UNASKED,
        prepare=_files(
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
        prepare=_file("sqlalchemy/__init__.py", _LEAVES_A_FILE),
        tags=frozenset({"zip"}),
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
