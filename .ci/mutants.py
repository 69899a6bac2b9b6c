"""Mutation testing: tells which small changes of some modules are noticed by the tests that mirror them.

mutmut changes the code in a copy. Its own run sets up every fixture again for a mutant; here what tests share is set up
once, and a forked process a mutant runs those that reach it until one fails. See docs/testing.md.

``mutants/verdicts.jsonl`` holds a line a mutant; ``mutmut show MUTANT`` prints one. Called again, what was noticed is
left out and what lived is tried again. Changes in what runs while a module is imported cannot be noticed.
"""

from __future__ import annotations

import fnmatch
import gc
import json
import os
import random
import resource
import select
import signal
import sys
from collections import Counter, defaultdict
from pathlib import Path

import mutmut.mutation.trampoline as trampoline
import pytest
from _pytest.runner import runtestprotocol
from mutmut.__main__ import create_mutants
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir
from mutmut.utils.format_utils import mangled_name_from_mutant_name

VERDICTS = Path("verdicts.jsonl")
SECONDS, TIMES, WALL = 3, 10, 3
"""Tests may take so many seconds of a processor and so many times as long as usual; each by the clock, WALL seconds."""


class Mutants:
    """Runs, instead of every test once, for every mutant the tests that reach it, until one fails."""

    def __init__(self, pattern: str) -> None:
        known = [json.loads(file.read_text())["exit_code_by_key"] for file in Path().rglob("*.py.meta")]
        lines = VERDICTS.read_text().splitlines() if VERDICTS.exists() else []
        noticed = {verdict["mutant"] for verdict in map(json.loads, lines) if verdict["noticed by"]}
        self.names = sorted({*fnmatch.filter((name for names in known for name in names), pattern)} - noticed)
        random.Random(0).shuffle(self.names)  # what is done when a run is stopped is a fair sample
        self.reached_by: dict[str, set[pytest.Item]] = defaultdict(set)
        self.seconds: dict[pytest.Item, float] = {}
        self.noticed: dict[str, Counter[str]] = defaultdict(Counter)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Test the mutants."""
        self.measure(session.items)
        with VERDICTS.open("a", buffering=1) as file:
            for number, name in enumerate(self.names, 1):
                print(json.dumps({"mutant": name, "noticed by": self.judge(session, name)}), file=file)
                print(f"\r{number} of {len(self.names)}", end="", flush=True)
        return True

    def measure(self, items: list[pytest.Item]) -> None:
        """Run the tests on the code as it is; what they share stays set up, for all mutants."""
        reached: set[str] = set()
        trampoline.record_trampoline_hit = lambda name, caller=None: reached.add(name)
        trampoline.set_mutant_under_test("stats")
        session = items[0].session  # which stays set up; the first test sets up for all
        for item, following in zip([items[0], *items], [session, *items[1:], session], strict=True):
            reached.clear()
            start = sum(os.times()[:4])
            passed = all(report.passed for report in runtestprotocol(item, log=False, nextitem=following))
            self.seconds[item] = sum(os.times()[:4]) - start
            if not passed:
                print(f"left out, as it does not pass without a mutant: {item.nodeid}")
            for function in reached if passed else ():
                self.reached_by[function].add(item)

    def judge(self, session: pytest.Session, name: str) -> str:
        """Return what noticed a mutant: a test, the time, a crash; empty if nothing did."""
        function = mangled_name_from_mutant_name(name)
        noticed = self.noticed[function]
        items = sorted(self.reached_by[function], key=lambda item: (-noticed[item.nodeid], self.seconds[item]))
        limit = SECONDS + int(TIMES * sum(self.seconds[item] for item in items))
        ours, theirs = os.pipe()
        gc.freeze()
        child = os.fork()
        if not child:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            run(session, name, items, theirs)
        os.close(theirs)
        by = os.read(ours, 1000).decode() or "crash" if select.select([ours], [], [], WALL * limit)[0] else "time"
        os.close(ours)
        os.killpg(child, signal.SIGKILL)  # with what its tests started
        os.waitpid(child, 0)
        noticed[by] += 1
        return by.strip()


def run(session: pytest.Session, name: str, items: list[pytest.Item], pipe: int) -> None:
    """Run tests with a mutant, write which fails first, and end the process."""
    for output in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    trampoline.set_mutant_under_test(name)
    for item, following in zip(items, [*items, session][1:], strict=True):
        item.repr_failure = item._repr_failure_py = lambda *_, **__: ""  # nobody reads it, and it takes long
        if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
            os.write(pipe, item.nodeid.encode())
            break
    else:
        os.write(pipe, b" ")
    os._exit(0)


if __name__ == "__main__":
    copy_src_dir()
    copy_also_copy_files()
    create_mutants(1)
    os.chdir("mutants")
    arguments = ["-p", "no:cacheprovider", "--assert=plain", "--capture=no", *sys.argv[2:]]
    sys.exit(pytest.main(arguments, plugins=[Mutants(sys.argv[1])]))
