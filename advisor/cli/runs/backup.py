"""``advisor records backup`` and ``restore``: a copy of the store, and back."""

from __future__ import annotations

from pathlib import Path

import click

from advisor.cli.terminal.output import confirm, echo, echo_json, format_option
from advisor.cli.terminal.progress import working
from advisor.space.words import counted


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Copy the store into FILE, whole and as it is at one moment, whoever writes it during this.

    A FILE of before stays until the copy is complete.
    """
    from advisor.cli.runs.store import open_store
    from advisor.config import Config
    from advisor.records.store.backup import back_up

    store = open_store()
    with working("copying the store"):
        back_up(Config()["store"], file)
    echo(f"Wrote {counted(store.counts()['runs'], 'run')} to {file}.", err=True)


@click.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask.")
@format_option
def restore(file: Path, yes: bool, format_: str) -> None:
    """Put FILE, which `advisor records backup` wrote, in the place of what the store holds.

    What runs have written since is then taken from their spools again.
    """
    from advisor.config import Config, store_name
    from advisor.records.store.backup import restore as put_back
    from advisor.records.store.store import Store
    from advisor.records.store.sync import sync_own

    config = Config()
    if not yes and not confirm(f"Replace the store {store_name(config['store'])} by {file}?"):
        echo("Nothing was replaced.", err=True)
        return
    with working("putting the copy back and taking in what runs have written since"):
        damaged = put_back(config["store"], file)
        store = Store(config["store"])
        held = store.counts()["runs"]
        report = sync_own(store, config, archived=True)
    if format_ == "json":
        runs = store.counts()["runs"]
        echo_json({"runs": runs, "restored": held, "taken_again": report.runs, "moved": damaged and str(damaged)})
        return
    echo(f"Restored {counted(held, 'run')}; {counted(report.runs, 'run')} taken from spools since.")
    if damaged is not None:
        echo(f"The store was damaged; it is kept as {damaged}.", err=True)
