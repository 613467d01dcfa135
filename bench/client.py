"""One Python peer doing one thing, in a process of its own: `client.py PEER SCENARIO URL`.

Prints a line of JSON: calls, wall and CPU seconds of the measured part, and of the process peak memory and threads.
A peer is a function from the service's URL to a function that makes one call and gives the total tokens of its answer;
without a URL it only imports.

Nothing is imported here that a scenario can do without: some are about how long a program takes to start.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

KEY = "bak_bench"
TIMEOUT = 120
MOST = 20_000
MIB = 1 << 20
# scenario -> (calls before measuring, calls measured, at once)
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
# They take milliseconds for a call: a tenth of the calls says as much.
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
    make = PEERS[peer]
    if scenario == "import":
        make(None)
        return
    if scenario == "second-client":
        return second_client(make)
    if peer.endswith("-async"):
        runner = many_async(make, url, warm_up, calls, at_once)
        if "uvloop" in peer:
            import uvloop

            return uvloop.run(runner)
        import asyncio

        return asyncio.run(runner)
    call = make(url)
    many(call, warm_up, at_once)
    measured = Measured()
    many(call, calls, at_once)
    measured.report(calls)


class Measured:
    """What is used from here to `report`."""

    def __init__(self) -> None:
        import time

        self.clock = time.perf_counter
        self.cpu, self.begun = time.process_time(), self.clock()

    def report(self, calls: int) -> None:
        import os
        import time

        wall, cpu = self.clock() - self.begun, time.process_time() - self.cpu
        with open("/proc/self/status") as file:
            status = dict(line.split(":", 1) for line in file)
        peak, threads = int(status["VmHWM"].split()[0]), int(status["Threads"])
        print(f'{{"calls": {calls}, "wall_s": {wall}, "cpu_s": {cpu}, "peak_kib": {peak}, "threads": {threads}}}', flush=True)
        # How long the peers' pools take to close is not part of it.
        os._exit(0)


def many(call: Callable[[], int], calls: int, at_once: int) -> None:
    def share() -> None:
        for _ in range(calls // at_once):
            check(call())

    if at_once == 1:
        return share()
    import threading

    threads = [threading.Thread(target=share) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def many_async(make: Any, url: str, warm_up: int, calls: int, at_once: int) -> None:
    import asyncio

    made = make(url)
    call: Callable[[], Awaitable[int]] = await made if asyncio.iscoroutine(made) else made

    async def share(calls: int) -> None:
        for _ in range(calls):
            check(await call())

    if warm_up:
        await asyncio.gather(*(share(warm_up // at_once) for _ in range(at_once)))
    measured = Measured()
    await asyncio.gather(*(share(calls // at_once) for _ in range(at_once)))
    measured.report(calls)


def second_client(make: Any) -> None:
    """Nothing listens there: a client is only made. https, so that all that it needs for it is part of it."""
    first = make("https://localhost:1/v1")
    measured = Measured()
    second = make("https://localhost:1/v1")
    measured.report(1)
    del first, second


def check(tokens: int) -> None:
    if tokens != 332:
        import os

        os._exit(3)


def question() -> dict[str, Any]:
    return {"kit": "text-gen", "input": {"prompt": PROMPT}, "config": {"max_tokens": 500}}


def headers() -> dict[str, str]:
    return {"authorization": f"Bearer {KEY}", "content-type": "application/json"}


def http_client(url: str | None) -> Any:
    """The standard library's: a connection for each thread."""
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
        connection.request("POST", f"{parts.path}/kits/run", json.dumps(question()).encode(), headers())
        return json.loads(connection.getresponse().read())["usage"]["total_tokens"]

    return call


def requests_(url: str | None) -> Any:
    import requests
    from requests.adapters import HTTPAdapter

    if url is None:
        return None
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_connections=MOST, pool_maxsize=MOST))
    return lambda: session.post(f"{url}/kits/run", json=question(), headers=headers(), timeout=TIMEOUT).json()["usage"][
        "total_tokens"
    ]


def httpx_(url: str | None) -> Any:
    import httpx

    if url is None:
        return None
    client = httpx.Client(timeout=TIMEOUT, limits=httpx.Limits(max_connections=MOST, max_keepalive_connections=MOST))
    return lambda: client.post(f"{url}/kits/run", json=question(), headers=headers()).json()["usage"]["total_tokens"]


def aiohttp_(url: str | None) -> Any:
    import aiohttp

    return None if url is None else aiohttp_call(aiohttp, url)


async def aiohttp_call(aiohttp: Any, url: str) -> Any:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=MOST), timeout=aiohttp.ClientTimeout(total=TIMEOUT)
    )

    async def call() -> int:
        async with session.post(f"{url}/kits/run", json=question(), headers=headers()) as answer:
            return (await answer.json())["usage"]["total_tokens"]

    return call


def openai_(url: str | None) -> Any:
    import openai

    if url is None:
        return None
    client = openai.OpenAI(api_key=KEY, base_url=url, timeout=TIMEOUT, http_client=openai.DefaultHttpxClient(limits=limits()))
    answer = openai_model()
    return lambda: client.post("/kits/run", cast_to=answer, body=question()).usage.total_tokens


def openai_async(url: str | None) -> Any:
    import openai

    if url is None:
        return None
    client = openai.AsyncOpenAI(
        api_key=KEY, base_url=url, timeout=TIMEOUT, http_client=openai.DefaultAsyncHttpxClient(limits=limits())
    )
    answer = openai_model()

    async def call() -> int:
        return (await client.post("/kits/run", cast_to=answer, body=question())).usage.total_tokens

    return call


def limits() -> Any:
    import httpx

    return httpx.Limits(max_connections=MOST, max_keepalive_connections=MOST)


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


def ours(url: str | None) -> Any:
    import builderaikits

    if url is None:
        return None
    client = builderaikits.BuilderAIKits(api_key=KEY, base_url=url, max_concurrency=MOST)
    run = client.kits.run
    return lambda: run(kit="text-gen", input={"prompt": PROMPT}, config={"max_tokens": 500}).usage.total_tokens


def ours_async(url: str | None) -> Any:
    from builderaikits import AsyncBuilderAIKits

    if url is None:
        return None
    client = AsyncBuilderAIKits(api_key=KEY, base_url=url, max_concurrency=MOST)
    run = client.kits.run

    async def call() -> int:
        return (await run(kit="text-gen", input={"prompt": PROMPT}, config={"max_tokens": 500})).usage.total_tokens

    return call


def all_of_ours(url: str | None) -> Any:
    from builderaikits import __all__ as names

    import builderaikits

    return [getattr(builderaikits, name) for name in names]


def asyncio_(url: str | None) -> Any:
    import asyncio

    return asyncio


PEERS: dict[str, Any] = {
    "none": lambda url: None,
    "asyncio": asyncio_,
    "ours, every name": all_of_ours,
    "http.client": http_client,
    "requests": requests_,
    "httpx": httpx_,
    "openai": openai_,
    "ours": ours,
    "aiohttp-async": aiohttp_,
    "aiohttp-uvloop-async": aiohttp_,
    "openai-async": openai_async,
    "ours-async": ours_async,
    "ours-uvloop-async": ours_async,
}

if __name__ == "__main__":
    main()
