"""Other rules of tuning than ``advisor tune`` has, in every recorded case: ``python -m research.tuning.rules``.

Prints the second table of what was replayed in docs/tuning-evidence.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from advisor.evaluate.summary import bootstrap_interval, mean_by_group
from advisor.records.schema import Pretraining
from advisor.tuning.decision import Choice, Options, choose, expected_gains
from research.tuning.cases import RecordedCase, recorded_cases
from research.tuning.replays import BUDGETS, Decide, Pick, Step, by_score, options, ours, reached

_BUDGET = 5
"""Full trainings."""


def by_posterior_mean(case: RecordedCase, done: Mapping[int, int]) -> int:
    """Return the whole trial that is expected to be the best, as a score is partly luck, unless another is above it."""
    trained = np.zeros(len(case.value), dtype=np.int64)
    trained[list(done)] = list(done.values())
    mean = options(case, trained).mean
    return max(done, key=lambda row: mean[row] if done[row] == case.epochs else case.curves[row, done[row] - 1])


def with_hindsight(case: RecordedCase, done: Mapping[int, int]) -> int:
    """Return the whole trial that is the best: nobody knows it, but nobody can have more in hand."""
    whole = [row for row in done if done[row] == case.epochs]
    return max(whole, key=lambda row: case.value[row]) if whole else by_score(case, done)


def by_expected_improvement(
    at: Options, noise: float, budget: float, current: int | None = None, patience: float = 0.1
) -> Choice:
    """Choose what is expected to exceed, by most for its time, the whole trial that is expected to be the best."""
    found = choose(at, noise, budget, current, patience)
    if found.why != "gain" or at.is_open.all():
        return found
    gains = expected_gains(at.mean, at.deviation, float(at.mean[~at.is_open].max()))
    possible = at.is_open & (at.seconds <= budget)
    row = int(np.where(possible, gains / np.maximum(at.seconds, 1e-9), -np.inf).argmax())
    return Choice(row, float(gains[row]), "gain")


RULES: Mapping[str, tuple[Decide | None, Pick]] = {
    "**advisor tune**": (choose, by_score),
    "the best in hand by posterior mean": (choose, by_posterior_mean),
    "what is next by expected improvement": (by_expected_improvement, by_score),
    "all configurations trained, by score": (None, by_score),
    "all configurations trained, by posterior mean": (None, by_posterior_mean),
    "advisor tune, the best in hand by hindsight": (choose, with_hindsight),
}
"""By what is decided what is trained next, None where all is trained, and what is taken in the end."""


def regret(case: RecordedCase, decide: Decide | None, pick: Pick) -> float:
    """Return the regret of what is in hand after 5 full trainings, or after all."""
    if decide is None:
        whole = dict.fromkeys(range(len(case.value)), case.epochs)
        return float(case.regret(case.value[pick(case, whole)]))
    steps: Sequence[Step] = list(ours(case, _BUDGET, decide=decide))
    return float(case.regret(reached(case, steps, pick)[BUDGETS.index(_BUDGET)]))


def main() -> None:
    """Run the command line."""
    cases = recorded_cases()
    groups = np.array([case.group for case in cases])
    tuned = np.array([case.start is Pretraining.IMAGENET for case in cases])
    every = np.ones_like(tuned)
    counted = [f"{part.sum()} of {len(set(groups[part]))} sources" for part in (every, tuned)]
    print(f"| at {_BUDGET} trainings | all cases: {counted[0]} | those from ImageNet weights: {counted[1]} |")
    print("|---|---:|---:|")
    for name, (decide, pick) in RULES.items():
        found = np.array([regret(case, decide, pick) for case in cases])
        cells = []
        for part in (every, tuned):
            low, high = bootstrap_interval(found[part], groups[part])
            cells.append(f"{mean_by_group(found[part], groups[part]).mean():.3f} ({low:.3f} to {high:.3f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
