"""How commands that read records open the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.cli.terminal.output import echo
from advisor.cli.terminal.progress import working
from advisor.errors import StoreError

if TYPE_CHECKING:
    from advisor.records.store.store import Store


def open_store() -> Store:
    """Open the configured store with everything that the spools hold taken into it.

    Where it can be read and not written, what the spools hold is left out, with a warning.
    """
    from advisor.config import Config
    from advisor.records.store.store import Store
    from advisor.records.store.sync import sync_own

    config = Config()
    store = Store(config["store"])
    try:
        with working("taking in what runs have written"):
            sync_own(store, config)
    except StoreError as error:
        echo(f"Warning: what runs have written since the last sync is left out: {error}.", err=True)
    return store
