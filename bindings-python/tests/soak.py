"""Long run for `make python-soak`: compares memory after all calls with memory after the first tenth."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUILT, CALLS = Path(sys.argv[1]), int(sys.argv[2])
CONCURRENCY = 64
MAX_GROWTH_KIB = 4 * 1024


def resident() -> int:
    """Returns VmRSS in KiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


async def soak(url: str) -> int:
    from builderaikits import AsyncBuilderAIKits, BadRequestError

    client = AsyncBuilderAIKits(base_url=url, api_key="bak_soak")
    start, numbers, after_first_tenth = time.monotonic(), iter(range(CALLS)), 0

    async def calls() -> None:
        nonlocal after_first_tenth
        for number in numbers:
            if number % 1000 == 999:
                # Errors and cancelled calls as well.
                try:
                    await client.kits.run("no-such-kit", input="Hello")
                except BadRequestError:
                    pass
                cancelled = asyncio.ensure_future(client.kits.run("text-gen", input="Hello"))
                await asyncio.sleep(0)
                cancelled.cancel()
                await asyncio.gather(cancelled, return_exceptions=True)
            run = await client.kits.run("text-gen", input="Hello", config={"max_tokens": 50})
            assert run.output.text
            if (number + 1) * 10 % CALLS == 0:
                kib, done = resident(), (number + 1) * 10 // CALLS
                after_first_tenth = after_first_tenth or kib
                rate = number / (time.monotonic() - start)
                print(f"{done * 10:3} %  {number + 1:8} calls  VmRSS {kib} KiB  {rate:.0f} calls/s", flush=True)

    await asyncio.gather(*(calls() for _ in range(CONCURRENCY)))
    return resident() - after_first_tenth


def main() -> None:
    # A copy of the package with the release build of the native module.
    with tempfile.TemporaryDirectory() as scratch:
        package = Path(scratch) / "builderaikits"
        sources = Path(__file__).parents[1] / "python" / "builderaikits"
        shutil.copytree(sources, package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        shutil.copy(BUILT / "lib_native.so", package / "_native.abi3.so")
        sys.path.insert(0, scratch)
        sandbox = [BUILT / "builderaikits-sandbox", "--port", "0"]
        with subprocess.Popen(sandbox, stdout=subprocess.PIPE, text=True) as box:
            url = box.stdout.readline().split()[-1] if box.stdout else ""
            growth = asyncio.run(soak(url))
            box.terminate()
    print(f"growth after the first tenth: {growth} KiB (limit: {MAX_GROWTH_KIB} KiB)")
    sys.exit(growth > MAX_GROWTH_KIB)


if __name__ == "__main__":
    main()
