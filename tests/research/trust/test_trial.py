"""A training that is not what it was is seen; a page of the promises names tests that are there."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from research.trust.fault import Fault
from research.trust.faults import FAULTS
from research.trust.page import ELSEWHERE, page
from research.trust.trial import execute

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return execute([], tmp_path_factory.mktemp("plain"), [sys.executable])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("sys.exit(1)", "status: 0 became 1"),
        ("print('more')", "output: "),
        ("print('more', file=sys.stderr)", "errors: "),
        ("open(os.path.join(HERE, 'more'), 'w').close()", "files: "),
        ("utils.write_weights(os.path.join(HERE, 'weights.bin'), np.zeros(1))", "files: "),
    ],
)
def test_what_is_different_is_said(plain, tmp_path, code, said):
    changed = execute([Fault("changes something", "none", last=code)], tmp_path / "work", [sys.executable])
    changed = dataclasses.replace(changed, files={k: v for k, v in changed.files.items() if k != "train.py"})
    before = dataclasses.replace(plain, files={k: v for k, v in plain.files.items() if k != "train.py"})
    (different,) = changed.differences(before)
    assert different.startswith(said)


def test_the_training_is_recorded(tmp_path):
    """Else nothing would be shown of recording."""
    recorded = execute([], tmp_path / "work", [sys.executable, "-m", "advisor", "run"])
    assert (recorded.status, recorded.said) == (0, 0)
    (spool,) = (tmp_path / "work" / "home").rglob("ingested/*.jsonl")
    assert '"status":"FINISHED"' in spool.read_text()
    assert '"eval_top1":' in spool.read_text()


def test_faults_have_names_of_their_own():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_the_page_is_current_and_the_tests_on_it_are_there():
    assert (ROOT / "docs" / "promises.md").read_text(encoding="utf-8") == page(), "make -C research trust"
    for _, _, test in ELSEWHERE:
        assert (ROOT / "tests" / test).is_file(), test
