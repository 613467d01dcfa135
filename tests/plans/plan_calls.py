"""Starts many calls at once and prints what became of them as JSON: plan_calls.py ROWS TIMEOUT_SECONDS|none."""

import asyncio
import json
import sys
import time
from collections import Counter

from builderaikits import AsyncBuilderAIKits, BuilderAIKitsError


async def main(rows: int, timeout: float | None) -> None:
    async with AsyncBuilderAIKits(timeout=timeout) as client:
        start = time.monotonic()
        calls = [client.kits.run(kit="text-gen", input=f"Row {row}") for row in range(rows)]
        results = await asyncio.gather(*(timed(call, start) for call in calls))
        usage = client.usage()
    errors = [error for _, error in results if error is not None]
    report = {
        "ok": rows - len(errors),
        "seconds": max((at for at, error in results if error is None), default=0.0),
        "last_error": max((error.elapsed or 0.0 for error in errors), default=0.0),
        "errors": Counter(f"{error.kind} {error.retry_stopped_by or ''}: {error.message}" for error in errors),
        "attempts": usage.attempts,
        "rate_limited": usage.rate_limited,
    }
    print(json.dumps(report))


async def timed(call, start: float) -> tuple[float, BuilderAIKitsError | None]:
    try:
        await call
    except BuilderAIKitsError as error:
        return time.monotonic() - start, error
    return time.monotonic() - start, None


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), None if sys.argv[2] == "none" else float(sys.argv[2])))
