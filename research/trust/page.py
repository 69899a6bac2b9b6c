"""Writes the page on promises: ``python -m research.trust.page > docs/promises.md``."""

from __future__ import annotations

import json

from research.pages.rendering import DOCS, render
from research.trust.chaos import MOST
from research.trust.faults import FAULTS

CHAOS = [
    # training, what the last ``make -C research trust`` found, options of the command
    ("softmax regression on NumPy, with timm's names", "promises-chaos.json", " --seed 22"),
    ("a network of timm", "promises-chaos-timm.json", " --training tests/scripts/real --seed 7"),
]

RECORDS = "records/recording"
TIMM = "plugins/advisor_timm"
ELSEWHERE = [
    # promise, fault, test
    ("Bits stay the same", "every handler of the plugin for timm fails", f"{TIMM}/test_unchanged.py"),
    (
        "Bits stay the same",
        "a plugin fails, the spool vanishes, the disk is full, the clock jumps",
        f"{TIMM}/test_unchanged.py",
    ),
    (
        "Watched functions are what they were",
        "pickled by reference and by value, inspected, compiled with torch.compile(fullgraph=True), taken before",
        f"{TIMM}/test_watching.py",
    ),
    (
        "What a signal handler raises reaches the script",
        "it raises in the middle of our code; handlers of every form",
        "records/test_interruption.py",
    ),
    (
        "The end is undisturbed",
        "exceptions of every kind, signals, a time limit, handlers that are left",
        f"{RECORDS}/test_undisturbed.py",
    ),
    (
        "A script runs as Python runs it",
        "exit status, exceptions, hooks, threads, forks, syntax errors, encodings",
        f"{RECORDS}/test_launcher.py",
    ),
    (
        "No thread of ours is beside a fork",
        "a fork between lines, and while a line is written",
        f"{RECORDS}/test_writer.py",
    ),
    (
        "A record says how its run ended",
        "sys.exit, exit and quit with a status, caught or not; Ctrl-C, SIGTERM, kill -9",
        f"{RECORDS}/test_exits.py",
    ),
    ("A record has the processes that trained", "the process group is gone at the end", f"{TIMM}/test_processes.py"),
    (
        "A run is in its store, once",
        "kill -9 while storing, many processes at once, damaged and cut lines",
        "records/store/test_sync.py",
    ),
    (
        "One spool keeps nothing of the others from the store",
        "values that no database holds; pipes, devices, folders and endless lines as spools",
        "records/store/test_sync_apart.py",
    ),
    (
        "A run is in the store it was started for",
        "two projects with one spool folder",
        "records/store/test_sync_apart.py",
    ),
    (
        "None waits for ever",
        "imports of the same runs in other orders at once, on SQLite and PostgreSQL",
        "records/importing/test_imports_at_once.py",
    ),
    (
        "A store is never lost",
        "copied while others write; damaged, lost, restored from an older copy, from one of an older version",
        "records/store/test_backup.py",
    ),
    (
        "Settings are the project's",
        "files of other users, repositories inside, pipes, endless files, no home",
        "test_config.py",
    ),
    (
        "Nothing of the working folder is run",
        "modules and metadata of plugins there, by every command and its helper processes",
        "test_plugins.py",
    ),
    ("A plugin hurts nobody", "it raises, hangs, cannot be loaded, misspells a hook", "test_plugins.py"),
    (
        "Foreign text is text",
        "control characters and escapes for terminals, formulas for spreadsheets",
        "test_safe_text.py",
    ),
    (
        "What is read has a limit of size, depth and time",
        "pipes, devices, /dev/zero, aliases of YAML, nested tuples in a checkpoint, 300,000 arguments",
        "test_bounded.py",
    ),
    (
        "No secret is recorded",
        "names in compounds and plurals, keys by the forms of their services, addresses, texts; older records",
        "records/privacy/test_secrets.py",
    ),
    (
        "Records are their owner's alone",
        "any umask; spools, stores and folders that older versions left open",
        "records/privacy/test_private_files.py",
    ),
    (
        "The served page is told to nobody else",
        "no token, another host, slow, many and broken connections",
        "report/test_serve.py",
    ),
    (
        "Advice without LightGBM is LightGBM's to the last bit",
        "any trees, any rows, values beside every threshold",
        "learn/test_trees.py",
    ),
    ("Windows is no surprise", "what its Python lacks, its paths and quoting", "test_windows.py"),
    (
        "The versions that are asked for are enough",
        "the oldest of every dependency, on Python 3.10 and 3.13 (`make minimum-versions`)",
        "test_release.py",
    ),
]


def page() -> str:
    """Return the page as Markdown."""
    promises: dict[str, list[str]] = {}
    for fault in FAULTS:
        promises.setdefault(fault.promise, []).append(fault.name)
    chaos = [(name, json.loads((DOCS / file).read_text(encoding="utf-8")), options) for name, file, options in CHAOS]
    return render("promises", promises=promises, elsewhere=ELSEWHERE, most=MOST, chaos=chaos)


if __name__ == "__main__":
    print(page(), end="")
