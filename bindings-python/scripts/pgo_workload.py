"""The workload for profile-guided optimization: `pgo_workload.py PROGRAMS`, the directory with the server programs.

Code that this workload never runs is optimized for size instead of speed.
"""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from builderaikits import AsyncBuilderAIKits, BadRequestError, BuilderAIKits, Run

PROGRAMS = Path(sys.argv[1])
LARGE = 1 << 20


def main() -> None:
    with tempfile.TemporaryDirectory() as certificates:
        call_server(lambda line: {"base_url": line.split()[-1]}, False, "builderaikits-sandbox", "--port", 0)
        for size in (0, LARGE):
            large = size == LARGE
            call_server(lambda port: {"base_url": f"http://127.0.0.1:{port}/v1"}, large, "bench-server", 0, size)
            for protocol in ("tls", "h2"):
                call_server(
                    lambda port: {"base_url": f"https://localhost:{port}/v1", "ca_file": f"{certificates}/ca.pem"},
                    large,
                    *("bench-server", 0, size, protocol, certificates),
                )


def call_server(options_from: Callable[[str], dict[str, Any]], large: bool, program: str, *flags: object) -> None:
    """Starts a server, whose first line of output has its address, and calls it with both clients."""
    command = [str(PROGRAMS / program), *map(str, flags)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            options = {"api_key": "bak_pgo", **options_from(server.stdout.readline().strip())}
            for count, concurrency in ((20, 1), (40, 4)) if large else ((4_000, 1), (20_000, 64)):
                run_blocking(BuilderAIKits(**options), count, concurrency, large)
                asyncio.run(run_async(AsyncBuilderAIKits(**options), count, concurrency, large))
        finally:
            server.kill()


def run_blocking(client: BuilderAIKits, count: int, concurrency: int, large: bool) -> None:
    errors: list[BaseException] = []

    def work(numbers: range) -> None:
        try:
            for number in numbers:
                check(client.kits.run(**request(number, large)))
                if has_error(number, large):
                    with contextlib.suppress(BadRequestError):
                        client.kits.run("no-such-kit", input="Hello")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=[numbers]) for numbers in shares(count, concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


async def run_async(client: AsyncBuilderAIKits, count: int, concurrency: int, large: bool) -> None:
    async def work(numbers: range) -> None:
        for number in numbers:
            check(await client.kits.run(**request(number, large)))
            if has_error(number, large):
                with contextlib.suppress(BadRequestError):
                    await client.kits.run("no-such-kit", input="Hello")

    await asyncio.gather(*map(work, shares(count, concurrency)))


def shares(count: int, concurrency: int) -> Iterator[range]:
    return (range(first, count, concurrency) for first in range(concurrency))


def request(number: int, large: bool) -> dict[str, Any]:
    """Returns arguments like those of users: most have no options."""
    short = f"Summarise in three points, „{number}“:\n{'Ein längerer Text. ' * (number % 40)}"
    arguments: dict[str, Any] = {
        "kit": "text-gen" if number % 3 else "summarizer",
        "input": {"prompt": "a" * LARGE if large else short},
        "config": {"max_tokens": 500, "temperature": 0.6},
    }
    return arguments if number % 4 else {**arguments, "timeout": 30, "extra_headers": {"x-trace": str(number)}}


def has_error(number: int, large: bool) -> bool:
    return number % 1_000 == 999 and not large


def check(run: Run) -> None:
    if not run.output.text or run.usage is None:
        sys.exit("a run has no text or no usage")


if __name__ == "__main__":
    main()
