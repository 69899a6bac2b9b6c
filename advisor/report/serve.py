"""The page on this machine's loopback interface, made again as runs are recorded."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

LOOPBACK = "127.0.0.1"
_NAMES = (LOOPBACK, "localhost")


class ReportServer(ThreadingHTTPServer):
    """Serves the page under ``/`` and what it compares itself with under ``/state``, to this machine only.

    Parameters
    ----------
    port : int
        Port to listen on; 0 takes a free one, see ``url``.
    render : callable
        Returns the page for a state.
    state : callable
        Returns a text that changes whenever the page would.
    """

    daemon_threads = True

    def __init__(self, port: int, render: Callable[[str], str], state: Callable[[], str]) -> None:
        self._render, self._state = render, state
        self._page = ("", "")
        # Several tabs ask at once; the page is made once a state, and the store is read by one thread at a time.
        self._lock = Lock()
        super().__init__((LOOPBACK, port), _Handler)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    def state(self) -> str:
        """Return the state that there is now."""
        with self._lock:
            return self._state()

    def page(self) -> str:
        """Return the page of the state that there is now."""
        with self._lock:
            state = self._state()
            if self._page[0] != state:
                self._page = (state, self._render(state))
            return self._page[1]


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer

    def do_GET(self) -> None:
        # Another name in the address means a page of elsewhere that had its name point here (DNS rebinding).
        host = self.headers.get("Host", "").rpartition(":")[0]
        answers = {"/": ("text/html", self.server.page), "/state": ("text/plain", self.server.state)}
        if host not in _NAMES:
            self.send_error(HTTPStatus.FORBIDDEN, "this page is for this machine only")
        elif self.path not in answers:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            kind, make = answers[self.path]
            self._answer(kind, make().encode())

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a page that asks every two seconds would fill the terminal."""
