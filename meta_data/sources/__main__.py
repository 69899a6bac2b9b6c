"""``python -m advisor._meta_data.sources``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from advisor._meta_data.sources import build_dataset, list_datasets
from advisor._meta_data.sources.duplicates import find_overlaps
from advisor.describe.near_duplicates import MAX_SHARE
from advisor.errors import AdvisorError


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "all_", is_flag=True, help="Build every dataset.")
@click.option("--list", "list_", is_flag=True, help="Only list the datasets, with their groups and labels.")
@click.option("--check-duplicates", is_flag=True, help="Look for images that different groups share; status 1 if many.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), default=Path("data"), show_default=True)
def main(names: tuple[str, ...], all_: bool, list_: bool, check_duplicates: bool, data_dir: Path) -> None:
    """Build datasets as NAME/{train,validation}/CLASS/N.png; those that are there are left as they are."""
    if list_:
        for spec in list_datasets():
            click.echo(f"{spec.name:24} {spec.group:10} {spec.labels}")
        return
    if check_duplicates:
        sys.exit(_report_duplicates(data_dir))
    wanted = tuple(spec.name for spec in list_datasets()) if all_ else names
    if not wanted:
        raise click.UsageError("name a dataset, or give --all or --list")
    for name in wanted:
        try:
            click.echo(build_dataset(name, data_dir))
        except AdvisorError as error:
            raise click.ClickException(str(error)) from error


def _report_duplicates(data_dir: Path) -> int:
    overlaps = find_overlaps(data_dir, {spec.name: spec.group for spec in list_datasets()})
    for overlap in overlaps:
        verdict = "too much" if overlap.too_much else "tolerated"
        click.echo(f"{overlap.share:6.1%} {verdict:9} {overlap.first} ~ {overlap.second}")
    many = sorted({" and ".join(sorted(overlap.groups)) for overlap in overlaps if overlap.too_much})
    click.echo(
        f"groups that share more than {MAX_SHARE:.0%} of a dataset's images: {', '.join(many) or 'none'}", err=True
    )
    return 1 if many else 0


main()
