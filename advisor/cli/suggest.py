"""``advisor suggest``."""

from __future__ import annotations

from typing import Any

import click

from advisor.errors import UsageError


class FixedValue(click.ParamType):
    """``NAME=VALUE`` for one of the five."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """Return the name and the number, or fail with what is wrong."""
        from advisor.learn.space import check_value

        name, _, text = str(value).partition("=")
        name = name.strip().replace("-", "_")
        try:
            number = float(text)
        except ValueError:
            self.fail(f"{value!r} is not NAME=VALUE with a number, such as lr=0.001", param, ctx)
        try:
            check_value(name, number)
        except UsageError as error:
            self.fail(f"{error}; {error.hint}" if error.hint else str(error), param, ctx)
        return name, number


@click.command()
@click.option("--dataset", required=True, metavar="PATH", help="Folder of the training images, one folder a class.")
@click.option("--model", metavar="M", help="timm model name.  [default: resnet18]")
@click.option("--opt", metavar="O", default="adamw", show_default=True, help="timm optimizer name.")
@click.option(
    "--pretrained/--scratch", default=None, help="Start from pretrained weights.  [default: where the model has them]"
)
@click.option("--img-size", type=click.IntRange(8), metavar="N", help="Side of the images in pixels.")
@click.option("--max-epochs", type=click.IntRange(1), metavar="N", help="Never suggest more epochs.")
@click.option("--max-batch-size", type=click.IntRange(1), metavar="N", help="Never suggest a larger batch.")
@click.option(
    "--prefer",
    type=click.Choice(["accuracy", "balanced", "speed"]),
    default="balanced",
    show_default=True,
    help="What an epoch may cost: accuracy ignores it, balanced takes the fewest epochs that come within the noise "
    "of the best, speed the fewest within one point.",
)
@click.option("--fix", type=FixedValue(), multiple=True, help="A value that is decided; may be repeated.")
@click.option("--top", type=click.IntRange(1, 10), default=3, show_default=True, metavar="K", help="How many to show.")
@click.option("--format", "format_", default="table", show_default=True, help="table, json, yaml or args.")
@click.option("--strict", is_flag=True, help="Exit with status 3 when confidence is low.")
def suggest(
    dataset: str,
    model: str | None,
    opt: str,
    pretrained: bool | None,
    img_size: int | None,
    max_epochs: int | None,
    max_batch_size: int | None,
    prefer: Any,
    fix: tuple[tuple[str, float], ...],
    top: int,
    format_: str,
    strict: bool,
) -> int:
    """Suggest learning rate, batch size, epochs, dropout and weight decay for a dataset."""
    from advisor.advise.advisor import Advisor
    from advisor.advise.render import to_table, to_text

    advised = Advisor().suggest(
        dataset,
        model=model,
        opt=opt,
        pretrained=pretrained,
        img_size=img_size,
        max_epochs=max_epochs,
        max_batch_size=max_batch_size,
        prefer=prefer,
        fix=dict(fix),
        top_k=top,
    )
    if format_ == "table":
        from rich.console import Console

        Console(soft_wrap=False, highlight=False).print(to_table(advised))
    else:
        click.echo(to_text(advised, format_))
        for warning in advised.warnings:
            click.echo(f"Note: {warning}.", err=True)
    return 3 if strict and advised.confidence == "low" else 0
