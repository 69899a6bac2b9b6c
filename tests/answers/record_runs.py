"""Records the runs that stdin names, a JSON list: ``fields`` of the run, its ``epochs``, and what it ``raises``."""

import contextlib
import json
import sys

import advisor


def main() -> None:
    for run in json.load(sys.stdin):
        with contextlib.suppress(RuntimeError), advisor.record_run(**run["fields"]) as active:
            for metrics in run.get("epochs", []):
                active.log_epoch(**metrics)
            if "raises" in run:
                raise RuntimeError(run["raises"])


if __name__ == "__main__":
    main()
