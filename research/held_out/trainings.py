"""The advice carried out, its whole source held out: ``python -m research.held_out.trainings DATA DOCS``.

Looking up what was recorded flatters, since the advice may lie between what was recorded. Here the first three
suggestions and their baselines are trained, each with three seeds. The figures describe these cases, and no more.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from advisor.learn.artefact import digest
from advisor.space.configuration import Configuration
from advisor.space.hyperparameters import HYPERPARAMETERS
from research.held_out.advice import HeldOut, held_out_cases
from research.held_out.trained_runs import TrainedRuns
from research.pages.rendering import render

PLAN = Path("meta_data/plans/held-out-trainings.yaml")
SEEDS = (0, 1, 2)
SUGGESTIONS = ("first suggestion", "second suggestion", "third suggestion")
BEST_OF_3 = "best of the three"
BASELINES = {
    "fixed rule": "fixed rule",
    "sane default": "sane default",
    "timm's train.py defaults": "timm's train.py defaults",
    "best on average": "best on average",
    "oracle": "best recorded",
}
"""Names in the evaluation, and here: the oracle is the configuration that was the best when it was recorded."""


def train_case(held_out: HeldOut, runs: TrainedRuns) -> dict[str, Any]:
    """Train what is advised in a case and what its baselines choose, and return how good it was."""
    case, pool = held_out.case, held_out.pool
    suggestion = held_out.advise()
    chosen: dict[str, Configuration] = dict(
        zip(SUGGESTIONS, (one.configuration for one in suggestion.suggestions), strict=False)
    )
    chosen |= {name: held_out.baselines[baseline] for baseline, name in BASELINES.items()}
    scores = {name: [runs.score(case, values, seed) for seed in SEEDS] for name, values in chosen.items()}
    three = [scores[name] for name in SUGGESTIONS if name in scores]
    scores[BEST_OF_3] = [max(of_seed) for of_seed in zip(*three, strict=True)]
    expected = suggestion.best.expected
    return {
        "dataset": case.dataset.name,
        "group": pool.group,
        "model": case.model,
        "opt": case.context.opt,
        "pretrained": case.context.pretrained,
        "n_train": pool.n_train,
        "n_eval": pool.n_eval,
        "max_epochs": pool.max_epochs,
        "best_recorded": round(pool.best, 3),
        "median_recorded": round(pool.median, 3),
        "basis": suggestion.basis,
        "novelty": suggestion.novelty,
        "confidence": suggestion.confidence,
        "expected": expected.model_dump() if expected is not None else None,
        "methods": {
            name: {
                "hyperparameters": chosen[name].as_dict() if name in chosen else None,
                "scores": values,
                "mean": round(statistics.mean(values), 3),
                "regret": round(float(pool.regret(statistics.mean(values))), 4),
                "points_lost": round(pool.best - statistics.mean(values), 3),
            }
            for name, values in scores.items()
        },
    }


def summarise(cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row a method: means and medians over the cases, and in how many the first suggestion did better."""
    rows = []
    for name in (SUGGESTIONS[0], BEST_OF_3, *BASELINES.values()):
        of_method = [case["methods"][name] for case in cases]
        ahead = [
            case["methods"][SUGGESTIONS[0]]["mean"] - case["methods"][name]["mean"] for case in cases
        ]  # fmt: skip
        rows.append(
            {
                "method": name,
                "top1": statistics.mean(one["mean"] for one in of_method),
                "mean_regret": statistics.mean(one["regret"] for one in of_method),
                "median_regret": statistics.median(one["regret"] for one in of_method),
                "points_lost": statistics.mean(one["points_lost"] for one in of_method),
                "better": sum(points > 0 for points in ahead),
            }
        )
    return rows


def page(found: Mapping[str, Any]) -> str:
    """Return docs/held-out-trainings.md for what ``main`` wrote as JSON."""
    cases = found["cases"]
    expected = [case for case in cases if case["expected"] is not None]
    return render(
        "held-out-trainings",
        cases=cases,
        groups=len({case["group"] for case in cases}),
        seeds=len(SEEDS),
        summary=summarise(cases),
        first=SUGGESTIONS[0],
        expected=expected,
        in_interval=sum(
            case["expected"]["low"] <= case["methods"][SUGGESTIONS[0]]["mean"] <= case["expected"]["high"]
            for case in expected
        ),
        hyperparameters=HYPERPARAMETERS,
    )


def main(data_dir: str, docs: str) -> None:
    """Train what is not trained yet, and write held-out-trainings.json and held-out-trainings.md."""
    from advisor._meta_data.sources import build_dataset
    from advisor.collect.engine import prepare_worker
    from advisor.describe.model import model_features
    from advisor.learn.table import build_table
    from advisor.records.evidence import load_evidence

    prepare_worker()
    evidence = load_evidence()
    runs = TrainedRuns(Path(docs) / "held-out-trainings.csv", evidence.runs)
    cases = []
    for held_out in held_out_cases(PLAN, Path(data_dir), evidence, lambda name: build_dataset(name, Path(data_dir))):
        cases.append(train_case(held_out, runs))
        first = cases[-1]["methods"][SUGGESTIONS[0]]
        print(f"{held_out.case.case_id}: {first['mean']:.1f} %, regret {first['regret']:.3f}", flush=True)
    table = build_table(evidence.runs, evidence.datasets, model_features)
    found = {"data_sha256": digest(table), "seeds": SEEDS, "summary": summarise(cases), "cases": cases}
    (Path(docs) / "held-out-trainings.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (Path(docs) / "held-out-trainings.md").write_text(page(found), encoding="utf-8")
    print(f"{runs.trained} runs trained now")


if __name__ == "__main__":
    main(*sys.argv[1:])
