"""The page's server: this machine only, one page a state."""

import http.client
import threading
from contextlib import contextmanager

import pytest

from advisor.report.serve import LOOPBACK, ReportServer


@contextmanager
def serving(render, state):
    server = ReportServer(0, render, state)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def get(server: ReportServer, path: str, host: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(LOOPBACK, server.server_port, timeout=10)
    headers = {} if host is None else {"Host": host}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def test_the_page_is_made_once_a_state():
    made = []
    now = ["one"]

    def render(state: str) -> str:
        made.append(state)
        return f"<p>{state}"

    with serving(render, lambda: now[0]) as server:
        assert get(server, "/") == (200, "<p>one")
        assert get(server, "/") == (200, "<p>one")
        assert get(server, "/state") == (200, "one")
        now[0] = "two"
        assert get(server, "/state") == (200, "two")
        assert get(server, "/") == (200, "<p>two")
    assert made == ["one", "two"]


@pytest.mark.parametrize("path", ["/etc/passwd", "/../", "/state/", "/?x"])
def test_nothing_else_is_served(path):
    with serving(str, lambda: "s") as server:
        assert get(server, path)[0] == 404


def test_another_host_name_is_refused():
    with serving(str, lambda: "s") as server:
        assert get(server, "/", host="evil.example:80")[0] == 403
        assert get(server, "/", host=f"localhost:{server.server_port}")[0] == 200


def test_it_listens_on_the_loopback_interface_only():
    with serving(str, lambda: "s") as server:
        assert server.server_address[0] == "127.0.0.1"
