"""``advisor report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.advice.request import describe_with_progress, request_options, to_request
from advisor.cli.runs.store import open_store
from advisor.cli.terminal.messages import note
from advisor.cli.terminal.output import echo
from advisor.errors import AdvisorError, UsageError

if TYPE_CHECKING:
    from advisor.records.store.store import Store


@click.command()
@request_options(dataset_required=False)
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
    from advisor.api import Advisor
    from advisor.report.contents import gather, newest_advice
    from advisor.report.page import render

    asked = None
    if options["dataset"]:
        request = to_request(options)
        asked = request, describe_with_progress(options)[1].dataset
    store = open_store()
    adviser = Advisor(store)

    def page(state: str | None = None) -> str:
        # Made again each time: advice uses the runs that were recorded since.
        explanation = adviser.explain(adviser.prepare(*asked)) if asked else newest_advice(store, adviser.artefact)
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
    echo(str(out))


def _serve(store: Store, page: Any, port: int) -> None:
    from advisor.config import Config
    from advisor.records.store.sync import sync_own
    from advisor.report.contents import state
    from advisor.report.serve import LOOPBACK, ReportServer

    config = Config()

    def state_now() -> str:
        sync_own(store, config)
        return state(store)

    try:
        server = ReportServer(port, page, state_now)
    except OSError as error:
        raise AdvisorError(
            f"cannot listen on {LOOPBACK}:{port}",
            cause=error.strerror or str(error),
            hint="advisor report --serve --port 0 takes a free port",
        ) from error
    echo(server.url)
    note("The page follows your runs; Ctrl-C ends it.")
    with server:
        server.serve_forever()
