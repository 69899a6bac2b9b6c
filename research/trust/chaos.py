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
from pathlib import Path

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


def main() -> int:
    """Print a line for each composition and the number of trainings that were different; exit status 1 if any was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="go on with this one")
    parser.add_argument("--training", type=Path, default=TRAINING, help="folder with train.py")
    parser.add_argument("--out", type=Path, help="file for the result")
    args = parser.parse_args()
    different, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for number, faults in enumerate(compositions(args.number, args.seed)):
            if number < args.first:
                continue
            found = compare(faults, Path(folder) / "work", args.training)
            different += bool(found)
            names = [fault.name for fault in faults]
            print(json.dumps({"number": number, "faults": names, "different": found}), flush=True)
    if args.out is not None:
        today = time.strftime("%d %B %Y", time.gmtime()).lstrip("0")
        result = {"number": args.number - args.first, "seed": args.seed, "different": different, "date": today}
        args.out.write_text(f"{json.dumps(result)}\n", encoding="utf-8")
    print(
        f"{args.number - args.first} compositions of {len(FAULTS)} faults, seed {args.seed}: {different} different, "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
