"""Gives damaged datasets and damaged outputs of past trainings to the command line: no traceback, true refusals.

``python -m research.fuzzing.fuzz --inputs 2000 --seed 0 --sample 50``
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import click

from research.fuzzing.damage import damage
from research.fuzzing.datasets import DATASETS
from research.fuzzing.runs import RUNS

SECONDS = 120
"""How long one command may take before it counts as hanging."""


@dataclass(frozen=True)
class Outcome:
    """What became of one damaged input.

    Attributes
    ----------
    kind : str
        What was damaged.
    done : list of str
        How.
    status : int or None
        The exit status of the command; None if it raised something or hung.
    output, errors : str
        What it printed; the traceback where it raised.
    """

    kind: str
    done: list[str]
    status: int | None
    output: str
    errors: str

    @property
    def failed(self) -> bool:
        """Whether the command ended otherwise than it may: with a result, or an explained refusal."""
        refusal = self.status in (1, 2) and "Error: " in self.errors and "Next: " in self.errors
        return "Traceback" in self.errors or not (self.status == 0 or refusal)


def fuzz(inputs: int, seed: int, folder: Path) -> Iterator[Outcome]:
    """Yield what becomes of so many damaged inputs, datasets and past runs in turn.

    Parameters
    ----------
    inputs, seed : int
        How many, and where chance starts from.
    folder : Path
        For the inputs, one at a time, and for the program's own files.
    """
    sources = [("describe", name, make) for name, make in DATASETS.items()]
    sources += [("import", name, make) for name, make in RUNS.items()] * 2
    kept: dict[str, Path] = {}
    for number in range(inputs):
        rng = Random(f"{seed} {number}")
        command, name, make = sources[number % len(sources)]
        if name not in kept:
            clean = folder / "clean" / name.replace(" ", "-")
            clean.mkdir(parents=True)
            kept[name] = make(clean).relative_to(clean)
        work = folder / "input"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(folder / "clean" / name.replace(" ", "-"), work)
        done = damage(work, rng)
        given = str(work / kept[name])
        arguments = ["describe", "--dataset", given] if command == "describe" else ["records", "import", given]
        yield Outcome(f"{command} {name}", done, *_run(arguments))


def _run(arguments: list[str]) -> tuple[int | None, str, str]:
    from advisor.cli.root import main

    output, errors = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    status: int | None = None
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        before = signal.signal(signal.SIGALRM, _hung)
        signal.setitimer(signal.ITIMER_REAL, SECONDS, 1)  # again, as what waits may go on
        try:
            main(arguments)
        except SystemExit as ended:
            status = int(ended.code or 0)
        except BaseException:  # isolation: whatever it is, it is what is looked for
            traceback.print_exc()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    read = [stream.buffer.getvalue().decode("utf-8", "replace") for stream in (output, errors)]
    return status, read[0], read[1]


def _hung(number: int, frame: object) -> None:
    raise RuntimeError(f"more than {SECONDS} seconds")  # no OSError, which readers expect


def _short(output: str) -> str:
    """Return what a command printed without the charts."""
    return "".join(line for line in output.splitlines(keepends=True) if not line.startswith("  ") or "- " in line[:4])


@click.command()
@click.option("--inputs", default=2000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--sample", default=50, show_default=True, help="Refusals and notes that are printed to be read.")
def main(inputs: int, seed: int, sample: int) -> None:
    """Print what failed, a sample of what was refused or noted, and how often each outcome came."""
    counts: Counter[str] = Counter()
    kept: list[Outcome] = []
    rng = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            ADVISOR_STORE=f"sqlite:///{folder}/store.db", ADVISOR_CACHE_DIR=f"{folder}/cache", NO_COLOR="1"
        )
        for number, outcome in enumerate(fuzz(inputs, seed, Path(folder)), 1):
            what = "failed" if outcome.failed else "refused" if outcome.status else "taken"
            counts[f"{outcome.kind.partition(' ')[0]}: {what}"] += 1
            if outcome.failed:
                click.echo(f"FAILED {number} {outcome.kind}: {outcome.done}\n{outcome.errors}\n")
            elif len(kept) < sample:
                kept.append(outcome)
            elif rng.random() < sample / number:
                kept[rng.randrange(sample)] = outcome
            if number % 50 == 0:
                click.echo(f"{number} of {inputs}: {dict(counts)}", err=True)
    for outcome in kept:
        click.echo(f"{outcome.kind}: {outcome.done}\n{_short(outcome.output)}{outcome.errors}\n")
    for what, times in sorted(counts.items()):
        click.echo(f"{what}: {times}")


if __name__ == "__main__":
    main()
