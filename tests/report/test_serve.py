"""The page's server: this machine only, one page a state."""

import http.client
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from advisor.errors import StoreError
from advisor.report.serve import LOOPBACK, MOST_CONNECTIONS, ReportServer


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


def get(server: ReportServer, path: str, host: str | None = None, token: str | None = None) -> tuple[int, str]:
    path = f"/{server.token if token is None else token}{path}"
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


@pytest.mark.parametrize("path", ["/etc/passwd", "/../", "/state/", "/?x", "/%00"])
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


@pytest.mark.parametrize("token", ["", "wrong", "%s" * 50])
def test_nothing_is_told_without_the_token(token):
    with serving(str, lambda: "s") as server:
        assert get(server, "/", token=token)[0] == 403
        assert get(server, "/state", token=token)[0] == 403
        assert server.token in server.url
        assert len(server.token) >= 20


def test_a_connection_that_asks_too_slowly_is_cut_off(monkeypatch):
    monkeypatch.setattr(ReportServer, "request_seconds", 0.3)
    with serving(str, lambda: "s") as server, socket.create_connection((LOOPBACK, server.server_port)) as slow:
        began = time.monotonic()
        slow.settimeout(20)
        with suppress(OSError):
            for _ in range(40):  # a byte now and then, so that no single wait is long
                slow.sendall(b"G")
                time.sleep(0.1)
        assert time.monotonic() - began < 20
        assert get(server, "/")[0] == 200


def test_so_many_connections_and_no_more():
    with serving(str, lambda: "s") as server:
        idle = [socket.create_connection((LOOPBACK, server.server_port)) for _ in range(MOST_CONNECTIONS)]
        time.sleep(0.3)
        assert get(server, "/")[0] == 503
        for one in idle:
            one.close()
        deadline = time.monotonic() + 20
        while get(server, "/")[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_broken_connection_is_passed_over_in_silence(capsys):
    with serving(lambda _: "x" * 5_000_000, lambda: "s") as server:
        for _ in range(3):
            with socket.create_connection((LOOPBACK, server.server_port)) as rude:
                rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                rude.sendall(f"GET /{server.token}/ HTTP/1.0\r\nHost: localhost:1\r\n\r\n".encode())
        assert get(server, "/")[0] == 200
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err


def test_a_page_that_cannot_be_made_now_is_said(caplog):
    def fail(_: str) -> str:
        raise StoreError("the store is busy", cause="another process writes")

    with serving(fail, lambda: "s") as server:
        status, body = get(server, "/")
    assert status == 503
    assert "the store is busy" in body
    assert "Traceback" not in caplog.text
