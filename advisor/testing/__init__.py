"""Fixtures for people who write plugins; needs pytest.

In the ``conftest.py`` of a plugin::

    from advisor.testing import own_settings  # every test gets settings, store and spool of its own

and in its tests ``load_plugin``, ``record_run_with`` and ``image_sample``. Whatever a plugin raises, which would be
contained and logged in a user's training, is raised in the test.
"""

from __future__ import annotations

from advisor.testing.fixtures import isolate, own_settings
from advisor.testing.plugins import RecordedRun, image_sample, load_plugin, record_run_with

__all__ = ["RecordedRun", "image_sample", "isolate", "load_plugin", "own_settings", "record_run_with"]
