"""A suggestion as text: for people (table), for programs (json), for timm's train.py (args, yaml)."""

from __future__ import annotations

from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table

from advisor.advise.assumes import Assumes
from advisor.advise.output.timm_arguments import quote
from advisor.advise.suggestion import Suggestion
from advisor.errors import UsageError
from advisor.plugins import get_plugins
from advisor.safe_console import line
from advisor.space.hyperparameters import HYPERPARAMETERS, LABELS, format_number

_TOO_WIDE = 30.0
"""A range of learning rates over more than such a factor helps nobody."""
FORMATS = ("table", "json", "yaml", "args")


def check_format(format: str) -> None:
    """Raise UsageError unless a format is one of ``FORMATS`` or some plugin renders further ones."""
    if format not in FORMATS and not get_plugins().implementations("advisor_render"):
        raise _no_format(format)


def to_text(suggestion: Suggestion, format: str, dataset: str | Path | None = None) -> str:
    """Return a suggestion in a format that programs read: json, yaml, args, or one that a plugin renders.

    Parameters
    ----------
    suggestion : Suggestion
    format : str
    dataset : str or Path, optional
        Where the images are, for the arguments of train.py.

    Raises
    ------
    UsageError
        If nothing renders the format.
    """
    if format == "json":
        return suggestion.to_json()
    if format == "yaml":
        return suggestion.to_yaml(dataset).rstrip("\n")
    if format == "args":
        return quote(suggestion.to_args(dataset))
    text = get_plugins().call_first("advisor_render", suggestion=suggestion, format=format)
    if text is None:
        raise _no_format(format)
    return str(text)


def _no_format(format: str) -> UsageError:
    return UsageError(f"no format {format!r}", hint=f"--format one of {', '.join(FORMATS)}")


def to_table(suggestion: Suggestion) -> RenderableType:
    """Return a suggestion for people: the values, what is expected, how sure it is, and why."""
    best = suggestion.best
    start = "pretrained" if suggestion.pretrained else "from scratch"
    values = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    values.add_column("", no_wrap=True)
    values.add_column("suggested", justify="right", style="bold", no_wrap=True)
    values.add_column("good range", justify="center")
    for i in range(1, len(suggestion.suggestions)):
        values.add_column(f"{i + 1}.", justify="right", style="dim")
    for name in HYPERPARAMETERS:
        others = [format_number(getattr(s, name)) for s in suggestion.suggestions[1:]]
        values.add_row(
            LABELS[name],
            format_number(getattr(best, name)),
            _range(name, *suggestion.ranges[name]),
            *others,
        )
    if best.expected is not None:
        values.add_row(
            "expected top-1",
            f"{best.expected.top1:.0f} %",
            f"{best.expected.low:.0f} to {best.expected.high:.0f} %",
            *(f"{s.expected.top1:.0f} %" if s.expected else "" for s in suggestion.suggestions[1:]),
        )
    if best.expected_seconds is not None:
        values.add_row("expected time", _duration(best.expected_seconds))
    assumes = suggestion.assumes
    lines: list[RenderableType] = [
        line(
            f"{suggestion.dataset.name}: {suggestion.dataset.n_train:,} training images, "
            f"{suggestion.dataset.n_classes:,} classes"
        ),
        line(f"{suggestion.model}, {start}, {suggestion.opt}, {suggestion.img_size} pixels"),
        line(""),
        values,
        line(""),
        line(
            f"Assumes: {assumes.sched} schedule, warm-up {assumes.warmup_epochs:g} "
            f"{'epoch' if assumes.warmup_epochs == 1 else 'epochs'}, augmentation "
            f"{assumes.augment}, label smoothing {assumes.label_smoothing:g}, mixup {assumes.mixup:g}{_depth(assumes)}",
        ),
        line(_trust(suggestion), style="bold"),
    ]
    lines += [line(f"Note: {warning}.") for warning in suggestion.warnings]
    if suggestion.evidence:
        lines += [line(""), line("Most similar recorded datasets and the best run there:")]
        lines += [line(f"  {_neighbour(e.dataset, e.similarity, e.best)}") for e in suggestion.evidence]
    return Group(*lines)


def _depth(assumes: Assumes) -> str:
    """Name what depends on the depth of the network, and a moving average, where the advice assumes them."""
    named = {"layer decay": assumes.layer_decay, "drop-path": assumes.drop_path or None, "EMA": assumes.ema}
    return "".join(f", {name} {value:g}" for name, value in named.items() if value is not None)


def _range(name: str, low: float, high: float) -> str:
    """Return a good range, or that it is too wide to be of use."""
    if name == "lr" and high > _TOO_WIDE * low:
        return "not known"
    first, last = format_number(low), format_number(high)
    return first if first == last else f"{first} to {last}"


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


def _trust(suggestion: Suggestion) -> str:
    reason = f": {suggestion.confidence_reason}" if suggestion.confidence_reason else ""
    sure = f"Confidence: {suggestion.confidence}{reason}"
    if suggestion.basis == "rule" or suggestion.metamodel is None:
        return f"{sure}. Basis: a fixed rule."
    if suggestion.basis != "meta-model":
        basis = {"recipes": "published recipes", "response": "public fine-tuning runs"}[suggestion.basis]
        return f"{sure} (novelty {suggestion.novelty:.2f}). Basis: {basis}."
    learned = f"{suggestion.metamodel.runs:,} runs on {suggestion.metamodel.datasets} datasets"
    return f"{sure} (novelty {suggestion.novelty:.2f}). Basis: {suggestion.basis}, learned from {learned}."


def _neighbour(dataset: str, similarity: float, best: dict[str, object]) -> str:
    hparams = ", ".join(f"{name} {format_number(float(str(best[name])))}" for name in HYPERPARAMETERS)
    return f"{dataset} (similarity {similarity:.2f}): {best['model']} {float(str(best['top1'])):.1f} % with {hparams}"
