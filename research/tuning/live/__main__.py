"""Tuners compared live: ``python -m research.tuning.live DATA WORK OUT.json``.

Every tuner has the same processor seconds of one core, the same trainings, the same box and the same first weights, on
each dataset with each seed. What is trained is kept in OUT.json at once, and not trained again. Needs NePS, see
``research.tuning.priorband``. ``--table`` prints the table of what is there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from research.tuning.live.cases import DATASETS, EPOCHS, IMG_SIZE, MODEL, live_case
from research.tuning.live.table import table
from research.tuning.live.training import OutOfTime, Trials
from research.tuning.live.tuners import TUNERS

SEEDS = (0, 1, 2)
BUDGET = 60.0
"""Processor seconds of a tuning."""


def tune_live(data_dir: Path, work: Path, out: Path, datasets: Sequence[str], budget: float) -> None:
    """Run the tunings that ``out`` does not hold yet."""
    from advisor.records.evidence import load_evidence, load_fine_tuning

    evidence = load_evidence(), load_fine_tuning()
    for seed in SEEDS:
        for name in datasets:
            case = None
            for tuner, tune in TUNERS.items():
                if any((run["dataset"], run["seed"], run["tuner"]) == (name, seed, tuner) for run in _read(out)):
                    continue
                case = case or live_case(name, data_dir, work, evidence)
                _warm_up(case, tune)
                trials = Trials(case, seed, budget)
                with suppress(OutOfTime):
                    tune(case, trials, seed)
                run = {
                    "dataset": name,
                    "group": case.dataset.group or name,
                    "seed": seed,
                    "tuner": tuner,
                    "seconds": round(min(trials.spent, budget), 1),
                    "trace": trials.trace,
                }
                _write(out, [*_read(out), run], budget)
                best = max((top1 for *_, top1 in trials.trace), default=trials.chance)
                print(f"{name} {seed} {tuner}: {len(trials.trace)} epochs, {best:.2f}", flush=True)


def _warm_up(case: Any, tune: Any) -> None:
    """Load what a tuner loads on first use, which is not to count."""
    with suppress(OutOfTime):
        tune(case, Trials(case, 0, 1e-3), 0)


def _read(out: Path) -> list[Mapping[str, Any]]:
    return list(json.loads(out.read_text(encoding="utf-8"))["runs"]) if out.is_file() else []


def _write(out: Path, runs: Sequence[Mapping[str, Any]], budget: float) -> None:
    found = {"model": MODEL, "img_size": IMG_SIZE, "epochs": EPOCHS, "budget_seconds": budget, "runs": runs}
    part = out.with_suffix(".part")
    part.write_text(json.dumps(found) + "\n", encoding="utf-8")
    part.replace(out)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m research.tuning.live", description=__doc__)
    parser.add_argument("data", type=Path, help="where datasets and weights are")
    parser.add_argument("work", type=Path, help="where models fitted without a source are kept")
    parser.add_argument("out", type=Path, help="what was trained")
    parser.add_argument("--datasets", nargs="*", default=DATASETS)
    parser.add_argument("--budget", type=float, default=BUDGET, help="processor seconds of a tuning")
    parser.add_argument("--table", action="store_true", help="only print the table of what is there")
    arguments = parser.parse_args()
    if not arguments.table:
        tune_live(arguments.data, arguments.work, arguments.out, arguments.datasets, arguments.budget)
    print(table(json.loads(arguments.out.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
