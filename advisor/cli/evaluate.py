"""``advisor evaluate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from advisor.cli.terminal.output import echo, echo_json, format_option, print_rows
from advisor.cli.terminal.progress import working
from advisor.errors import UsageError

_NUMBERS = ("mean regret", "95 % interval", "median", "points lost", "advice better", "same", "much worse", "p")


@click.command()
@click.option("--finetuning", is_flag=True, help="Judge fine-tuning from ImageNet weights, which is judged apart.")
@click.option("--contexts", is_flag=True, help="Also show the table of every context: optimizer, start, model, sizes.")
@click.option("--adaptive", is_flag=True, help="Also show the regret after own runs, against random search.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes.  [default: one per core]")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw regret against trials into this .svg or .png."
)
@format_option
def evaluate(
    finetuning: bool, contexts: bool, adaptive: bool, workers: int | None, plot: Path | None, format_: str
) -> None:
    """Measure the advice on the shipped evidence, every source of datasets held out in turn."""
    if plot is not None and finetuning:
        raise UsageError("the plot is of trainings from scratch", hint="leave out --plot, or --finetuning")
    from advisor.api import Advisor

    with working("judging the advice on the shipped evidence"):
        summary = Advisor().evaluate(finetuning=finetuning, workers=workers)
    if plot is not None:
        from advisor.evaluate.plot import plot_regret

        plot_regret(summary, plot)
    if format_ == "json":
        echo_json(summary, indent=1)
        return
    _print_methods(summary["methods"])
    if contexts:
        for name, rows in summary["contexts"].items():
            echo(f"\n{name}")
            _print_methods(rows)
    if finetuning:
        for line in _fine_tuning_notes(summary):
            echo(line)
        return
    if adaptive:
        echo("\nRegret of the best so far, the advice being conditioned on own runs on the same dataset")
        _print_adaptive(summary["adaptive"])
    for line in _notes(summary):
        echo(line)


def _print_methods(rows: Sequence[Mapping[str, Any]]) -> None:
    cells = [
        [
            row["method"],
            f"{row['mean_regret']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            f"{row['median_regret']:.3f}",
            f"{row['points_lost']:.1f}",
            *("" if row[name] is None else f"{row[name]:.0%}" for name in _SHARES),
            "" if row["p_value"] is None else f"{row['p_value']:.3g}",
        ]
        for row in rows
    ]
    print_rows(("method", *_NUMBERS), cells, right=_NUMBERS)
    echo(f"{rows[0]['cases']} cases of {rows[0]['groups']} groups; regret 0 is the best known, 1 a median one.")


def _print_adaptive(rows: Sequence[Mapping[str, Any]]) -> None:
    from advisor.evaluate.adaptive import TRIALS

    methods = [name for name in rows[0] if name not in ("own_runs", "cases", "groups")]
    cells = [
        [str(row["own_runs"]), str(row["cases"]), str(row["groups"]), *(f"{row[name]:.3f}" for name in methods)]
        for row in rows
    ]
    headers = ("own runs", "cases", "groups", *methods)
    print_rows(headers, cells, right=headers)
    shown = {row["own_runs"] for row in rows}
    for k in (k for k in TRIALS if k not in shown):
        echo(f"{k} own runs: no recorded case has the {k + 1} random configurations that the baselines need")


def _fine_tuning_notes(summary: Mapping[str, Any]) -> list[str]:
    """Return what is to be said beside the table of fine-tuning, a sentence a line."""
    trials, intervals, behind = summary["trials"], summary["intervals"], summary["behind"]
    notes = [
        f"The first suggestion equals the expected best of {trials['median']:.0f} random trials: median of "
        f"{trials['cases']} cases; {trials['cut_off']:.0%} of them have no more than such trials to compare with.",
        f"It falls more than 3 points behind AdamW at 1e-3 in {len(behind)} cases.",
        f"{intervals['coverage']:.0%} of the outcomes lay in their {intervals['level']:.0%} intervals, "
        f"{intervals['width']:.0f} points wide on average.",
    ]
    for batch_size, found in summary["sgd_batches"].items():
        notes.append(
            f"SGD at batch {batch_size}: {found['points_lost']:+.1f} points lost to lr {found['best_rate']:g}, the "
            f"fixed rate that was best on average ({found['cases']} cases)."
        )
    return notes


_SHARES = ("advice_better", "advice_same", "advice_much_worse")


def _notes(summary: Mapping[str, Any]) -> list[str]:
    """Return what is to be said beside the table, a sentence a line."""
    notes = []
    if summary["noise"] is not None:
        notes.append(
            f"Noise floor: equal runs with other seeds differ by {summary['noise']:.2f} points (median standard "
            "deviation). Much worse: by more than that and a point, where the evaluation split has 1,000 images."
        )
    trials = summary["trials"]
    if trials["at_cap"] is not None:
        free = "" if trials["free"] is None else f" ({trials['free']:.0f} where they draw their epochs too)"
        notes.append(
            f"The advice equals the expected best of {trials['at_cap']:.0f} random trials at the most epochs{free}: "
            f"median of {trials['cases']} cases of {trials['groups']} groups with 64 or more such trials."
        )
    balanced, intervals = summary["balanced"], summary["intervals"]["advice"]
    notes.append(
        f"--prefer balanced saves {balanced['epochs_saved']:.0%} of the epochs and loses {balanced['points_lost']:.1f} "
        "points."
    )
    notes.append(
        f"{intervals['coverage']:.0%} of the outcomes lay in their {intervals['level']:.0%} intervals, "
        f"{intervals['width']:.0f} points wide on average."
    )
    return notes
