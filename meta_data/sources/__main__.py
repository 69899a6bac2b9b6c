"""``python -m advisor._meta_data.sources``."""

from __future__ import annotations

from pathlib import Path

import click

from advisor._meta_data.sources import build_dataset, list_datasets
from advisor.errors import AdvisorError


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "all_", is_flag=True, help="Build every dataset.")
@click.option("--list", "list_", is_flag=True, help="Only list the datasets, with their groups and labels.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), default=Path("data"), show_default=True)
def main(names: tuple[str, ...], all_: bool, list_: bool, data_dir: Path) -> None:
    """Build datasets as NAME/{train,validation}/CLASS/N.png; those that are there are left as they are."""
    if list_:
        for spec in list_datasets():
            click.echo(f"{spec.name:24} {spec.group:10} {spec.labels}")
        return
    wanted = tuple(spec.name for spec in list_datasets()) if all_ else names
    if not wanted:
        raise click.UsageError("name a dataset, or give --all or --list")
    for name in wanted:
        try:
            click.echo(build_dataset(name, data_dir))
        except AdvisorError as error:
            raise click.ClickException(str(error)) from error


main()
