"""How much of a plan the evidence holds: ``python -m advisor.collect.shipping.status PLAN FOLDER``."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from advisor.collect.planning.plan import Plan, PlannedContext, read_plan
from advisor.records.evidence import load_evidence
from advisor.records.schema import Run

Cell = tuple[str, str, str, bool, str, int, str]
"""Dataset, model, optimizer, whether augmented, checkpoint (empty from scratch), image side, what is trained.

The side is 0 where the plan leaves it to the dataset.
"""


@dataclass(frozen=True)
class PlanCoverage:
    """Recorded runs of every planned case."""

    runs: Mapping[Cell, int]
    expected: Mapping[Cell, int]
    """Least number of runs that completes the case: its own points and eight of the core."""

    @property
    def missing(self) -> list[Cell]:
        """Cases without any run."""
        return [cell for cell in self.expected if not self.runs.get(cell)]

    @property
    def incomplete(self) -> list[Cell]:
        """Cases with some runs and not all."""
        return [cell for cell, least in self.expected.items() if 0 < self.runs.get(cell, 0) < least]


def coverage(plan: Plan, runs: Iterator[Run] | tuple[Run, ...]) -> PlanCoverage:
    """Compare a plan with recorded runs."""
    expected: dict[Cell, int] = {}
    for block in plan.blocks:
        for name in block.datasets:
            for model in block.models:
                for context in block.contexts:
                    least = 8 + block.design.sobol + block.design.reference
                    expected.setdefault(_cell(name, model, context), least)
    counts: Counter[Cell] = Counter()
    for run in runs:
        cell = _cell_of(run, int(run.img_size or 0))
        counts[cell if cell in expected else _cell_of(run, 0)] += 1
    return PlanCoverage(counts, expected)


def _cell(dataset: str, model: str, context: PlannedContext) -> Cell:
    augmented, checkpoint, side = context.augment != "none", context.checkpoint or "", context.img_size or 0
    return dataset, model, context.opt, augmented, checkpoint, side, context.trainable


def _cell_of(run: Run, side: int) -> Cell:
    checkpoint, trainable = run.extra.get("checkpoint") or "", run.extra.get("trainable") or "all"
    augmented = run.augment != "none"
    return str(run.dataset_name), str(run.model), str(run.opt), augmented, checkpoint, side, trainable


def table(covered: PlanCoverage, group_of: Mapping[str, str]) -> str:
    """Return runs by group (rows) and by context and model (columns), with the cases begun of those planned."""
    columns = list(dict.fromkeys(cell[1:] for cell in covered.expected))
    rows: dict[str, dict[tuple[object, ...], list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in covered.expected:
        rows[group_of.get(cell[0], "?")][cell[1:]].append(cell)
    names = [_column_name(column) for column in columns]
    lines = [f"{number:>3}  {name}" for number, name in enumerate(names, 1)]
    lines.append(f"{'group':16}" + "".join(f"{number:>10}" for number in range(1, len(columns) + 1)))
    for group, cells in sorted(rows.items()):
        shown = []
        for column in columns:
            planned = cells.get(column, [])
            begun = sum(covered.runs.get(cell, 0) > 0 for cell in planned)
            runs = sum(covered.runs.get(cell, 0) for cell in planned)
            shown.append(f"{runs} {begun}/{len(planned)}" if planned else ".")
        lines.append(f"{group:16}" + "".join(f"{text:>10}" for text in shown))
    return "\n".join(lines)


def _column_name(column: tuple[object, ...]) -> str:
    model, opt, augmented, checkpoint, side, trainable = column
    start = f"from {checkpoint}" if checkpoint else "from scratch"
    parts = [f"{model}, {opt}, {start}", f"{side} pixels" if side else "", "augmented" if augmented else ""]
    return ", ".join(filter(None, [*parts, "head only" if trainable == "head" else ""]))


def main() -> None:
    """Print the table and every case that is missing or incomplete."""
    from advisor._meta_data.sources import list_datasets

    plan, evidence = read_plan(Path(sys.argv[1])), load_evidence(Path(sys.argv[2]))
    covered = coverage(plan, evidence.runs)
    print(table(covered, {spec.name: spec.group for spec in list_datasets()}))
    complete = len(covered.expected) - len(covered.missing) - len(covered.incomplete)
    statuses = ", ".join(f"{count:,} {name}" for name, count in evidence.manifest["statuses"].items())
    print(f"\n{len(evidence.runs):,} runs ({statuses}), {len(evidence.datasets)} datasets")
    print(f"{len(covered.expected)} cases planned: {complete} complete, {len(covered.incomplete)} begun")
    for cell in covered.incomplete:
        done = f"{covered.runs[cell]} of at least {covered.expected[cell]} runs"
        print(f"begun: {cell[0]}, {_column_name(cell[1:])}: {done}")
    for cell in covered.missing:
        print(f"missing: {cell[0]}, {_column_name(cell[1:])}")


if __name__ == "__main__":
    main()
