"""A ranking of models as people read it: a row a model, and a few lines below."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table

from advisor.advise.models.ranking import ModelRanking, RankedModel
from advisor.advise.output.table import duration
from advisor.safe_console import line
from advisor.space.hyperparameters import format_number
from advisor.space.words import counted

_VALUES = ("lr", "batch_size", "epochs")
_LEFT_OUT = 5
_LEAST_WIDTH = 16
"""Columns of a model's name; a longer one takes further lines on a narrow terminal."""


def to_models_table(ranking: ModelRanking) -> RenderableType:
    """Return a ranking for people."""
    dataset, first = ranking.dataset, ranking.best.suggestion
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("model", overflow="fold", min_width=_LEAST_WIDTH)
    for name in ("expected top-1", "params", "time", "GiB", "lr", "batch", "epochs"):
        table.add_column(name, justify="right", no_wrap=True)
    for model in ranking.models:
        table.add_row(*_row(model))
    lines: list[RenderableType] = [
        line(
            f"{dataset.name}: {counted(dataset.n_train, 'training image')}, "
            f"{counted(dataset.n_classes, 'class', 'classes')}; pretrained, {first.opt}"
        ),
        line(""),
        table,
        line(""),
        line("Expected is what a good fine-tuning reaches, with an interval that holds in four of five cases."),
    ]
    lines += [line(f"Note: {warning}.") for warning in ranking.warnings]
    lines += [line(f"Left out: {_left_out(one.model, one.reason)}.") for one in ranking.left_out[:_LEFT_OUT]]
    if len(ranking.left_out) > _LEFT_OUT:
        lines.append(line(f"and {len(ranking.left_out) - _LEFT_OUT} more (--format json)"))
    return Group(*lines)


def _row(model: RankedModel) -> list[str]:
    expected, best = model.expected, model.suggestion.best
    return [
        model.model,
        "" if expected is None else f"{expected.top1:.0f} % ({expected.low:.0f}–{expected.high:.0f})",
        f"{model.num_params / 1e6:.1f}M",
        "" if model.seconds is None else duration(model.seconds),
        "" if model.memory_bytes is None else f"{model.memory_bytes / 2**30:.1f}",
        *(format_number(getattr(best, name)) for name in _VALUES),
    ]


def _left_out(model: str | None, reason: str) -> str:
    return reason if model is None else f"{model}: {reason}"
