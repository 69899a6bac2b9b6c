"""Replays tunings in every recorded case: ``python -m research.tuning OUT.json``, and prints the tables of the page.

OUT.json is written after every case, and cases that it holds as they are now are not replayed again. PriorBand needs
NePS, see ``research.tuning.priorband``. ``python -m research.tuning --table OUT.json`` prints the tables of what is
there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from advisor.evaluate.summary import bootstrap_interval, holm, mean_by_group
from advisor.records.schema import Pretraining
from research.tuning.cases import RecordedCase, recorded_cases
from research.tuning.replays import (
    ALL,
    BUDGETS,
    OURS,
    PRIORBAND,
    RIVALS,
    WARM,
    WHOLE,
    luckiest,
    neps_priorband,
    ours,
    reached,
)

SEEDS = 2
"""Rivals are repeated with so many seeds."""
_FEW = tuple(budget for budget in BUDGETS if budget <= 5)
"""What cases with about 15 configurations are judged at: more would train all of them."""
Row = Mapping[str, Any]


def judge(case: RecordedCase) -> Row:
    """Return the regret of every method in a case at every budget."""
    budgets = BUDGETS if case.large else _FEW
    value = {
        OURS: [reached(case, ours(case, budget))[i] for i, budget in enumerate(budgets)],
        WHOLE: [reached(case, ours(case, budget, whole=True))[i] for i, budget in enumerate(budgets)],
    }
    for name, rival in RIVALS.items():
        for warm in (False, True):
            found = [reached(case, rival(case, seed, warm))[: len(budgets)] for seed in range(SEEDS)]
            value[f"{name}, from the advice" if warm else name] = np.mean(found, axis=0).tolist()
    found = [reached(case, neps_priorband(case, seed))[: len(budgets)] for seed in range(SEEDS)]
    value[PRIORBAND] = np.mean(found, axis=0).tolist()
    value[ALL] = [luckiest(case)] * len(budgets)
    saved = sum(1 for _ in ours(case, 5, patience=0.1)) / (5 * case.epochs)
    return {
        "case": case.name,
        "digest": digest(case),
        "group": case.group,
        "start": case.start.value,
        "epochs": case.epochs,
        "configurations": len(case.value),
        "budgets": list(budgets),
        "regret": {name: [round(case.regret(one), 4) for one in values] for name, values in value.items()},
        "share_of_5_spent": round(saved, 4),
    }


def digest(case: RecordedCase) -> str:
    """Return what tells a case as it is now from what it was when it had other runs, or was expected otherwise."""
    arrays = [*case.hparams.values(), case.short, case.curves, case.expected, case.doubt, case.value]
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.round(np.asarray(array, dtype=np.float64), 4).tobytes())
    return found.hexdigest()[:16]


def replay(out: Path) -> None:
    """Replay every recorded case that a file does not hold as it is now."""
    cases = recorded_cases()
    digests = {case.name: digest(case) for case in cases}
    known = {row["case"]: row for row in _read(out) if row.get("digest") == digests.get(row["case"])}
    for number, case in enumerate(cases):
        if case.name not in known:
            known[case.name] = judge(case)
            _write(out, [known[one.name] for one in cases if one.name in known])
            print(f"{number + 1} of {len(cases)}: {case.name}", flush=True)


def _read(out: Path) -> Sequence[Row]:
    return list(json.loads(out.read_text(encoding="utf-8"))["cases"]) if out.is_file() else []


def _write(out: Path, rows: Sequence[Row]) -> None:
    part = out.with_suffix(".part")
    part.write_text(json.dumps({"seeds": SEEDS, "warm": WARM, "cases": rows}, indent=1) + "\n", encoding="utf-8")
    part.replace(out)


def tables(rows: Sequence[Row]) -> str:
    """Return the tables of docs/tuning-evidence.md."""
    large = [row for row in rows if len(row["budgets"]) == len(BUDGETS)]
    tuned = [row for row in rows if row["start"] == Pretraining.IMAGENET.value]
    parts = [
        _table("all cases", rows, (1, 2, 5)),
        _table("those with at least 64 random configurations", large, (5, 10, 20)),
        _table("those from ImageNet weights", tuned, (1, 2, 5)),
    ]
    groups = np.array([row["group"] for row in rows])
    spent = mean_by_group(np.array([row["share_of_5_spent"] for row in rows]), groups).mean()
    parts.append(f"Where it may end early, it spends {100 * spent:.0f} % of 5 full trainings.")
    return "\n\n".join(parts)


def _table(what: str, rows: Sequence[Row], budgets: Sequence[int]) -> str:
    groups = np.array([row["group"] for row in rows])
    counted = f"{what}: {len(rows)} of {len(set(groups))} sources"
    lines = [f"| {counted} | {' | '.join(f'{b}' for b in budgets)} |", f"|---|{'---:|' * len(budgets)}"]
    names = list(rows[0]["regret"])
    at = [list(rows[0]["budgets"]).index(budget) for budget in budgets]
    regret = {name: np.array([[row["regret"][name][i] for i in at] for row in rows]) for name in names}
    worse: dict[tuple[str, int], float] = {}
    for j in range(len(budgets)):
        p = holm([_p_value(regret[OURS][:, j], regret[name][:, j], groups) for name in names[1:]])
        worse |= {(name, j): one for name, one in zip(names[1:], p, strict=True)}
    for name in names:
        cells = []
        for j in range(len(budgets)):
            mean = mean_by_group(regret[name][:, j], groups).mean()
            low, high = bootstrap_interval(regret[name][:, j], groups)
            sign = "\\*" if worse.get((name, j), 1.0) < 0.05 else ""
            cells.append(f"{mean:.3f}{sign} ({low:.3f} to {high:.3f})")
        lines.append(f"| {f'**{name}**' if name == OURS else name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _p_value(mine: Any, other: Any, groups: Any) -> float:
    """Return that of a paired Wilcoxon test over sources."""
    from scipy.stats import wilcoxon

    difference = mean_by_group(np.asarray(other) - np.asarray(mine), groups)
    return float(wilcoxon(difference).pvalue) if np.any(difference) else 1.0


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m research.tuning", description=__doc__)
    parser.add_argument("out", type=Path, help="where the regrets are written")
    parser.add_argument("--table", action="store_true", help="only print the tables of what is there")
    arguments = parser.parse_args()
    if not arguments.table:
        replay(arguments.out)
    print(tables(_read(arguments.out)))


if __name__ == "__main__":
    main()
