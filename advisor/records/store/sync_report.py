"""What a synchronisation did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class SyncReport:
    """What a synchronisation did."""

    runs: int = 0
    """Runs that had something new."""
    lines: int = 0
    stale: int = 0
    """Runs that were found dead."""
    unreadable: int = 0
    """Lines that were cut or damaged; they are passed over."""
    newer: int = 0
    """Spools that a newer version of this program writes; they are left for it."""
    closed: int = 0
    """Spools that may not be read, such as another user's; they are left for the next time."""
    foreign: int = 0
    """Spools of runs that were started for another store; they are left for that."""
    refused: dict[str, str] = field(default_factory=dict)
    """Spools that hold what the store cannot, with the reason; they are left where they are."""

    def add(self, other: SyncReport) -> None:
        """Add what another synchronisation did."""
        for name, count in vars(other).items():
            setattr(self, name, {**self.refused, **count} if name == "refused" else getattr(self, name) + count)
