"""After a run: what its learning curve and its hyperparameters show, and which one value to change next."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from advisor.advise.diagnose.causes import DIVERGED, Cause, find_causes
from advisor.advise.diagnose.remedies import RULES, Candidate, Change, RemedyRule
from advisor.advise.diagnose.symptoms import (
    Symptoms,
    came_apart,
    epochs_without_loss,
    is_cut,
    lr_came_down,
    symptoms_of,
)
from advisor.advise.search.context import covering, is_supported
from advisor.describe.model import model_features
from advisor.errors import AdvisorError
from advisor.learn.artefact import Artefact
from advisor.learn.table import context_of, features, to_matrix
from advisor.records.schema import Dataset, Epoch, Run, Status, StoredSuggestion
from advisor.space.hyperparameters import HYPERPARAMETERS, LABELS, TIMM_ARGUMENTS, format_number

SCHEMA = "advisor.diagnoses/2"
FIGURES = "diagnoses.json"
NOTHING_WRONG = "nothing wrong"
_ONE_CURVE = "and one run's curve says less than what that rests on"
_TELLING = 0.05
"""A finding that raises the share of random changes beaten by less than this adds nothing to its advice."""


@dataclass(frozen=True)
class Finding:
    """Something that a run suffers from.

    Attributes
    ----------
    rule : str
        Name of the rule that applies.
    meaning : str
        What that means.
    seen : str
        The numbers that made the rule apply, in words.
    advised : bool
        Whether recorded runs back the rule's advice; if not, the finding only describes.
    figures : mapping
        The rule's entry in ``meta_data/diagnoses.json``.
    """

    rule: str
    meaning: str
    seen: str
    advised: bool
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Advice:
    """Which one value to change next, and what that is expected to give.

    Attributes
    ----------
    rule : str
        The finding that asks for it.
    name : str
        Which of the hyperparameters.
    current, proposed : float
        The run's value and the one to try.
    gain : (float, float, float)
        Points of top-1 that recorded runs gained by this change: first quartile, median, third quartile.
    over_random : float
        Points that they gained more than by random changes as large.
    wins : float
        Share of random changes as large that did worse, on held-out sources.
    pairs : int
        Matching pairs that the figures are made of.
    anyway : float or None
        The share on runs without the finding: what the change brings whatever a run suffers from.
    predicted : (float, float) or None
        Top-1 that the meta-model expects before and after on this very dataset, where it has a say.
    """

    rule: str
    name: str
    current: float
    proposed: float
    gain: tuple[float, float, float]
    over_random: float
    wins: float
    pairs: int
    anyway: float | None = None
    predicted: tuple[float, float] | None = None

    @property
    def option(self) -> str:
        """The change as an option of timm's train.py."""
        return f"--{TIMM_ARGUMENTS[self.name].replace('_', '-')} {format_number(self.proposed)}"

    @property
    def change(self) -> str:
        """The change in words."""
        by = f"{self.proposed - self.current:+.2g}"
        if self.name != "dropout":
            factor = self.proposed / self.current
            by = f"x {factor:.2g}" if factor > 1 else f"/ {1 / factor:.2g}"
        return f"{LABELS[self.name]} from {format_number(self.current)} to {format_number(self.proposed)} ({by})"

    @property
    def expectation(self) -> str:
        """What the change is expected to give, in words."""
        low, median, high = self.gain
        words = (
            f"Recorded runs gained {median:+.1f} points of top-1 by such a change (middle half {low:+.1f} to "
            f"{high:+.1f}) and did better than after {self.wins:.0%} of random changes as large "
            f"({self.pairs} matching pairs)."
        )
        if self.anyway is not None and self.anyway > self.wins - _TELLING:
            words += f" So it did on runs without this finding ({self.anyway:.0%}): it tends to help anyway."
        if self.predicted is not None:
            before, after = self.predicted
            words += f" The meta-model expects {after:.0f} % instead of {before:.0f} % on this dataset."
        return words


@dataclass(frozen=True)
class Diagnosis:
    """What is to be said after a run.

    Where ``causes`` explain it, nothing is read off its curve; without them, ``findings`` is empty where nothing is
    wrong or nothing can be told.
    """

    run: Run
    symptoms: Symptoms
    findings: tuple[Finding, ...]
    advice: Advice | None
    notes: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()

    @property
    def verdict(self) -> str:
        """The first cause's or finding's name, ``nothing wrong``, or ``cannot tell``."""
        if self.causes:
            return self.causes[0].name
        if self.findings:
            return self.findings[0].rule
        told = self.symptoms.unlearned is not None or self.symptoms.late_gain is not None
        return NOTHING_WRONG if told else "cannot tell"


def load_figures(folder: Path | None = None) -> dict[str, Any]:
    """Read what recorded runs say about the rules, by default from the evidence that ships.

    Raises
    ------
    AdvisorError
        If the file is missing or of another schema.
    """
    source = (resources.files("advisor._meta_data") if folder is None else folder).joinpath(FIGURES)
    try:
        document: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"its schema is {document['schema']}, this program reads {SCHEMA}")
    except (OSError, ValueError, KeyError) as error:
        raise AdvisorError(
            "the figures behind the diagnoses cannot be read",
            cause=str(error),
            hint="pip install --force-reinstall timm-advisor",
        ) from error
    return document


def context_name(run: Run) -> str:
    """Return a run's optimizer and start in words, as the figures name them."""
    return f"{run.opt} from {'pretrained weights' if run.pretrained else 'scratch'}"


def diagnose(
    run: Run,
    epochs: Sequence[Epoch],
    *,
    figures: Mapping[str, Any] | None = None,
    artefact: Artefact | None = None,
    dataset: Dataset | None = None,
    suggestion: StoredSuggestion | None = None,
) -> Diagnosis:
    """Say what a run suffers from and which one value to change.

    What no value mends is looked for first (see ``find_causes``). A change is advised by the first rule that applies,
    is backed by recorded runs and leaves room for it, unless the meta-model expects it to be worse on this dataset, or
    it contradicts the suggestion that the run followed.

    Parameters
    ----------
    run : Run
        The run.
    epochs : sequence of Epoch
        Its epochs in order.
    figures : mapping, optional
        What recorded runs say about the rules; by default the shipped figures.
    artefact, dataset : optional
        The meta-model and the description of the run's dataset, to predict the outcome of the change.
    suggestion : StoredSuggestion, optional
        The one that the run followed.

    Returns
    -------
    Diagnosis
    """
    document = load_figures() if figures is None else figures
    by_rule = {entry["rule"]: entry for entry in document["rules"]}
    symptoms = symptoms_of(run, epochs)
    causes = find_causes(run, epochs)
    apart = came_apart(run, epochs)
    findings: list[Finding] = []
    advice, withheld = None, []
    for rule in RULES if not apart else RULES[:1]:
        if any(cause.name != DIVERGED for cause in causes):
            break
        entry = by_rule.get(rule.name)
        if entry is None or not (candidate := _candidate(entry)).applies(symptoms):
            continue
        findings.append(_finding(rule, candidate, symptoms, entry))
        if advice is not None or not entry["holds"]:
            continue
        advice = _advice(run, candidate.change, entry, document["most_epochs"])
        if advice is not None and artefact is not None and dataset is not None:
            advice = replace(advice, predicted=_predicted(run, advice, artefact, dataset))
        if advice is not None and (against := _against(run, advice, suggestion, apart)) is not None:
            withheld.append(against)
            advice = None
    if findings and causes:  # it diverged, and the rule says why
        findings[0] = replace(findings[0], seen=f"{causes[0].meaning}; {findings[0].seen}")
        causes = ()
    # What a curve does not tell matters only where a curve was to be read.
    notes = [] if causes else [*withheld, *_notes(run, epochs, findings, advice, document)]
    return Diagnosis(run, symptoms, tuple(findings), advice, tuple(notes), causes)


def _against(run: Run, advice: Advice, suggestion: StoredSuggestion | None, apart: bool) -> str | None:
    """Return why advice is not to be given although a rule asks for it; None where nothing speaks against it."""
    if advice.predicted is not None and advice.predicted[1] < advice.predicted[0]:
        before, after = advice.predicted
        return f"{advice.change} is not advised: the meta-model expects {after:.1f} % of it instead of {before:.1f} %"
    if apart or advice.name == "epochs":
        return None  # that it came apart is evidence; how long to train is the user's limit
    if suggestion is None:
        if run.suggestion_id is None or advice.name != "lr":
            return None
        return f"{advice.change} is not advised: the run followed a suggestion, {_ONE_CURVE}"
    good = suggestion.suggestion.get("ranges", {}).get(advice.name)
    if good is None or not good[0] <= advice.current <= good[1]:
        return None
    if advice.name != "lr" and good[0] <= advice.proposed <= good[1]:
        return None
    within = f"{format_number(good[0])} to {format_number(good[1])}"
    followed = f"the suggestion that the run followed takes {within} to be as good"
    return f"{advice.change} is not advised: {followed}, {_ONE_CURVE}"


def _candidate(entry: Mapping[str, Any]) -> Candidate:
    bounds = {
        name: (-math.inf if low is None else low, math.inf if high is None else high)
        for name, (low, high) in entry["bounds"].items()
    }
    return Candidate(bounds, Change(entry["change"]["name"], entry["change"]["direction"]))


_SEEN = {
    "unlearned": lambda v: f"{max(0.0, v):.0%} of the training loss is left",
    "reached": lambda v: f"the accuracy came {max(0.0, v):.0%} of the way up from guessing",
    "falling": lambda v: f"it fell in {v:.0%} of the epochs",
    "peak": lambda v: f"the worst evaluation loss is {v:.2g} times that of guessing",
    "gap": lambda v: f"the evaluation loss lies {v:.0%} of guessing above what is left in training",
    "swings": lambda v: f"the evaluation loses {v:.1f} points an epoch in setbacks",
    "late_gain": lambda v: f"the last fifth of the epochs gained {v:.1f} points",
    "lr_ratio": lambda v: f"the learning rate is {v:.2g} times the usual one",
    "dropout": lambda v: f"dropout is {v:g}",
}


def _finding(rule: RemedyRule, candidate: Candidate, symptoms: Symptoms, entry: Mapping[str, Any]) -> Finding:
    seen = "; ".join(_SEEN[name](getattr(symptoms, name)) for name in candidate.bounds)
    return Finding(rule.name, rule.meaning, seen, entry["holds"], entry)


def _advice(run: Run, change: Change, entry: Mapping[str, Any], most_epochs: int) -> Advice | None:
    proposed = change.apply(run, entry["steps"])
    if proposed is None:
        return None
    if change.name == "epochs" and proposed > most_epochs:
        # Nothing that was recorded tells what still longer trainings bring, and they cost most of all changes.
        proposed = most_epochs
        if proposed <= (run.epochs or 0):
            return None
    return Advice(
        rule=entry["rule"],
        name=change.name,
        current=getattr(run, change.name),
        proposed=proposed,
        gain=tuple(entry["gain"]),
        over_random=entry["over_random"],
        wins=entry["wins"],
        pairs=entry["pairs"],
        anyway=entry.get("wins_without_the_symptom"),
    )


def _predicted(run: Run, advice: Advice, artefact: Artefact, dataset: Dataset) -> tuple[float, float] | None:
    """Return the accuracy that the meta-model expects with the run's values and with the changed one."""
    artefact = artefact.of(run.pretraining)
    if not run.model or not run.opt or not is_supported(covering(artefact, run.opt, run.pretraining)):
        return None
    if any(getattr(run, name) is None for name in HYPERPARAMETERS):
        return None
    hparams = {name: np.full(2, float(getattr(run, name))) for name in HYPERPARAMETERS}
    hparams[advice.name][1] = advice.proposed
    context = context_of(run, dataset, model_features, max_epochs=int(hparams["epochs"].max()))
    top1 = artefact.model.predict(to_matrix(artefact.model.columns_, features(context, hparams))).top1
    return round(float(top1[0]), 1), round(float(top1[1]), 1)


def _notes(
    run: Run,
    epochs: Sequence[Epoch],
    findings: Sequence[Finding],
    advice: Advice | None,
    document: Mapping[str, Any],
) -> list[str]:
    notes = []
    if run.status is Status.RUNNING:
        notes.append("the run is still going on, and its curve does not tell yet how it will end")
    elif is_cut(run):
        notes.append(
            f"the run is {run.status.value}: it was cut short, and its curve does not tell how it would have ended"
        )
    elif not lr_came_down(epochs):
        notes.append(
            "the learning rate had not come down in the last epoch, so a rise of the accuracy there says nothing of "
            "the number of epochs"
        )
    if (missing := epochs_without_loss(epochs)) and not came_apart(run, epochs):
        notes.append(f"the loss of {len(missing)} of {len(epochs)} epochs is missing or not a number: no curve is read")
    if len(epochs) < 2:
        notes.append("fewer than two epochs were recorded, which is too little to tell a curve from")
    if run.mixup or run.cutmix:
        notes.append("under mixup and cutmix the training loss does not say how much was learned")
    most = document["most_epochs"]
    if (
        advice is None
        and (run.epochs or 0) >= most
        and any(finding.advised and finding.figures["change"]["name"] == "epochs" for finding in findings)
    ):
        notes.append(f"recorded runs end at {most} epochs: they do not tell whether more would help")
    by_rule = {finding.rule: finding.figures for finding in findings}
    if advice is not None and not by_rule[advice.rule]["contexts"].get(context_name(run)):
        notes.append(f"none of the matching pairs is a run with {context_name(run)}: take the advice as a hint")
    return notes
