"""Is advice on public fine-tuning runs worth its trials?  ``python -m research.quicktune.page FOLDER PAGE``.

Model and values are chosen together for a dataset of which nothing was seen; every dataset is left out in turn, and the
whole procedure is repeated with other seeds. The folder is that of the Quick-Tune meta-dataset, in any of its layouts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from advisor.errors import AdvisorError
from advisor.evaluate.pool import expected_best
from advisor.evaluate.summary import bootstrap_interval
from advisor.learn.table import Floats
from research.quicktune.joint_methods import (
    Beliefs,
    best_first,
    by_trees,
    chosen_beliefs,
    complementary,
    likenesses,
    of_unlike_models,
    ranks,
    standardised,
)
from research.quicktune.joint_runs import JointRuns, read_joint_runs
from research.quicktune.joint_values import with_model_given

N_SEEDS = 10
N_LIKENESSES = 12
TRIALS = (1, 5, 10, 25)
FIRST, THREE = 0.08, 0.025
"""What is wanted of the first pick and of the best of three."""
CHOSEN = "trees and process added, complementary"
"""The method whose picks are shown."""
_SHOWN = ("lr", "batch_size", "dropout", "weight_decay")

Picks = dict[str, list[int]]
"""By method, rows of the dataset that was left out, in the order in which they would be tried."""


def picks_of(runs: JointRuns, name: str, beliefs: Beliefs, seed: int) -> Picks:
    """Return what every method picks on one dataset from the runs on the others."""
    out = runs.dataset == name
    models = [run.model for run, left in zip(runs.runs, out, strict=True) if left]
    plain = by_trees(runs, np.log(0.1 + runs.regret), out, seed, members=1)
    regret, rank = by_trees(runs, runs.regret, out, seed), by_trees(runs, ranks(runs), out, seed)
    ranked = by_trees(runs, ranks(runs), out, seed, ranking=True)
    process, covariance = beliefs.mean[out], beliefs.covariance[name]
    trees = standardised(regret) + standardised(rank)
    # On the scale of the process, so that its covariance is that of the sum.
    both = (process + standardised(trees) * float(process.std()) + float(process.mean())) / 2
    return {
        "one LightGBM, log regret": best_first(plain),
        "bagged LightGBM, regret": best_first(regret),
        "bagged LightGBM, rank": best_first(rank),
        "bagged LightGBM, lambdarank": best_first(ranked),
        "bagged LightGBM, rank, three models": of_unlike_models(rank, models),
        "Gaussian process": best_first(process),
        "Gaussian process, complementary": complementary(process, covariance, seed),
        "trees and process added": best_first(both),
        "trees and process added, three models": of_unlike_models(both, models),
        CHOSEN: complementary(both, covariance, seed),
    }


def judge(runs: JointRuns, beliefs: Beliefs, seeds: int, workers: int = 1) -> list[dict[str, Picks]]:
    """Return, for every seed, the picks on every dataset by its name."""
    from joblib import Parallel, delayed

    names = [str(name) for name in np.unique(runs.dataset)]
    found = Parallel(n_jobs=workers)(
        delayed(picks_of)(runs, name, beliefs, seed) for seed in range(seeds) for name in names
    )
    return [dict(zip(names, found[s * len(names) : (s + 1) * len(names)], strict=True)) for s in range(seeds)]


def regrets(runs: JointRuns, judged: Sequence[Mapping[str, Picks]]) -> dict[str, Floats]:
    """Return by method the regret of the first pick and of the best of three; shape (2, seeds, datasets)."""
    result = {}
    for method in next(iter(judged[0].values())):
        both = [
            [
                (regret[picks[method][0]], regret[picks[method][:3]].min())
                for name, picks in by_name.items()
                for regret in [runs.regret[runs.dataset == name]]
            ]
            for by_name in judged
        ]
        result[method] = np.moveaxis(np.array(both), -1, 0)
    return result


def random_search(runs: JointRuns) -> dict[int, float]:
    """Return the mean regret of the best of so many random runs of a dataset."""
    cases = [1 - runs.regret[runs.dataset == name] for name in np.unique(runs.dataset)]
    return {k: float(np.mean([1 - expected_best(case, k) for case in cases])) for k in TRIALS}


def page(runs: JointRuns, beliefs: Beliefs, judged: Sequence[Mapping[str, Picks]]) -> str:
    """Return docs/quicktune.md."""
    names = np.unique(runs.dataset)
    found, chance = regrets(runs, judged), random_search(runs)
    lines = [_HEAD.format(runs=len(runs), datasets=len(names), seeds=len(judged), likenesses=N_LIKENESSES)]
    lines += [
        "| method | first pick | between seeds | best of three | first: 95 % over datasets |",
        "|---|---:|---:|---:|---|",
    ]
    for method, (first, three) in found.items():
        low, high = bootstrap_interval(first.mean(axis=0), names)
        cells = f"{first.mean():.3f} | {first.mean(axis=1).std():.3f} | {three.mean():.3f} | {low:.3f} to {high:.3f}"
        lines.append(f"| {method} | {cells} |")
    lines += [f"| random search, {k} | {value:.3f} | | | |" for k, value in chance.items()]
    first, three = (float(values.mean()) for values in found[CHOSEN])
    lines += ["", _verdict(first, three, chance, found), "", _CHOSEN_HEAD.format(method=CHOSEN)]
    lines += [_row(runs, name, picks[CHOSEN]) for name, picks in judged[0].items()]
    given = with_model_given(runs, beliefs.mean)
    decision = _HELPS if given["low"] > 0 else _DOES_NOT_HELP
    return "\n".join([*lines, "", _TAIL.format(**given, decision=decision)])


def _verdict(first: float, three: float, chance: Mapping[int, float], found: Mapping[str, Floats]) -> str:
    def met(value: float, wanted: float) -> str:
        return f"{value:.3f}, wanted {wanted:g}: {'met' if value <= wanted else 'missed'}"

    best_first, best_three = (min(float(v[i].mean()) for v in found.values()) for i in (0, 1))
    return (
        f"By *{CHOSEN}*: first pick {met(first, FIRST)} (random search reaches {chance[10]:.3f} with ten trials); best "
        f"of three {met(three, THREE)}. The least over all methods, chosen by looking and flattered by it: first "
        f"pick {best_first:.3f}, best of three {best_three:.3f}."
    )


def _row(runs: JointRuns, name: str, picks: Sequence[int]) -> str:
    at = np.flatnonzero(runs.dataset == name)
    run = runs.runs[at[picks[0]]]
    values = " | ".join(_value(getattr(run, field)) for field in _SHOWN)
    three = runs.regret[at[picks[:3]]].min()
    return f"| {name} | {run.model} | {run.opt} | {values} | {runs.regret[at[picks[0]]]:.3f} | {three:.3f} |"


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else "–"


_HEAD = """# Public fine-tuning runs: model and values chosen together

Written by `make quicktune QUICKTUNE=FOLDER` from {runs:,} runs of more than one epoch on {datasets} datasets of the
Quick-Tune meta-dataset (Pineda Arango et al., ICLR 2024; BSD-3-Clause; not shipped). A case is a dataset; what is
picked is one of its recorded runs, a model with its values. Every dataset is left out in turn, and nothing of it is
seen but its numbers of images and classes. Regret is normalised by the range of a case: 0 its best recorded run, 1 its
worst. The score is the best accuracy of the curve. {seeds} seeds of the whole procedure; what has no seed does not
differ between them.

The Gaussian process is one over all runs of the other datasets. Its weights are one of {likenesses} settings, a first
guess and random ones around it: for each dataset left out, the one that erred least on the others. The first guess, the
blocks of features and the list of methods were made by looking at these datasets; all else happens inside the fold.
"""
_CHOSEN_HEAD = """## What is picked first

By *{method}*, first seed; regret of the first pick, and of the best of three.

| dataset | model | optimizer | lr | batch size | dropout | weight decay | first | of three |
|---|---|---|---:|---:|---:|---:|---:|---:|"""
_TAIL = """## A second artefact?

These runs may make a second artefact for pretrained models only if leaving datasets out shows that it helps. A user of
`advisor suggest` names model and optimizer, so what counts is whether the better values are told with these given:
{pairs:,} pairs of runs on one dataset with the same model, optimizer and trained part of the network.

| told by | better run of a pair told, mean over datasets |
|---|---:|
| chance | 50.0 % |
| the learning rate nearer to the published recipes', as is advised now ([doubt.md](doubt.md)) | {published:.1%} |
| what the Gaussian process expects | {process:.1%} |

The difference is {gain:+.1%} (95 % over datasets {low:+.1%} to {high:+.1%}). {decision}
"""
_HELPS = """That is more than luck: with model and optimizer given, runs on other datasets tell better values than the
recipes' learning rate alone. Part of it are regularisers and augmentations that these runs vary and the advice does
not. A second artefact could help here; none is made yet."""
_DOES_NOT_HELP = """That is not more than luck, so no second artefact is made; recipes remain what speaks for pretrained
models outside the recorded evidence."""


def main(folder: str, to: str) -> None:
    """Judge the runs in a folder and write the page."""
    from advisor.collect.engine import available_cores

    try:
        runs = read_joint_runs(Path(folder))
    except AdvisorError as error:
        sys.exit(f"{error}\n{error.hint}")
    beliefs, _ = chosen_beliefs(runs, likenesses(N_LIKENESSES))
    judged = judge(runs, beliefs, N_SEEDS, available_cores())
    Path(to).write_text(page(runs, beliefs, judged), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
