"""Does several random faults at once to a training, again and again: ``python -m research.trust.chaos``.

What each fault alone cannot show is shown here: faults that meet.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from research.trust.fault import BEFORE, Fault
from research.trust.faults import FAULTS
from research.trust.trial import TRAINING, compare

MOST = 5
"""Faults at once."""
_WITH_FAULTS_BEFORE = 0.3
"""Share of trainings with faults before the script, most of which leave the training unrecorded and hide the others."""


def compositions(number: int, seed: int) -> Iterator[list[Fault]]:
    """Yield sets of faults that can be done to one training together."""
    rng = random.Random(seed)
    for _ in range(number):
        chosen: list[Fault] = []
        taken: set[str] = set()
        some = rng.random() < _WITH_FAULTS_BEFORE
        faults = [fault for fault in FAULTS if some or fault.promise != BEFORE]
        for fault in rng.sample(faults, rng.randint(2, MOST)):
            if not taken & fault.tags:
                chosen.append(fault)
                taken |= fault.tags
        yield chosen


def _read(part: Path) -> dict[int, dict[str, Any]]:
    """Return what an interrupted call has found, by its number."""
    found = [json.loads(line) for line in part.read_text(encoding="utf-8").splitlines()]
    return {one["number"]: one for one in found}


def main() -> int:
    """Print a line for each composition and the number of trainings that were different; exit status 1 if any was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="compositions at a time")
    parser.add_argument("--training", type=Path, default=TRAINING, help="folder with train.py")
    parser.add_argument(
        "--out", type=Path, help="file for the result; FILE.part has what an interrupted call goes on from"
    )
    args = parser.parse_args()
    part = None if args.out is None else args.out.with_name(f"{args.out.name}.part")
    known = _read(part) if part is not None and part.exists() else {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(args.jobs) as pool:

        def find(number: int, faults: list[Fault]) -> dict[str, Any]:
            names = [fault.name for fault in faults]
            found = known.get(number, {})
            if found.get("faults") != names:
                different = compare(faults, Path(folder) / str(number), args.training)
                found = {"number": number, "faults": names, "different": different}
                line = f"{json.dumps(found)}\n"
                print(line, end="", flush=True)
                if part is not None:
                    with part.open("a", encoding="utf-8") as file:
                        file.write(line)
            return found

        drawn = compositions(args.number, args.seed)
        tried = list(pool.map(find, range(args.number), drawn))
    different = sum(bool(found["different"]) for found in tried)
    if args.out is not None and part is not None:
        today = time.strftime("%d %B %Y", time.gmtime()).lstrip("0")
        result = {
            "number": args.number,
            "faults": len(FAULTS),
            "seed": args.seed,
            "different": different,
            "date": today,
        }
        args.out.write_text(f"{json.dumps(result)}\n", encoding="utf-8")
        part.unlink(missing_ok=True)
    print(
        f"{args.number} compositions of {len(FAULTS)} faults, seed {args.seed}: {different} different, "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
