"""A suggestion as people read it: a table of the values, and a few lines around it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from advisor.safe_console import SafeConsole, line
from advisor.space.hyperparameters import HYPERPARAMETERS, LABELS, format_number
from advisor.space.words import counted

_TOO_WIDE = 30.0
"""A range of learning rates over more than such a factor helps nobody."""
_WIDTH = 100
"""Columns of a table that is no terminal's."""


def to_plain_table(suggestion: Mapping[str, Any]) -> str:
    """Return what ``to_table`` shows as plain text."""
    out = io.StringIO()
    SafeConsole(file=out, width=_WIDTH, color_system=None, force_terminal=False).print(to_table(suggestion))
    return "\n".join(text.rstrip() for text in out.getvalue().splitlines())


def to_table(suggestion: Mapping[str, Any]) -> RenderableType:
    """Return a suggestion for people: the values, what is expected, how sure it is, and why.

    Parameters
    ----------
    suggestion : mapping
        Its JSON document, ``advisor.suggestion/1``.
    """
    best, *others = suggestion["suggestions"]
    expected, dataset = best["expected"], suggestion["dataset"]
    start = "pretrained" if suggestion["pretrained"] else "from scratch"
    values = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    values.add_column("", no_wrap=True)
    values.add_column("suggested", justify="right", style="bold", no_wrap=True)
    values.add_column("good range", justify="center")
    for i in range(len(others)):
        values.add_column(f"{i + 2}.", justify="right", style="dim")
    for name in HYPERPARAMETERS:
        values.add_row(
            LABELS[name],
            format_number(best[name]),
            _range(name, *suggestion["ranges"][name]),
            *(format_number(other[name]) for other in others),
        )
    if expected is not None:
        values.add_row(
            "expected top-1",
            f"{expected['top1']:.0f} %",
            f"{expected['low']:.0f} to {expected['high']:.0f} %",
            *(f"{other['expected']['top1']:.0f} %" if other["expected"] else "" for other in others),
        )
    if best["expected_seconds"] is not None:
        values.add_row("expected time", duration(best["expected_seconds"]))
    assumes = suggestion["assumes"]
    lines: list[RenderableType] = [
        line(
            f"{dataset['name']}: {counted(dataset['n_train'], 'training image')}, "
            f"{counted(dataset['n_classes'], 'class', 'classes')}"
        ),
        line(f"{suggestion['model']}, {start}, {suggestion['opt']}, {suggestion['img_size']} pixels"),
        line(""),
        values,
        line(""),
        line(
            f"Assumes: {assumes['sched']} schedule, warm-up {assumes['warmup_epochs']:g} "
            f"{'epoch' if assumes['warmup_epochs'] == 1 else 'epochs'}, augmentation "
            f"{assumes['augment']}, label smoothing {assumes['label_smoothing']:g}, mixup {assumes['mixup']:g}"
            f"{_depth(assumes)}",
        ),
        line(_trust(suggestion), style="bold"),
    ]
    # What lowers the confidence was said with it.
    said = suggestion["confidence_reason"]
    lines += [line(f"Note: {warning}.") for warning in suggestion["warnings"] if warning not in said]
    if suggestion["evidence"]:
        lines += [line(""), line("Most similar recorded datasets and the best run there:")]
        lines += [line(f"  {_neighbour(e['dataset'], e['similarity'], e['best'])}") for e in suggestion["evidence"]]
    return Group(*lines)


def _depth(assumes: Mapping[str, Any]) -> str:
    """Name what depends on the depth of the network, and a moving average, where the advice assumes them."""
    named = {"layer decay": assumes["layer_decay"], "drop-path": assumes["drop_path"] or None, "EMA": assumes["ema"]}
    return "".join(f", {name} {value:g}" for name, value in named.items() if value is not None)


def _range(name: str, low: float, high: float) -> str:
    """Return a good range, or that it is too wide to be of use."""
    if name == "lr" and high > _TOO_WIDE * low:
        return "not known"
    first, last = format_number(low), format_number(high)
    return first if first == last else f"{first} to {last}"


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


def _trust(suggestion: Mapping[str, Any]) -> str:
    reason = f": {suggestion['confidence_reason']}" if suggestion["confidence_reason"] else ""
    novelty = "" if suggestion["basis"] == "rule" else f" (novelty {suggestion['novelty']:.2f})"
    return f"Confidence: {suggestion['confidence']}{reason}{novelty}. Basis: {basis_in_words(suggestion)}."


_BASES = {
    "meta-model": "the meta-model",
    "response": "public fine-tuning runs",
    "recipes": "published recipes",
    "rule": "a fixed rule",
}


def basis_in_words(suggestion: Mapping[str, Any]) -> str:
    """Return what the values of a suggestion rest on, with its share where that is several.

    Parameters
    ----------
    suggestion : mapping
        Its JSON document, ``advisor.suggestion/1``.
    """
    named, metamodel = dict(_BASES), suggestion["metamodel"]
    if metamodel is not None:
        learned = f"{counted(metamodel['runs'], 'run')} on {counted(metamodel['datasets'], 'dataset')}"
        named["meta-model"] += f", learned from {learned}"
    shares = sorted(suggestion["basis_weights"].items(), key=lambda item: -item[1])
    if len(shares) < 2:
        return named[suggestion["basis"]]
    return "; ".join(f"{share:.0%} {named[name]}" for name, share in shares)


def _neighbour(dataset: str, similarity: float, best: dict[str, object]) -> str:
    hparams = ", ".join(f"{name} {format_number(float(str(best[name])))}" for name in HYPERPARAMETERS)
    return f"{dataset} (similarity {similarity:.2f}): {best['model']} {float(str(best['top1'])):.1f} % with {hparams}"
