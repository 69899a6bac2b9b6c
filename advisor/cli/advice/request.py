"""Which request a command is about: the options of `advisor suggest` for commands that show its answer otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.advice.suggest import suggest

if TYPE_CHECKING:
    from advisor.advise.request import Request

_NAMES = ("dataset", "model", "opt", "pretrained", "img_size", "max_epochs", "max_batch_size", "prefer", "fix")


def request_params() -> list[click.Parameter]:
    """Return the options that say what is asked for, as `advisor suggest` has them."""
    return [param for param in suggest.params if param.name in _NAMES]


def to_request(options: Mapping[str, Any]) -> Request:
    """Return the checked request that the values of ``request_params`` make."""
    from advisor.advise.request import make_request
    from advisor.space.configuration import Limits

    return make_request(
        model=options["model"],
        opt=options["opt"],
        pretrained=options["pretrained"],
        img_size=options["img_size"],
        limits=Limits(options["max_epochs"], options["max_batch_size"], None, options["fix"]),
        prefer=options["prefer"],
        top_k=3,
    )
