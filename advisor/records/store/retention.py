"""How long runs are kept: the policy in the settings, and what it removes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from advisor.config import Config, ages
from advisor.errors import UsageError
from advisor.records.schema import Status
from advisor.records.store.selection import Selection
from advisor.records.store.store import Store
from advisor.records.store.sync import forget

_ALL = "all"


def outdated(store: Store, policy: str, now: datetime | None = None) -> list[str]:
    """Return the ids of the runs that a policy keeps no longer; one that is RUNNING is kept.

    Parameters
    ----------
    store : Store
        Of the runs.
    policy : str
        The setting ``retention``: days by status; those of ``all`` count for every status that is not named.
    now : datetime, optional
        By default the time it is.

    Raises
    ------
    UsageError
        If it names a status that there is not.
    """
    days = ages(policy)
    unknown = next((name for name in days if name != _ALL and name not in Status.__members__), None)
    if unknown is not None:
        raise UsageError(
            f"retention names the status {unknown}", hint=f"one of {_ALL}, {', '.join(Status.__members__)}"
        )
    now = datetime.now(timezone.utc) if now is None else now
    found = []
    for status in Status:
        kept = days.get(status.value, days.get(_ALL))
        if kept is not None and status is not Status.RUNNING:
            found += store.run_ids(Selection(status=status, before=now - timedelta(days=kept)))
    return sorted(found)


def retain(store: Store, config: Config) -> int:
    """Remove what the configured policy keeps no longer, with its spools; return how many runs that were."""
    gone = outdated(store, config["retention"])
    if gone:
        forget(store, config["spool_dir"], gone)
    return len(gone)
