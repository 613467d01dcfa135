"""The sandbox program as a server, a server of one's own for what the sandbox does not do, and scripts as processes."""

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
ANSWER = b'{"id":"run_1","kit":"text-gen","status":"completed","output":{"text":"hi"},"usage":{"total_tokens":2}}'

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
    """A sandbox that answers at once."""
    sandbox = Sandbox()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="session")
def slow():
    """A sandbox that answers after 30 s, which no test waits for."""
    sandbox = Sandbox("--latency-ms", "30000")
    yield sandbox
    sandbox.process.kill()
    sandbox.process.communicate()


@pytest.fixture
def env(quick, monkeypatch):
    """The quick sandbox in this process's environment."""
    for name, value in quick.env.items():
        monkeypatch.setenv(name, value)
    return quick


class Server:
    """Answers every request with `answer`, or never, and keeps what it read. `closed` is set when a client hangs up.

    For scripts: `GET /asked/8` is answered when eight others have come, so that they know that their calls are on their
    way; without `go` the others wait for their answers until `GET /go`.
    """

    def __init__(self, answer=ANSWER):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        self.answer, self.requests = answer, []
        self.asked, self.closed = threading.Semaphore(0), threading.Event()
        self.more, self.go = threading.Condition(), threading.Event()
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
                head, ends, body = data.partition(b"\r\n\r\n")
                headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:]) if ends else {}
                if ends and head.startswith(b"GET "):
                    self.asked_by_script(*head.split()[1].decode().split("/")[1:])
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
                    return
                if ends and len(body) >= int(headers.get(b"content-length", 0)):
                    with self.more:
                        self.requests.append((headers, body))
                        self.more.notify_all()
                    self.asked.release()
                    data = b""
                    if self.answer is not None and self.go.wait(30):
                        head = (
                            f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(self.answer)}"
                        )
                        connection.sendall(head.encode() + b"\r\n\r\n" + self.answer)
        self.closed.set()

    def asked_by_script(self, what, count=0):
        if what == "go":
            self.go.set()
        with self.more:
            assert self.more.wait_for(lambda: len(self.requests) >= int(count), 30)

    @staticmethod
    def receive(connection):
        try:
            return connection.recv(1 << 16)
        except OSError:
            return b""


@pytest.fixture
def server():
    made = []

    def start(**options):
        made.append(Server(**options))
        return made[-1]

    yield start
    for one in made:
        one.listener.close()


# What a script may say to a `Server`: wait until `count` calls have come to it, and answer them from now on.
ASKED = """
def asked(count, url):
    get(f"/asked/{count}", url)
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
    """Runs a program of Python as a process; it must end in time, with this exit code and nothing on stderr."""

    def run(code, env=None, args=(), exit_code=0, stderr="", timeout=30, options=("-W", "error")):
        done = subprocess.run(
            [sys.executable, *options, "-c", ASKED + textwrap.dedent(code), *args],
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert (done.returncode, done.stderr) == (exit_code, stderr), done
        return done.stdout

    return run
