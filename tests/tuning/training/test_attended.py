"""A training ends when whoever waits for it lets go of it."""

import os
import signal
import time

import pytest

from advisor.config import Config
from advisor.tuning.training.process import LOG, TrialProcess

pytestmark = pytest.mark.slow
SCRIPT = """
import time
print("waits", flush=True)
try:
    time.sleep(600)
except KeyboardInterrupt:
    print("told")
"""


@pytest.fixture(params=[False, True], ids=["as here", "as in a worker of Ray"])
def blocked(request):
    """Block Ctrl-C, which processes that are started inherit."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT} if request.param else set())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.skipif(os.name == "nt", reason="Windows wakes no sleep")
def test_a_script_that_waits_is_woken_and_told(tmp_path, blocked):
    script = tmp_path / "waits.py"
    script.write_text(SCRIPT)
    process = TrialProcess([str(script)], tmp_path / "trial", Config().environment())
    log = tmp_path / "trial" / LOG
    while "waits" not in log.read_text():
        assert process.status is None, log.read_text()
        time.sleep(0.05)
    process.tell()
    while process.status is None:
        time.sleep(0.05)
    assert "told" in log.read_text()
    assert process.status == 0
