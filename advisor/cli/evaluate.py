"""``advisor evaluate``."""

from __future__ import annotations

import json

import click

from advisor.cli.output import print_rows


@click.command()
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
def evaluate(format_: str) -> None:
    """Measure the advice on the shipped evidence, every source of datasets held out in turn."""
    from advisor.describe.model import describe_model
    from advisor.evaluate.protocol import evaluate as judge
    from advisor.learn.artefact import digest
    from advisor.learn.table import build_table
    from advisor.records.evidence import load_evidence

    evidence = load_evidence()
    table = build_table(evidence.runs, evidence.datasets, lambda name, size: describe_model(name).features(size))
    result = judge(table)
    rows, trials = result.rows(), result.trials()
    if format_ == "json":
        answer = {"data_sha256": digest(table), "runs": len(table), "noise": result.noise}
        click.echo(json.dumps({**answer, "equivalent_trials": trials, "methods": rows}, indent=1))
        return
    numbers = ("mean regret", "95 % interval", "median", "points lost", "advice better", "p")
    cells = [
        [
            row["method"],
            f"{row['mean_regret']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            f"{row['median_regret']:.3f}",
            f"{row['points_lost']:.1f}",
            f"{row['advice_better']:.0%}",
            "" if row["p_value"] is None else f"{row['p_value']:.3g}",
        ]
        for row in rows
    ]
    print_rows(("method", *numbers), cells, right=numbers)
    click.echo(f"{rows[0]['cases']} cases of {rows[0]['groups']} groups; regret 0 is the best known, 1 a median one.")
    if result.noise is not None:
        click.echo(
            f"Noise floor: equal runs with other seeds differ by {result.noise:.2f} points "
            f"(median standard deviation), which is {rows[0]['noise_regret']:.3f} of regret."
        )
    if trials["cases"]:
        click.echo(
            f"The advice equals the expected best of {trials['median']:.0f} random trials "
            f"(median of {trials['cases']} cases with 64 or more)."
        )
