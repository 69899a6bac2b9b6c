"""Advice on fine-tuning carried out: ``python -m research.held_out.fine_tuned_trainings DATA DOCS``.

A model that no run of the evidence is of, on datasets whose whole source is left out too: the first suggestion and the
rates that people type are really trained, with three seeds and the same epochs. What is trained is kept in
DOCS/fine-tuned-trainings.csv, and not trained again.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from advisor.advise.pipeline import answer
from advisor.advise.prepare import RunList, prepare
from advisor.advise.request import make_request
from advisor.advise.suggestion import Suggestion
from advisor.collect.datasets import read_provenance
from advisor.collect.planning.design import core
from advisor.collect.planning.plan import PlannedCase, PlannedDataset, expand, read_plan
from advisor.collect.training.images import measure
from advisor.describe.dataset import describe
from advisor.describe.model import describe_model
from advisor.evaluate.finetuning import HELD_OUT_MODEL
from advisor.learn.artefact import Artefact, fit_artefact
from advisor.learn.metamodel import meta_model_for
from advisor.learn.table import build_table
from advisor.records.evidence import Evidence, load_fine_tuning
from advisor.records.schema import Dataset, Pretraining
from advisor.space.configuration import Configuration
from research.held_out.trained_runs import TrainedRuns
from research.pages.rendering import ROOT

PLAN = ROOT / "meta_data" / "plans" / "fine-tuning.yaml"
SHIPPED = ROOT / "meta_data" / "metamodel"
RESULTS = "fine-tuned-trainings.json"
SEEDS = (0, 1, 2)
FIXED = ("lr 0.003", "lr 0.001")
"""Names of the plan's core: AdamW at batch 32, weight decay 0.05 and all the epochs."""


@dataclass(frozen=True)
class CaseResult:
    """What was trained in a case: accuracies in percent, a seed each.

    Attributes
    ----------
    dataset, group : str
        The images and their source.
    n_train, n_eval, n_classes, img_size, epochs : int
        Their counts, the side of the input in pixels, and the epochs that every method had at most.
    basis, confidence : str
        What the suggestion said of itself.
    advised : dict
        The hyperparameters of the first suggestion.
    expected : (low, top1, high) or None
        The accuracy that it expected.
    scores : dict
        Final top-1 by method: ``"advice"`` and those of ``FIXED``.
    """

    dataset: str
    group: str
    n_train: int
    n_eval: int
    n_classes: int
    img_size: int
    epochs: int
    basis: str
    confidence: str
    advised: dict[str, float]
    expected: tuple[float, float, float] | None
    scores: dict[str, list[float]]


def held_out_cases(data_dir: Path) -> Iterator[PlannedCase]:
    """Yield the plan's cases of the held-out model with AdamW, building the datasets that are not there."""
    from advisor._meta_data.sources import build_dataset

    plan = read_plan(PLAN)
    wanted = [b for b in plan.blocks if b.models == [HELD_OUT_MODEL] and {c.opt for c in b.contexts} == {"adamw"}]
    present = []
    for name in dict.fromkeys(chain.from_iterable(block.datasets for block in wanted)):
        path = data_dir / name
        if not path.is_dir():
            build_dataset(name, data_dir)
        present.append(PlannedDataset(name, path, read_provenance(data_dir, name)["group"], measure(path)))
    yield from chain.from_iterable(expand(plan.model_copy(update={"blocks": wanted}), present))


def adviser_without(group: str, evidence: Evidence) -> Artefact:
    """Return the shipped adviser, its part for fine-tuning fitted without a source and without the held-out model."""
    others = [dataset for dataset in evidence.datasets if dataset.group != group]
    known = {dataset.dataset_id for dataset in others}
    runs = [run for run in evidence.runs if run.dataset_id in known and run.model != HELD_OUT_MODEL]
    table = build_table(runs, others, lambda name, side: describe_model(name).features(side))
    fitted = fit_artefact(table, runs, others, model=meta_model_for(Pretraining.IMAGENET))
    return replace(Artefact.load(SHIPPED), fine_tuning=fitted)


def advise(adviser: Artefact, case: PlannedCase, dataset: Dataset) -> Suggestion:
    """Return what a user is advised who wants the best within the case's epochs."""
    request = make_request(
        model=case.model,
        opt=case.context.opt,
        pretrained=True,
        img_size=case.img_size,
        max_epochs=case.space.max_epochs,
        prefer="accuracy",
    )
    return answer(adviser, prepare(adviser, request, dataset, RunList(())))


def train_case(case: PlannedCase, dataset: Dataset, suggestion: Suggestion, runs: TrainedRuns) -> CaseResult:
    """Train what was advised in a case, and what people type."""
    named = core(case.space)
    methods: dict[str, Configuration] = {
        "advice": suggestion.best.configuration,
        **{name: named[name] for name in FIXED},
    }
    expected = suggestion.best.expected
    return CaseResult(
        dataset=case.dataset.name,
        group=case.dataset.group,
        n_train=case.dataset.size.n_train,
        n_eval=case.dataset.size.n_eval,
        n_classes=case.dataset.size.n_classes,
        img_size=case.img_size,
        epochs=case.space.max_epochs,
        basis=suggestion.basis,
        confidence=suggestion.confidence,
        advised=methods["advice"].as_dict(),
        expected=None if expected is None else (expected.low, expected.top1, expected.high),
        scores={name: [runs.score(case, values, seed) for seed in SEEDS] for name, values in methods.items()},
    )


def summarise(cases: Sequence[Mapping[str, Any]]) -> list[dict[str, float | str]]:
    """Return a row a fixed rate: points by which the advice is ahead, mean and least, and in how many cases it is.

    Parameters
    ----------
    cases : sequence of mapping
        As ``main`` wrote them.
    """
    rows: list[dict[str, float | str]] = []
    for name in FIXED:
        ahead = [statistics.mean(case["scores"]["advice"]) - statistics.mean(case["scores"][name]) for case in cases]
        rows.append(
            {
                "name": name,
                "points": statistics.mean(ahead),
                "least": min(ahead),
                "better": sum(points > 0 for points in ahead),
            }
        )
    return rows


def main(data_dir: str, docs: str) -> None:
    """Train what is not trained yet, and write the results."""
    from advisor.collect.engine import prepare_worker

    prepare_worker()
    evidence = load_fine_tuning()
    runs = TrainedRuns(Path(docs) / "fine-tuned-trainings.csv", evidence.runs)
    cases = []
    for case in held_out_cases(Path(data_dir)):
        dataset = describe(case.dataset.path).dataset
        suggestion = advise(adviser_without(case.dataset.group, evidence), case, dataset)
        cases.append(train_case(case, dataset, suggestion, runs))
        means = {name: round(statistics.mean(scores), 1) for name, scores in cases[-1].scores.items()}
        print(f"{case.case_id}: {means}", flush=True)
    found = {"model": HELD_OUT_MODEL, "seeds": SEEDS, "runs": len(evidence.runs), "cases": [asdict(c) for c in cases]}
    (Path(docs) / RESULTS).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{runs.trained} runs trained now")


if __name__ == "__main__":
    main(*sys.argv[1:])
