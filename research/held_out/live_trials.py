"""Live trials: runs after the advice, each advised from those before it, against Optuna's TPE and random search.

``python -m research.held_out.live_trials DATA DOCS``. In each case, its whole source held out, the program is asked
again and again, as a user asks it, every run so far being among the user's own; each time the first of its suggestions
that was not trained yet is trained.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from advisor.collect.planning.design import MAX_DROPOUT, MIN_EPOCHS, WEIGHT_DECAYS, random_points
from advisor.collect.planning.plan import PlannedCase
from advisor.errors import MissingExtraError
from advisor.evaluate.adaptive import TRIALS
from advisor.evaluate.pool import expected_best
from advisor.learn.artefact import digest
from advisor.learn.table import Floats
from advisor.records.schema import Run
from advisor.space.configuration import Configuration
from research.held_out.advice import HeldOut, held_out_cases
from research.held_out.trained_runs import TrainedRuns
from research.pages.rendering import render

PLAN = Path("meta_data/plans/live-trials.yaml")
SHOWN = tuple(sorted({*TRIALS, 20}))
"""Trials after the first training; every method has had one training more."""
TRAININGS = max(SHOWN) + 1
START_UP = 10
"""TPE's random trials before it models anything: Optuna's default."""
TPE_SEEDS = (0,)
ADVICE, TPE, RANDOM = "advice", "TPE", "random search"
_ENOUGH = 10
"""Suggestions asked for, so that one that was not tried yet is among them."""


def follow_advice(held_out: HeldOut, runs: TrainedRuns, count: int = TRAININGS) -> list[float]:
    """Return the scores of ``count`` trainings, each of the first suggestion not trained yet, the others recorded."""
    own: list[Run] = []
    scores: list[float] = []
    tried: set[Configuration] = set()
    for _ in range(count):
        suggestion = held_out.advise(own, top_k=_ENOUGH)
        fresh = [one.configuration for one in suggestion.suggestions if one.configuration not in tried]
        # Whoever has tried all that is suggested trains the best once more, with another seed.
        configuration, seed = (fresh[0], 0) if fresh else (suggestion.best.configuration, len(tried))
        tried.add(configuration)
        scores.append(runs.score(held_out.case, configuration, seed))
        own.append(held_out.own_run(configuration, scores[-1]))
    return scores


def tree_of_parzen_estimators(case: PlannedCase, runs: TrainedRuns, seed: int, count: int = TRAININGS) -> list[float]:
    """Return the scores of ``count`` trials of Optuna's TPE in the case's space, at the case's most epochs.

    Raises
    ------
    MissingExtraError
        If Optuna is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("optuna", "optuna", "compare live trials with TPE") from error

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = case.space
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=START_UP)
    )
    scores = []
    for _ in range(count):
        trial = study.ask()
        configuration = Configuration(
            lr=float(f"{trial.suggest_float('lr', *space.learning_rates, log=True):.3g}"),
            batch_size=trial.suggest_int("batch_size", 8, space.max_batch_size, log=True),
            epochs=max(MIN_EPOCHS, space.max_epochs),
            dropout=round(trial.suggest_float("dropout", 0.0, MAX_DROPOUT), 2),
            weight_decay=float(f"{trial.suggest_float('weight_decay', *WEIGHT_DECAYS, log=True):.3g}"),
        )
        scores.append(runs.score(case, configuration, seed))
        study.tell(trial, scores[-1])
    return scores


def random_scores(case: PlannedCase, runs: TrainedRuns, count: int = TRAININGS) -> list[float]:
    """Return the scores of random points at the case's most epochs: those that a collection takes for reference."""
    return [runs.score(case, configuration, 0) for configuration in random_points(case.case_id, case.space, count)]


def compare(held_out: HeldOut, runs: TrainedRuns) -> dict[str, Any]:
    """Return the scores of every method in a case, in the order they were trained, and the regret of the best so far.

    Best is the best that was recorded or trained by any method, median that of the random points.
    """
    case, pool = held_out.case, held_out.pool
    drawn = random_scores(case, runs)
    scores = {
        ADVICE: [follow_advice(held_out, runs)],
        TPE: [tree_of_parzen_estimators(case, runs, seed) for seed in TPE_SEEDS],
        RANDOM: [drawn],
    }
    everything = [score for of_method in scores.values() for of_seed in of_method for score in of_seed]
    best = max(pool.best, *everything)
    median = float(np.median([*drawn, *pool.score[pool.at_cap()]]))

    def regrets(method: str) -> Iterator[float]:
        for k in SHOWN:
            reached = (
                expected_best(np.array(drawn), k + 1)
                if method == RANDOM
                else statistics.mean(max(of_seed[: k + 1]) for of_seed in scores[method])
            )
            yield round((best - reached) / (best - median), 4)

    return {
        "dataset": case.dataset.name,
        "group": pool.group,
        "model": case.model,
        "opt": case.context.opt,
        "pretrained": case.context.pretrained,
        "n_train": pool.n_train,
        "n_eval": pool.n_eval,
        "max_epochs": pool.max_epochs,
        "best": best,
        "median": median,
        "scores": scores,
        "regret": {method: dict(zip(map(str, SHOWN), regrets(method), strict=True)) for method in scores},
    }


def mean_regrets(cases: Sequence[Mapping[str, Any]]) -> dict[str, Floats]:
    """Return the mean regret over cases by method, in the order of ``SHOWN``."""
    return {
        method: np.mean([[case["regret"][method][str(k)] for k in SHOWN] for case in cases], axis=0)
        for method in (ADVICE, TPE, RANDOM)
    }


def page(found: Mapping[str, Any]) -> str:
    """Return docs/live-trials.md for what ``main`` wrote as JSON."""
    cases = found["cases"]
    at = SHOWN.index(10)
    means = mean_regrets(cases)
    n_seeds = len(cases[0]["scores"][TPE])
    return render(
        "live-trials",
        cases=cases,
        by_case=[{name: list(row.values()) for name, row in case["regret"].items()} for case in cases],
        means={f"**{name}**" if name == ADVICE else name: row for name, row in means.items()},
        shown=SHOWN,
        reached=means[ADVICE][at],
        targets=[
            {"name": name, "regret": means[name][at], "met": means[ADVICE][at] <= means[name][at] / 2}
            for name in (TPE, RANDOM)
        ],
        start_up=START_UP,
        seeds="" if n_seeds == 1 else f"; the mean of {n_seeds} seeds",
        draws=TRAININGS,
    )


def main(data_dir: str, docs: str) -> None:
    """Train what is not trained yet, and write live-trials.json and live-trials.md."""
    from advisor._meta_data.sources import build_dataset
    from advisor.collect.engine import prepare_worker
    from advisor.describe.model import model_features
    from advisor.learn.table import build_table
    from advisor.records.evidence import load_evidence

    prepare_worker()
    evidence = load_evidence()
    runs = TrainedRuns(Path(docs) / "live-trials.csv", evidence.runs)
    cases = []
    for held_out in held_out_cases(PLAN, Path(data_dir), evidence, lambda name: build_dataset(name, Path(data_dir))):
        cases.append(compare(held_out, runs))
        print(f"{held_out.case.case_id}: {json.dumps(cases[-1]['regret'])}", flush=True)
    table = build_table(evidence.runs, evidence.datasets, model_features)
    found = {"data_sha256": digest(table), "start_up_trials": START_UP, "tpe_seeds": TPE_SEEDS, "cases": cases}
    (Path(docs) / "live-trials.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (Path(docs) / "live-trials.md").write_text(page(found), encoding="utf-8")
    print(f"{runs.trained} runs trained now")


if __name__ == "__main__":
    main(*sys.argv[1:])
