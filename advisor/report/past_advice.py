"""How past advice did: what it expected against what the runs that followed it reached."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import ValidationError

from advisor.advise.suggestion import Expected, Suggested, Suggestion
from advisor.learn.usable_runs import score_of
from advisor.records.schema import Run, Status, StoredSuggestion
from advisor.space.hyperparameters import HYPERPARAMETERS

Advice: TypeAlias = tuple[StoredSuggestion, Suggestion]


@dataclass(frozen=True)
class Followed:
    """A finished run that was trained as advised.

    Attributes
    ----------
    run : Run
        The run.
    expected : Expected
        What was expected of the advised configuration.
    actual : float
        What it reached: final top-1 in percent, chance where it diverged.
    named : bool
        Whether the run names the advice; otherwise its values and its start after the advice tell.
    """

    run: Run
    expected: Expected
    actual: float
    named: bool

    @property
    def inside(self) -> bool:
        """Whether the interval held."""
        return self.expected.low <= self.actual <= self.expected.high


@dataclass(frozen=True)
class Account:
    """All runs that followed advice with an expectation, newest first."""

    followed: tuple[Followed, ...]

    @property
    def words(self) -> str:
        """How the advice did, in one sentence."""
        n = len(self.followed)
        if not n:
            return "No finished run has followed advice that came with an expectation yet."
        inside = sum(one.inside for one in self.followed)
        off = sum(one.actual - one.expected.top1 for one in self.followed) / n
        level = self.followed[0].expected.level
        side = "above" if off >= 0 else "below"
        return (
            f"{n} run{'s' if n > 1 else ''} followed advice; {inside} of {n} ended inside the interval that should "
            f"hold for {level:.0%}; on average {abs(off):.1f} points {side} what was expected."
        )


def account(runs: Iterable[Run], suggestions: Sequence[StoredSuggestion]) -> Account:
    """Match runs with the advice they followed.

    A run follows the advice that it names, or else the newest one before it for the same images, model, optimizer and
    start, where its hyperparameters are those of one of the advised configurations. A run that names advice and was
    trained with other values did not follow it.

    Parameters
    ----------
    runs : iterable of Run
        The user's runs, newest first.
    suggestions : sequence of StoredSuggestion
        Advice that was given, newest first.
    """
    readable = [(stored, suggestion) for stored in suggestions if (suggestion := _read(stored)) is not None]
    return Account(tuple(_followed(runs, readable)))


def _read(stored: StoredSuggestion) -> Suggestion | None:
    try:
        return Suggestion.model_validate(stored.suggestion)
    except ValidationError:  # made by a version that wrote it otherwise
        return None


def _followed(runs: Iterable[Run], advice: Sequence[Advice]) -> Iterator[Followed]:
    by_id, by_dataset = _grouped(advice)
    for run in runs:
        if run.status not in (Status.FINISHED, Status.DIVERGED) or not run.n_classes:
            continue
        if run.status is Status.FINISHED and (run.metric != "eval_top1" or run.final_metric is None):
            continue
        named = run.suggestion_id is not None
        for stored, suggestion in by_id[run.suggestion_id] if named else by_dataset[run.dataset_id]:
            if not named and not _is_for(run, stored, suggestion):
                continue
            taken = next((one for one in suggestion.suggestions if _is_trained_as(run, one)), None)
            if taken is not None and taken.expected is not None:
                yield Followed(run, taken.expected, score_of(run, run.n_classes), named)
                break


def _grouped(advice: Sequence[Advice]) -> tuple[Mapping[str | None, list[Advice]], Mapping[str | None, list[Advice]]]:
    """Return advice by its id and by its dataset, each in the order it had."""
    by_id: dict[str | None, list[Advice]] = defaultdict(list)
    by_dataset: dict[str | None, list[Advice]] = defaultdict(list)
    for stored, suggestion in advice:
        by_id[stored.suggestion_id].append((stored, suggestion))
        by_dataset[suggestion.dataset.dataset_id].append((stored, suggestion))
    return by_id, by_dataset


def _is_for(run: Run, stored: StoredSuggestion, suggestion: Suggestion) -> bool:
    return (
        (run.model or "").partition(".")[0] == suggestion.model.partition(".")[0]
        and (run.opt or "").lower() == suggestion.opt
        and bool(run.pretrained) == suggestion.pretrained
        and (run.started_at is None or run.started_at >= stored.created_at)
    )


def _is_trained_as(run: Run, suggested: Suggested) -> bool:
    values = [(getattr(run, name), getattr(suggested, name)) for name in HYPERPARAMETERS]
    return all(mine is not None and math.isclose(mine, advised, rel_tol=1e-3) for mine, advised in values)
