"""The calls that a released module is to be fast at: train.py PROGRAMS, the folder with the servers that it calls.

What it never does becomes small instead of fast.
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
        train(lambda line: {"base_url": line.split()[-1]}, False, "builderaikits-sandbox", "--port", 0)
        for size in (0, LARGE):
            large = size == LARGE
            train(lambda port: {"base_url": f"http://127.0.0.1:{port}/v1"}, large, "bench-server", 0, size)
            for protocol in ("tls", "h2"):
                train(
                    lambda port: {"base_url": f"https://localhost:{port}/v1", "ca_file": f"{certificates}/ca.pem"},
                    large,
                    *("bench-server", 0, size, protocol, certificates),
                )


def train(options: Callable[[str], dict[str, Any]], large: bool, program: str, *flags: object) -> None:
    command = [str(PROGRAMS / program), *map(str, flags)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            given = {"api_key": "bak_trained", **options(server.stdout.readline().strip())}
            for count, at_once in ((20, 1), (40, 4)) if large else ((4_000, 1), (20_000, 64)):
                blocking(BuilderAIKits(**given), count, at_once, large)
                asyncio.run(awaited(AsyncBuilderAIKits(**given), count, at_once, large))
        finally:
            server.kill()


def blocking(client: BuilderAIKits, count: int, at_once: int, large: bool) -> None:
    failed: list[BaseException] = []

    def share(numbers: range) -> None:
        try:
            for number in numbers:
                check(client.kits.run(**request(number, large)))
                if fails(number, large):
                    with contextlib.suppress(BadRequestError):
                        client.kits.run("no-such-kit", input="Hello")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=share, args=[numbers]) for numbers in shares(count, at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


async def awaited(client: AsyncBuilderAIKits, count: int, at_once: int, large: bool) -> None:
    async def share(numbers: range) -> None:
        for number in numbers:
            check(await client.kits.run(**request(number, large)))
            if fails(number, large):
                with contextlib.suppress(BadRequestError):
                    await client.kits.run("no-such-kit", input="Hello")

    await asyncio.gather(*map(share, shares(count, at_once)))


def shares(count: int, at_once: int) -> Iterator[range]:
    return (range(first, count, at_once) for first in range(at_once))


def request(number: int, large: bool) -> dict[str, Any]:
    """As users make them: mostly without options, some with."""
    short = f"Summarise in three points, „{number}“:\n{'Ein längerer Text. ' * (number % 40)}"
    made: dict[str, Any] = {
        "kit": "text-gen" if number % 3 else "summarizer",
        "input": {"prompt": "a" * LARGE if large else short},
        "config": {"max_tokens": 500, "temperature": 0.6},
    }
    return made if number % 4 else {**made, "timeout": 30, "extra_headers": {"x-trace": str(number)}}


def fails(number: int, large: bool) -> bool:
    return number % 1_000 == 999 and not large


def check(run: Run) -> None:
    if not run.output.text or run.usage is None:
        sys.exit("an answer without its text or usage")


if __name__ == "__main__":
    main()
