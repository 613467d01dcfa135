"""Runs 500 prompts within the limits of the Maker plan: `python plan.py`, or `python plan.py 20` for 20 prompts."""

import asyncio
import sys

from builderaikits import AsyncBuilderAIKits, Run


async def main(rows: int) -> None:
    # All calls start at once. Each waits for its turn, which can take longer than the default timeout.
    async with AsyncBuilderAIKits(rate_limit="maker", timeout=None) as client:
        calls = [client.kits.run("classifier", input=f"Review {n}: a great product") for n in range(rows)]
        results = await asyncio.gather(*calls, return_exceptions=True)
    runs = [result for result in results if isinstance(result, Run)]
    usage = client.usage()
    print(f"{len(runs)} runs, {len(results) - len(runs)} errors")
    print(f"{usage.total_tokens} tokens, {usage.cost} US dollars")
    print(usage)


asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
