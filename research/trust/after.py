"""What can be wrong when a script has ended, and ways in which it ends."""

from __future__ import annotations

from research.trust.fault import AFTER, ENDS, STDERR, Fault

_CHILD = frozenset({"child"})
_SIGNAL_WHILE_STORING = """
import subprocess
sender = subprocess.Popen([sys.executable, "-c", '''
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
sender.returncode = 0  # nobody waits for it
"""
_THREAD = frozenset({"thread"})
_LEFT_BEHIND = _THREAD | {"sent"}
"""Beside such a thread storing is not waited for, and no signal can be sent while it is stored."""
_WHILE_STORING = """
import threading
from pathlib import Path
def act():
    children = Path(f"/proc/self/task/{{os.getpid()}}/children")
    while True:
        begun = children.read_text().split()
        if any(b"records\\0sync" in Path(f"/proc/{{child}}/cmdline").read_bytes() for child in begun):
            break
        threading.Event().wait(0.02)
    threading.Event().wait(0.3)  # by when the process is gone
    {}
threading.Thread(target=act, daemon=True).start()
"""

FAULTS_AFTER = [
    Fault(
        "stderr is an object that can only write",
        AFTER,
        last="""
class Only:
    def write(self, text): os.write(1, text.encode())
    def flush(self): pass
sys.stderr = Only()
""",
        tags=STDERR,
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
    Fault("stderr is None", AFTER, last="sys.stderr = None", tags=STDERR),
    Fault("stderr is closed by the script", AFTER, last="sys.stderr.close()", tags=STDERR),
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
        tags=_THREAD,
    ),
    Fault("time.sleep raises", AFTER, last="time.sleep = None"),
    Fault("an alarm is set", AFTER, last="import signal; signal.alarm(60)", tags=frozenset({"alarm"})),
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
        "a watchdog thread ends what does not end", AFTER, last=_WHILE_STORING.format("os._exit(9)"), tags=_LEFT_BEHIND
    ),
    Fault(
        "a thread left behind prints", AFTER, last=_WHILE_STORING.format("print('beat', flush=True)"), tags=_LEFT_BEHIND
    ),
    Fault("a thread left behind fails", AFTER, last=_WHILE_STORING.format("1 / 0"), tags=_LEFT_BEHIND),
    Fault(
        "faulthandler ends what does not end",
        AFTER,
        last="import faulthandler; faulthandler.dump_traceback_later(2, exit=True)",
    ),
    Fault(
        "functions that programs end with are gone",
        AFTER,
        last="import builtins; sys.exit = os.close = None; del builtins.isinstance",
        tags=ENDS,
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
    Fault("exit status 3", AFTER, last="sys.exit(3)", tags=ENDS),
    Fault("exit status -1", AFTER, last="raise SystemExit(-1)", tags=ENDS),
    Fault("an exit with a message", AFTER, last="sys.exit('enough')", tags=ENDS | STDERR),
    Fault("an exception", AFTER, last="raise ValueError('two\\nlines') from KeyError('cause')", tags=ENDS | STDERR),
    Fault(
        "an exception that is none of Python's",
        AFTER,
        last="""
class Mine(BaseException):
    def __str__(self): raise RuntimeError("no text")
raise Mine
""",
        tags=ENDS | STDERR,
    ),
    Fault(
        "an excepthook of its own",
        AFTER,
        last="""
sys.excepthook = lambda kind, error, traceback: print("hook", kind.__name__, traceback.tb_frame.f_code.co_name)
{}["missing"]
""",
        tags=ENDS,
    ),
    Fault("Ctrl-C", AFTER, last="raise KeyboardInterrupt", tags=ENDS | STDERR),
    Fault("os._exit", AFTER, last="os._exit(5)", tags=ENDS),
    Fault("killed", AFTER, last="os.kill(os.getpid(), 9)", tags=ENDS),
    Fault("terminated", AFTER, last="os.kill(os.getpid(), 15)", tags=ENDS),
    Fault("an exception in the middle", AFTER, middle="raise RuntimeError('CUDA out of memory')", tags=ENDS | STDERR),
]
