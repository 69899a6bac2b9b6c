"""Whether the advice of `advisor diagnose` helps: matching pairs of recorded runs, against random changes as large.

``python -m research.diagnoses`` judges every rule on the shipped evidence and writes the outcome:
``diagnoses.json`` into the evidence, which the command reads, and docs/diagnoses.md.

A *matching pair* is a run on which a rule applies and another configuration of the same case that differs from it
mainly in the advised value, in the advised direction. Its baselines are the configurations of the case that differ from
the same run by as much, mainly in another value or in the other direction. All of them were trained by plan, before
anybody looked at the run; its own score enters nothing but the gain, so that a run which was unlucky favours neither
side: regression to the mean lifts the pair and its baselines alike, and cancels.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.advise.diagnose.diagnosis import FIGURES, SCHEMA, context_name
from advisor.advise.diagnose.remedies import RULES, UNITS, Candidate, Change, RemedyRule
from advisor.advise.diagnose.symptoms import Symptoms, symptoms_of
from advisor.learn.table import Floats, is_augmented
from advisor.learn.usable_runs import is_evidence, score_of
from advisor.records.evidence import EPOCHS, RUNS, Evidence, load_evidence
from advisor.records.schema import Epoch, Run
from advisor.space.hyperparameters import HYPERPARAMETERS, NO_DECAY
from research.pages.rendering import render

MIN_PAIRS = 30
MIN_WINS = 0.7
MIN_GAIN = 1.0
"""Points that the middle pair must gain: about the noise between seeds, which is what a mere second try may bring."""
STEP = (1.0, 5.0)
"""A change of one value between this many units is a step; less is lost in noise, more is another region."""
OTHERS = 0.5
"""In a matching pair the other four values differ by at most this share of the step, together."""
AS_LARGE = 2.0
"""A baseline's change is as large as the pair's within this factor."""
MIN_BASELINES = 2
"""Kinds of other changes (which value, which direction) that must be there to compare a pair with."""
_SHRINKAGE_UNIT = 0.25
_BOOTSTRAPS = 2000


@dataclass(frozen=True)
class Outcome:
    """What one kind of change did, starting from one run; means over the matching pairs.

    Attributes
    ----------
    wins : float
        Share of random changes as large that ended below; a tie counts half. Every kind of change counts alike.
    gain : float
        Points of accuracy above the run itself.
    over_random : float
        Points above the random changes.
    steps : float
        Size of the change in ``UNITS``.
    improved : float
        Share that ended above the run itself, which is what changing nothing gives; a tie counts half.
    """

    wins: float
    gain: float
    over_random: float
    steps: float
    improved: float


@dataclass(frozen=True)
class Observed:
    """A recorded run: what it shows, and what the changes did that were recorded from it on."""

    group: str
    context: str
    """Optimizer and start, as in ``adamw from scratch``."""
    case: tuple[Any, ...]
    symptoms: Symptoms
    outcomes: Mapping[Change, Outcome]


def observe(evidence: Evidence) -> list[Observed]:
    """Return every run of the evidence from which some change was recorded."""
    group_of = {dataset.dataset_id: dataset.group for dataset in evidence.datasets}
    epochs: dict[str, list[Epoch]] = defaultdict(list)
    for epoch in evidence.epochs:
        epochs[epoch.run_id].append(epoch)
    cases: dict[tuple[Any, ...], list[Run]] = defaultdict(list)
    for run in evidence.runs:
        if is_evidence(run):
            cases[run.dataset_id, run.model, run.opt, run.pretrained, is_augmented(run)].append(run)
    observed = []
    for case, runs in cases.items():
        for run, outcomes in zip(runs, _outcomes(runs), strict=True):
            if outcomes:
                symptoms = symptoms_of(run, epochs[run.run_id])
                observed.append(Observed(group_of[str(run.dataset_id)], context_name(run), case, symptoms, outcomes))
    return observed


def differences(runs: Sequence[Run], start: int) -> Floats:
    """Return how far each run's hyperparameters are from those of one of them, in ``UNITS``; shape (n, 5).

    Two weight decays are as far apart as their values or as what they do, whichever is less: a decay acts by how far
    it shrinks the weights over the whole training, and two that both shrink them by next to nothing are alike.
    """
    columns = {name: np.array([float(getattr(run, name)) for run in runs]) for name in HYPERPARAMETERS}
    steps = np.array([max(1, (run.n_train or 1) // int(run.batch_size or 1)) * int(run.epochs or 1) for run in runs])
    shrinkage = 1 - np.exp(-columns["lr"] * steps * columns["weight_decay"])
    columns["weight_decay"] = np.maximum(columns["weight_decay"], NO_DECAY)
    parts = []
    for name in HYPERPARAMETERS:
        column = columns[name]
        if name == "dropout":
            parts.append((column - column[start]) / UNITS[name])
        else:
            parts.append(np.log(column / column[start]) / np.log(UNITS[name]))
    by_effect = np.abs(shrinkage - shrinkage[start]) / _SHRINKAGE_UNIT
    parts[-1] = np.sign(parts[-1]) * np.minimum(np.abs(parts[-1]), by_effect)
    return np.column_stack(parts)


def _outcomes(runs: Sequence[Run]) -> Iterator[dict[Change, Outcome]]:
    """Yield, for each run of a case, what each kind of change did that was recorded from it on."""
    score = np.array([score_of(run, int(run.n_classes or 1)) for run in runs])
    configurations = [tuple(getattr(run, name) for name in HYPERPARAMETERS) for run in runs]
    for start in range(len(runs)):
        other = np.array([configuration != configurations[start] for configuration in configurations])
        yield _outcomes_from(score, differences(runs, start), other, score[start])


def _outcomes_from(score: Floats, difference: Floats, other: NDArray[np.bool_], own: float) -> dict[Change, Outcome]:
    size = np.linalg.norm(difference, axis=1)
    main = np.abs(difference).argmax(axis=1)
    step = difference[np.arange(len(main)), main]
    rest = np.sqrt(np.maximum(size**2 - step**2, 0))
    # Ten kinds of change: which value changes most, and whether it goes up.
    kind = 2 * main + (step > 0)
    mostly_one = other & (rest <= np.abs(step))
    matching = other & (np.abs(step) >= STEP[0]) & (np.abs(step) <= STEP[1]) & (rest <= OTHERS * np.abs(step))
    found: dict[int, list[Outcome]] = defaultdict(list)
    for pair in np.flatnonzero(matching):
        as_large = mostly_one & (size >= size[pair] / AS_LARGE) & (size <= size[pair] * AS_LARGE)
        baselines = [score[as_large & (kind == k)] for k in set(kind[as_large]) - {kind[pair]}]
        if len(baselines) >= MIN_BASELINES:
            wins = [np.mean((score[pair] > r) + 0.5 * (score[pair] == r)) for r in baselines]
            means = [r.mean() for r in baselines]
            found[kind[pair]].append(
                Outcome(
                    wins=float(np.mean(wins)),
                    gain=float(score[pair] - own),
                    over_random=float(score[pair] - np.mean(means)),
                    steps=float(abs(step[pair])),
                    improved=float(score[pair] > own) + 0.5 * float(score[pair] == own),
                )
            )
    return {Change(HYPERPARAMETERS[k // 2], 1 if k % 2 else -1): _mean(outcomes) for k, outcomes in found.items()}


def _mean(outcomes: Sequence[Outcome]) -> Outcome:
    return Outcome(*(float(np.mean([getattr(o, name) for o in outcomes])) for name in Outcome.__dataclass_fields__))


def choose(rule: RemedyRule, observed: Iterable[Observed]) -> Candidate:
    """Return the candidate of a rule that wins most of those with enough pairs and gain, or else the best backed."""
    runs = list(observed)

    def support(candidate: Candidate) -> tuple[bool, float]:
        followed = _followed(candidate, runs)
        if len(followed) < MIN_PAIRS or np.median([o.gain for o in followed]) < MIN_GAIN:
            return False, len(followed)
        return True, float(np.mean([o.wins for o in followed]))

    return max(rule.candidates, key=support)


def judge(rule: RemedyRule, observed: Sequence[Observed]) -> dict[str, Any]:
    """Return the figures of one rule.

    The candidate is chosen again without each group and judged on that group, so that nothing about a group decides how
    it is diagnosed; ``bounds`` and ``change`` are the choice over all groups, which the command uses.
    """
    held_out: list[tuple[Observed, Outcome]] = []
    elsewhere: list[float] = []
    for group in sorted({o.group for o in observed}):
        chosen = choose(rule, (o for o in observed if o.group != group))
        for run in (o for o in observed if o.group == group and chosen.change in o.outcomes):
            if chosen.applies(run.symptoms):
                held_out.append((run, run.outcomes[chosen.change]))
            else:
                elsewhere.append(run.outcomes[chosen.change].wins)
    final = choose(rule, observed)
    wins = np.array([outcome.wins for _, outcome in held_out])
    gains = np.array([outcome.gain for _, outcome in held_out])
    groups = np.array([run.group for run, _ in held_out])
    mean_wins = float(wins.mean()) if len(wins) else None
    low, high = _interval(wins, groups)
    return {
        "rule": rule.name,
        "bounds": {name: [_finite(low), _finite(high)] for name, (low, high) in final.bounds.items()},
        "change": {"name": final.change.name, "direction": final.change.direction},
        "pairs": len(wins),
        "cases": len({run.case for run, _ in held_out}),
        "contexts": dict(sorted(Counter(run.context for run, _ in held_out).items())),
        "groups": len(set(groups)),
        "wins": _rounded(mean_wins, 3),
        "low": _rounded(low, 3),
        "high": _rounded(high, 3),
        "better_than_no_change": _rounded(
            float(np.mean([outcome.improved for _, outcome in held_out])) if held_out else None, 3
        ),
        "wins_without_the_symptom": _rounded(float(np.mean(elsewhere)) if elsewhere else None, 3),
        "gain": [_rounded(float(q), 1) for q in np.quantile(gains, [0.25, 0.5, 0.75])] if len(gains) else None,
        "over_random": _rounded(float(np.mean([o.over_random for _, o in held_out])) if held_out else None, 1),
        "steps": _rounded(float(np.median([o.steps for _, o in held_out])) if held_out else None, 1),
        "holds": bool(len(wins) >= MIN_PAIRS and wins.mean() >= MIN_WINS and np.median(gains) >= MIN_GAIN),
    }


def _followed(candidate: Candidate, observed: Iterable[Observed]) -> list[Outcome]:
    change = candidate.change
    return [o.outcomes[change] for o in observed if change in o.outcomes and candidate.applies(o.symptoms)]


def _interval(values: Floats, groups: NDArray[np.str_]) -> tuple[float | None, float | None]:
    """Return the 95 % percentile interval of the mean over pairs, resampling whole groups."""
    names = np.unique(groups)
    if len(names) < 2:
        return None, None
    sums = np.array([values[groups == name].sum() for name in names])
    counts = np.array([(groups == name).sum() for name in names])
    drawn = np.random.default_rng(0).integers(len(names), size=(_BOOTSTRAPS, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def judge_all(evidence: Evidence) -> dict[str, Any]:
    """Return the document that ships as ``diagnoses.json``: the figures of every rule, and what they were made of."""
    observed = observe(evidence)
    checksums = evidence.manifest["sha256"]
    return {
        "schema": SCHEMA,
        "sha256": {name: checksums[name] for name in (RUNS, EPOCHS)},
        "runs": len(evidence.runs),
        "most_epochs": max(int(run.epochs or 1) for run in evidence.runs),
        "required": {"pairs": MIN_PAIRS, "wins": MIN_WINS, "gain": MIN_GAIN},
        "rules": [judge(rule, observed) for rule in RULES],
    }


def page(document: Mapping[str, Any]) -> str:
    """Return docs/diagnoses.md: the figures of every rule, worst news included."""
    return render("diagnoses", rules=[_row(rule) for rule in document["rules"]], runs=document["runs"])


def _row(rule: Mapping[str, Any]) -> list[str]:
    change = Change(rule["change"]["name"], rule["change"]["direction"])
    return [
        rule["rule"],
        f"{change.name} {'up' if change.direction > 0 else 'down'}",
        _percent(rule["wins"]),
        f"{_percent(rule['low'])} to {_percent(rule['high'])}",
        str(rule["pairs"]),
        str(rule["cases"]),
        str(rule["groups"]),
        _percent(rule["better_than_no_change"]),
        _percent(rule["wins_without_the_symptom"]),
        "" if rule["gain"] is None else "{1:+.1f} ({0:+.1f} to {2:+.1f})".format(*rule["gain"]),
        "" if rule["over_random"] is None else f"{rule['over_random']:+.1f}",
        "yes" if rule["holds"] else "no: " + _shortcoming(rule),
    ]


def _shortcoming(rule: Mapping[str, Any]) -> str:
    if rule["pairs"] < MIN_PAIRS:
        return "too few pairs"
    if rule["wins"] < MIN_WINS:
        return f"{rule['wins']:.1%} is below {MIN_WINS:.0%}"
    return f"gains less than {MIN_GAIN:g}"


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share:.0%}"


def main(folder: str = "meta_data", to: str = "docs/diagnoses.md") -> None:
    """Judge the rules on a folder of evidence; write the figures into it, and the page."""
    document = judge_all(load_evidence(Path(folder)))
    (Path(folder) / FIGURES).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    Path(to).write_text(page(document), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
