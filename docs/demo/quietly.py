"""Runs a long command of the set-up: its output is shown only if it fails, and during it that it goes on.

``python quietly.py MESSAGE COMMAND...``
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

EVERY_SECONDS = 15.0
"""How often a line says that work goes on where no terminal shows a clock."""


def main(message: str, command: list[str]) -> int:
    """Run a command and return its exit status."""
    terminal, began, told = sys.stdout.isatty(), time.monotonic(), 0.0
    print(f"==> {message}", flush=True)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        while process.poll() is None:
            time.sleep(0.2)
            passed = time.monotonic() - began
            if terminal:
                print(f"\r    {int(passed) // 60}:{int(passed) % 60:02} ", end="", flush=True)
            elif passed - told >= EVERY_SECONDS:
                told = passed
                print(f"    {passed:.0f} s", flush=True)
        print(f"{chr(13) if terminal else ''}    done in {time.monotonic() - began:.0f} s", flush=True)
        if process.returncode:
            output.seek(0)
            print(output.read().decode(errors="replace"), file=sys.stderr)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
