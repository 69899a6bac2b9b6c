"""``advisor describe``: what a dataset is like and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from advisor.cli.terminal.completion import paths
from advisor.cli.terminal.output import echo_json, format_option
from advisor.cli.terminal.progress import progress_bar
from advisor.safe_text import one_line
from advisor.space.words import counted

if TYPE_CHECKING:
    from advisor.describe.dataset import Description

_BARS = 12
"""Rows of the histogram of class sizes; more classes than this share rows."""


@click.command()
@click.option(
    "--dataset",
    "source",
    required=True,
    metavar="PATH",
    shell_complete=paths,
    help="Folder, archive, table or timm name of a dataset.",
)
@click.option(
    "--class-map", metavar="FILE", help="File of timm's --class-map: the class folders that are meant, one a line."
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Decides which images are drawn."
)
@click.option(
    "--probe",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Train a tiny network at a few learning rates for at most this long (needs the extra timm).",
)
@click.option("--contact-sheet", type=click.Path(path_type=Path), help="Write images of each class to this PNG file.")
@format_option
def describe(
    source: str, class_map: str | None, seed: int, probe: float | None, contact_sheet: Path | None, format_: str
) -> None:
    """Describe an image dataset and what is wrong with it."""
    from advisor.describe.dataset import describe as describe_dataset
    from advisor.describe.dataset import open_dataset
    from advisor.describe.sources.class_map import of_class_map

    dataset = of_class_map(open_dataset(source), class_map)
    with progress_bar() as progress:
        description = describe_dataset(dataset, seed=seed, probe_seconds=probe, progress=progress)
    if contact_sheet is not None:
        from advisor.describe.contact_sheet import write_contact_sheet

        write_contact_sheet(dataset, contact_sheet, seed=seed)
    if format_ == "json":
        echo_json(description.to_json())
        return
    _print(description)


def _print(description: Description) -> None:
    from rich.text import Text

    from advisor.safe_console import SafeConsole

    console, dataset = SafeConsole(soft_wrap=True), description.dataset
    console.print(Text.assemble((one_line(dataset.name), "bold"), f"  {description.kind}, {dataset.dataset_id}"))
    console.print(
        f"{dataset.n_train:,} training and {counted(dataset.n_eval, 'validation image')} of "
        f"{counted(dataset.n_classes, 'class', 'classes')}"
    )
    console.print("\nTraining images a class", style="bold")
    block = "█" if console.encoding.lower().startswith("utf") else "#"
    for label, count, length in _histogram(description.class_counts):
        console.print(f"  {one_line(label):<24} {count:>8,} {block * length}")
    console.print(f"\nWhat a sample of {counted(description.n_drawn, 'image')} shows", style="bold")
    for title, text in _in_words(dataset.features):
        console.print(f"  {title:<16} {text}")
    if description.warnings:
        console.print("\nWarnings", style="bold")
    for warning in description.warnings:
        console.print(f"  - {one_line(warning)}")
    for title, listed in (("Unreadable", description.unreadable), ("Skipped", description.skipped)):
        for path in listed[:10]:
            console.print(f"  {title}: {one_line(path)}")
        if len(listed) > 10:
            console.print(f"  ... and {len(listed) - 10:,} more, all in --format json")


def _in_words(features: dict[str, float]) -> list[tuple[str, str]]:
    """Return what the features that people can use say, title and text."""
    side, spread = 2 ** features["log_side"], features["side_spread"]
    sizes = "all alike" if spread == 0 else f"the larger ones {2**spread:.1f} times the smaller"
    rows = [
        ("image size", f"{side:.0f} pixels a side, {sizes}"),
        (
            "colour",
            f"{100 * features['grey_share']:.0f} % grey, {100 * features['alpha_share']:.0f} % with transparency",
        ),
    ]
    if "patch_skill" in features:  # unknown where every class has a single image
        patch, pixel = 100 * features["patch_skill"], 100 * features["lda_skill"]
        rows += [
            (
                "simple models",
                f"{patch:.0f} % of the way from guessing to perfect with local patterns, {pixel:.0f} % with pixels",
            ),
            ("more data", f"four times as much was worth {100 * features['patch_slope']:.0f} points of that"),
            ("wrong labels?", f"{100 * features['noise']:.0f} % look like another class"),
        ]
    rows.append(("near-duplicates", f"{100 * features['near_duplicates']:.0f} % have one"))
    if "probe_log_lr" in features:
        rate, reached = 10 ** features["probe_log_lr"], 100 * features["probe_skill"]
        rows.append(("probe", f"best learning rate {rate:.1e} (AdamW); a tiny network gets {reached:.0f} % of the way"))
    rows.append(("all features", f"{len(features)}, with --format json"))
    return rows


def _histogram(counts: dict[str, int], width: int = 40) -> list[tuple[str, int, int]]:
    """Return (label, images, length of its bar) a class, largest first; many classes in runs."""
    ordered = sorted(((n, label) for label, n in counts.items()), key=lambda row: (-row[0], row[1]))
    top = max(1, ordered[0][0])
    step = -(-len(ordered) // _BARS)
    rows = []
    for start in range(0, len(ordered), step):
        run = ordered[start : start + step]
        n = round(sum(count for count, _ in run) / len(run))
        label = run[0][1] if len(run) == 1 else f"classes {start + 1}-{start + len(run)} (mean)"
        rows.append((label[:24] or "(no name)", n, max(1 if n else 0, round(width * n / top))))
    return rows
