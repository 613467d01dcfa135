"""Fixtures: the sandbox, a server for what the sandbox does not do, and scripts that run as processes."""

import os
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
RUN_JSON = b'{"id":"run_1","kit":"text-gen","status":"completed","output":{"text":"hi"},"usage":{"total_tokens":2}}'

for name in [name for name in os.environ if name.startswith("BUILDERAIKITS_") or name.lower().endswith("_proxy")]:
    del os.environ[name]


class Sandbox:
    def __init__(self, *flags):
        program = TARGET / "debug" / "builderaikits-sandbox"
        self.process = subprocess.Popen([program, "--port", "0", *flags], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.env = {"BUILDERAIKITS_API_KEY": "bak_test", "BUILDERAIKITS_BASE_URL": self.url}

    def stop(self):
        self.process.terminate()
        self.process.communicate()


@pytest.fixture(scope="session")
def quick():
    """A sandbox that responds at once."""
    sandbox = Sandbox()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="session")
def slow():
    """A sandbox that responds after 30 s, longer than any test waits."""
    sandbox = Sandbox("--latency-ms", "30000")
    yield sandbox
    sandbox.process.kill()
    sandbox.process.communicate()


@pytest.fixture
def env(quick, monkeypatch):
    """Sets the environment of this process for the quick sandbox."""
    for name, value in quick.env.items():
        monkeypatch.setenv(name, value)
    return quick


class Server:
    """Sends `response` to every request, or nothing, and records the requests. A client that hangs up sets `closed`.

    Scripts use two more requests. `GET /wait/8` returns when eight other requests have arrived, so that a script knows
    that its calls were sent. While `go` is not set, the others get their responses after `GET /go`.
    """

    def __init__(self, response=RUN_JSON):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        self.response, self.requests = response, []
        self.received, self.closed = threading.Semaphore(0), threading.Event()
        self.arrival, self.go = threading.Condition(), threading.Event()
        self.go.set()
        self.connections = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            data = b""
            while part := self.receive(connection):
                data += part
                head, end, body = data.partition(b"\r\n\r\n")
                headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:]) if end else {}
                if end and head.startswith(b"GET "):
                    self.serve_script(*head.split()[1].decode().split("/")[1:])
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
                    return
                if end and len(body) >= int(headers.get(b"content-length", 0)):
                    with self.arrival:
                        self.requests.append((headers, body))
                        self.arrival.notify_all()
                    self.received.release()
                    data = b""
                    if self.response is not None and self.go.wait(30):
                        head = (
                            f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                            f"content-length: {len(self.response)}\r\n\r\n"
                        )
                        connection.sendall(head.encode() + self.response)
        self.closed.set()

    def serve_script(self, command, count=0):
        if command == "go":
            self.go.set()
        with self.arrival:
            assert self.arrival.wait_for(lambda: len(self.requests) >= int(count), 30)

    @staticmethod
    def receive(connection):
        try:
            return connection.recv(1 << 16)
        except OSError:
            return b""


@pytest.fixture
def server():
    servers = []

    def start(**options):
        servers.append(Server(**options))
        return servers[-1]

    yield start
    for one in servers:
        one.listener.close()


@pytest.fixture
def closed_port():
    """A URL whose port refuses connections."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}/v1"


# What scripts send to a `Server`.
SCRIPT_COMMANDS = """
def wait_for_requests(count, url):
    get(f"/wait/{count}", url)
def go(url):
    get("/go", url)
def get(path, url):
    import http.client
    connection = http.client.HTTPConnection(url.split("/")[2])
    connection.request("GET", path)
    connection.getresponse().close()
    connection.close()
"""


@pytest.fixture
def script():
    """Runs Python code as a process, and checks its exit code and stderr."""

    def run(code, env=None, args=(), exit_code=0, stderr="", timeout=30, options=("-W", "error"), prefix=()):
        done = subprocess.run(
            [*prefix, sys.executable, *options, "-c", SCRIPT_COMMANDS + textwrap.dedent(code), *args],
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert (done.returncode, done.stderr) == (exit_code, stderr), done
        return done.stdout

    return run
