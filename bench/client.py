"""One Python peer in one scenario, in a separate process: `client.py PEER SCENARIO URL`.

It prints one line of JSON: calls, wall and CPU seconds of the measured part, and the process's peak memory and threads.
A peer is a function that takes the base URL and returns a function that makes one call and returns the total tokens of
its response. Without a URL, a peer only imports its library.

Imports are local, because some scenarios measure how long a program takes to start.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

API_KEY = "bak_bench"
TIMEOUT = 120
MAX_CONNECTIONS = 20_000
MIB = 1 << 20
# Scenario to (calls before measuring, calls measured, at once).
SCENARIOS = {
    "sequential": (400, 4_000, 1),
    "concurrent": (640, 12_800, 64),
    "in-flight-2000": (0, 2_000, 2_000),
    "in-flight-10000": (0, 10_000, 10_000),
    "first": (0, 1, 1),
    "large": (4, 40, 1),
    "import": (0, 0, 1),
    "second-client": (0, 0, 1),
}
# Their calls take milliseconds, so they make a tenth of the calls.
SLOW = {"requests", "httpx", "openai", "openai-async"}
PROMPT = "Hello, world!"


def main() -> None:
    global PROMPT
    peer, scenario, url = sys.argv[1:]
    warm_up, calls, at_once = SCENARIOS[scenario]
    if peer in SLOW and at_once <= 64 and calls >= 1000:
        warm_up, calls = warm_up // 10, calls // 10
    if scenario == "large":
        PROMPT = "a" * MIB
    create = PEERS[peer]
    if scenario == "import":
        create(None)
    elif scenario == "second-client":
        second_client(create)
    elif peer.endswith("-async"):
        import asyncio

        run = asyncio.run
        if "uvloop" in peer:
            import uvloop

            run = uvloop.run
        run(make_calls_async(create, url, warm_up, calls, at_once))
    else:
        call = create(url)
        make_calls(call, warm_up, at_once)
        measured = Measured()
        make_calls(call, calls, at_once)
        measured.report(calls)


class Measured:
    """Wall and CPU time from its creation to `report`."""

    def __init__(self) -> None:
        import time

        self.clock = time.perf_counter
        self.cpu, self.started = time.process_time(), self.clock()

    def report(self, calls: int) -> None:
        import os
        import time

        wall, cpu = self.clock() - self.started, time.process_time() - self.cpu
        with open("/proc/self/status") as file:
            status = dict(line.split(":", 1) for line in file)
        peak, threads = int(status["VmHWM"].split()[0]), int(status["Threads"])
        print(
            f'{{"calls": {calls}, "wall_s": {wall}, "cpu_s": {cpu}, "peak_kib": {peak}, "threads": {threads}}}',
            flush=True,
        )
        # Closing connection pools is not measured.
        os._exit(0)


def make_calls(call: Callable[[], int], calls: int, at_once: int) -> None:
    def share() -> None:
        for _ in range(calls // at_once):
            check(call())

    if at_once == 1:
        share()
        return
    import threading

    threads = [threading.Thread(target=share) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def make_calls_async(create: Any, url: str, warm_up: int, calls: int, at_once: int) -> None:
    import asyncio

    created = create(url)
    call: Callable[[], Awaitable[int]] = await created if asyncio.iscoroutine(created) else created

    async def share(calls: int) -> None:
        for _ in range(calls):
            check(await call())

    if warm_up:
        await asyncio.gather(*(share(warm_up // at_once) for _ in range(at_once)))
    measured = Measured()
    await asyncio.gather(*(share(calls // at_once) for _ in range(at_once)))
    measured.report(calls)


def second_client(create: Any) -> None:
    """Create a client only; no server listens. The URL is https, so that the setup of TLS is included."""
    first = create("https://localhost:1/v1")
    measured = Measured()
    second = create("https://localhost:1/v1")
    measured.report(1)
    del first, second


def check(tokens: int) -> None:
    if tokens != 332:
        import os

        os._exit(3)


def request_body() -> dict[str, Any]:
    return {"kit": "text-gen", "input": {"prompt": PROMPT}, "config": {"max_tokens": 500}}


def headers() -> dict[str, str]:
    return {"authorization": f"Bearer {API_KEY}", "content-type": "application/json"}


def http_client(url: str | None) -> Any:
    """The standard library, with one connection per thread."""
    import http.client
    import json
    import threading
    import urllib.parse

    if url is None:
        return None
    parts, own = urllib.parse.urlsplit(url), threading.local()

    def call() -> int:
        connection = getattr(own, "connection", None)
        if connection is None:
            connection = own.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)
        connection.request("POST", f"{parts.path}/kits/run", json.dumps(request_body()).encode(), headers())
        return json.loads(connection.getresponse().read())["usage"]["total_tokens"]

    return call


def requests_(url: str | None) -> Any:
    import requests
    from requests.adapters import HTTPAdapter

    if url is None:
        return None
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_connections=MAX_CONNECTIONS, pool_maxsize=MAX_CONNECTIONS))
    return lambda: session.post(f"{url}/kits/run", json=request_body(), headers=headers(), timeout=TIMEOUT).json()[
        "usage"
    ]["total_tokens"]


def httpx_(url: str | None) -> Any:
    import httpx

    if url is None:
        return None
    client = httpx.Client(
        timeout=TIMEOUT, limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
    )
    return lambda: client.post(f"{url}/kits/run", json=request_body(), headers=headers()).json()["usage"][
        "total_tokens"
    ]


def aiohttp_(url: str | None) -> Any:
    import aiohttp

    return None if url is None else aiohttp_call(aiohttp, url)


async def aiohttp_call(aiohttp: Any, url: str) -> Any:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS), timeout=aiohttp.ClientTimeout(total=TIMEOUT)
    )

    async def call() -> int:
        async with session.post(f"{url}/kits/run", json=request_body(), headers=headers()) as response:
            return (await response.json())["usage"]["total_tokens"]

    return call


def openai_(url: str | None) -> Any:
    import openai

    if url is None:
        return None
    client = openai.OpenAI(
        api_key=API_KEY, base_url=url, timeout=TIMEOUT, http_client=openai.DefaultHttpxClient(limits=limits())
    )
    response = openai_model()
    return lambda: client.post("/kits/run", cast_to=response, body=request_body()).usage.total_tokens


def openai_async(url: str | None) -> Any:
    import openai

    if url is None:
        return None
    client = openai.AsyncOpenAI(
        api_key=API_KEY, base_url=url, timeout=TIMEOUT, http_client=openai.DefaultAsyncHttpxClient(limits=limits())
    )
    response = openai_model()

    async def call() -> int:
        return (await client.post("/kits/run", cast_to=response, body=request_body())).usage.total_tokens

    return call


def limits() -> Any:
    import httpx

    return httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)


def openai_model() -> Any:
    from openai import BaseModel

    class Output(BaseModel):
        text: str

    class Usage(BaseModel):
        input_tokens: int
        output_tokens: int
        total_tokens: int

    class Run(BaseModel):
        id: str
        kit: str
        status: str
        output: Output
        usage: Usage
        latency_ms: int

    return Run


def sdk(url: str | None) -> Any:
    import builderaikits

    if url is None:
        return None
    client = builderaikits.BuilderAIKits(api_key=API_KEY, base_url=url, max_concurrency=MAX_CONNECTIONS)
    run = client.kits.run
    return lambda: run(kit="text-gen", input={"prompt": PROMPT}, config={"max_tokens": 500}).usage.total_tokens


def sdk_async(url: str | None) -> Any:
    from builderaikits import AsyncBuilderAIKits

    if url is None:
        return None
    client = AsyncBuilderAIKits(api_key=API_KEY, base_url=url, max_concurrency=MAX_CONNECTIONS)
    run = client.kits.run

    async def call() -> int:
        return (await run(kit="text-gen", input={"prompt": PROMPT}, config={"max_tokens": 500})).usage.total_tokens

    return call


def sdk_all(url: str | None) -> Any:
    import builderaikits

    # Every public name, because the package imports its modules lazily.
    return [getattr(builderaikits, name) for name in builderaikits.__all__]


def asyncio_(url: str | None) -> Any:
    import asyncio

    return asyncio


PEERS: dict[str, Any] = {
    "none": lambda url: None,
    "asyncio": asyncio_,
    "builderaikits-all": sdk_all,
    "http.client": http_client,
    "requests": requests_,
    "httpx": httpx_,
    "openai": openai_,
    "builderaikits": sdk,
    "aiohttp-async": aiohttp_,
    "aiohttp-uvloop-async": aiohttp_,
    "openai-async": openai_async,
    "builderaikits-async": sdk_async,
    "builderaikits-uvloop-async": sdk_async,
}

if __name__ == "__main__":
    main()
