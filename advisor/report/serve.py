"""The page on this machine's loopback interface, made again as runs are recorded."""

from __future__ import annotations

import hmac
import logging
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from advisor.errors import AdvisorError
from advisor.safe_text import one_line

LOOPBACK = "127.0.0.1"
MOST_CONNECTIONS = 16
"""Connections that are served at a time; a further one is told to come again."""
REQUEST_SECONDS = 10.0
"""How long a connection may take to ask, and to take each part of its answer."""
_NAMES = (LOOPBACK, "localhost")
_BUSY = b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"

logger = logging.getLogger("advisor.report")


class ReportServer(ThreadingHTTPServer):
    """Serves the page, and under ``state`` what it compares itself with, to this machine only.

    The address holds a token, so that other users of the machine, and pages of elsewhere, cannot ask.

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
    request_seconds = REQUEST_SECONDS

    def __init__(self, port: int, render: Callable[[str], str], state: Callable[[], str]) -> None:
        self._render, self._state = render, state
        self._page = ("", "")
        self.token = secrets.token_urlsafe(16)
        # Several tabs ask at once; the page is made once a state, and the store is read by one thread at a time.
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__((LOOPBACK, port), _Handler)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self.server_port}/{self.token}/"

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

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection on a thread of its own, if there is a place."""
        if not self._places.acquire(blocking=False):
            with suppress(OSError):
                request.settimeout(1.0)
                request.sendall(_BUSY)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread was to be had
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that broke."""
        logger.debug("a connection broke", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.request_seconds)
        # The time limit of a socket is for each byte; this one is for the whole of what is asked.
        self._asking = threading.Timer(self.server.request_seconds, self._cut_off)
        self._asking.daemon = True
        self._asking.start()

    def _cut_off(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        self._asking.cancel()
        super().finish()

    def do_GET(self) -> None:
        self._asking.cancel()
        # Another name in the address means a page of elsewhere that had its name point here (DNS rebinding).
        host = self.headers.get("Host", "").rpartition(":")[0]
        _, token, path = [*self.path.split("/", 2), "", ""][:3]
        answers = {"": ("text/html", self.server.page), "state": ("text/plain", self.server.state)}
        if host not in _NAMES:
            self.send_error(HTTPStatus.FORBIDDEN, "this page is for this machine only")
        elif not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self.send_error(HTTPStatus.FORBIDDEN, "the address is the whole of what advisor report --serve printed")
        elif path not in answers:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            kind, make = answers[path]
            try:
                body = make()
            except AdvisorError as error:  # such as a store that another program holds
                logger.warning("the page cannot be made now: %s", error)
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, explain=one_line(str(error)))
            else:
                self._answer(kind, body.encode())

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a page that asks every two seconds would fill the terminal."""
