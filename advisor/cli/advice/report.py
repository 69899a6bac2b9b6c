"""``advisor report``."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.advice.request import request_params, to_request
from advisor.cli.runs.store import open_store
from advisor.cli.terminal.messages import note
from advisor.cli.terminal.progress import progress_bar
from advisor.errors import AdvisorError, UsageError

if TYPE_CHECKING:
    from advisor.advise.request import Request
    from advisor.records.schema import Dataset
    from advisor.records.store.store import Store


def _params() -> list[click.Parameter]:
    """Return what `advisor suggest` takes, with a dataset that may be left out."""
    params = [copy.copy(param) for param in request_params()]
    for param in params:
        if param.name == "dataset":
            param.required = False
            assert isinstance(param, click.Option)
            param.help = "Folder of the training images.  [default: that of the newest advice]"
    return params


@click.command(params=_params())
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("advisor-report.html"),
    show_default=True,
    metavar="FILE",
    help="The file to write.",
)
@click.option("--serve", is_flag=True, help="Show the page on this machine and follow runs as they are recorded.")
@click.option("--port", type=click.IntRange(0, 65535), default=8642, show_default=True, help="Port of --serve.")
def report(out: Path, serve: bool, port: int, **options: Any) -> None:
    """Write one HTML file with the advice, why it is given, your runs, and how past advice did.

    The file holds everything and works offline. With --serve the page is shown at 127.0.0.1 instead, to this machine
    only, until Ctrl-C.
    """
    from advisor.advise.advisor import Advisor
    from advisor.report.contents import gather, newest_advice
    from advisor.report.page import render

    asked = _described(options) if options["dataset"] else None
    store = open_store()
    adviser = Advisor(store)

    def page(state: str | None = None) -> str:
        # Made anew each time: advice heeds the runs that came meanwhile.
        explanation = adviser.explain(*asked) if asked else newest_advice(store, adviser.artefact)
        return render(gather(store, adviser.artefact, explanation), state=state)

    if serve:
        _serve(store, page, port)
        return
    try:
        out.write_text(page(), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {out}", cause=error.strerror or str(error), hint="name another file with --out"
        ) from error
    click.echo(out)


def _described(options: dict[str, Any]) -> tuple[Request, Dataset]:
    from advisor.describe.dataset import describe

    request = to_request(options)
    with progress_bar() as progress:
        return request, describe(options["dataset"], progress=progress).dataset


def _serve(store: Store, page: Any, port: int) -> None:
    from advisor.config import Config
    from advisor.records.store.sync import sync
    from advisor.report.contents import state
    from advisor.report.serve import LOOPBACK, ReportServer

    spools = Config()["spool_dir"]

    def state_now() -> str:
        sync(store, spools)
        return state(store)

    try:
        server = ReportServer(port, page, state_now)
    except OSError as error:
        raise AdvisorError(
            f"cannot listen on {LOOPBACK}:{port}",
            cause=error.strerror or str(error),
            hint="advisor report --serve --port 0 takes a free port",
        ) from error
    click.echo(server.url)
    note("The page follows your runs; Ctrl-C ends it.")
    with server:
        server.serve_forever()
