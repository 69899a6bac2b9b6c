"""Every test has settings and a store of its own, and loads no plugin that happens to be installed."""

from advisor.testing import own_settings

__all__ = ["own_settings"]
