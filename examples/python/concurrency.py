"""Runs many prompts concurrently, stops after 50 responses, and cancels the rest."""

import asyncio

from builderaikits import AsyncBuilderAIKits


async def main() -> None:
    # One client for all calls: it owns the connection pool, and sends at most eight requests at a time.
    async with AsyncBuilderAIKits(max_concurrency=8) as client:
        calls = [
            # The timeout includes the time in the queue.
            asyncio.create_task(client.kits.run(kit="classifier", input=f"Review {n}: a great product", timeout=30))
            for n in range(1, 101)
        ]

        responses = tokens = 0
        for call in asyncio.as_completed(calls):
            run = await call
            responses, tokens = responses + 1, tokens + (run.usage.total_tokens or 0)
            if responses == 50:
                break
        print(f"{responses} responses, {tokens} tokens")

        # Cancelling a task aborts its request. Calls that are still queued are never sent.
        cancelled = [call for call in calls if call.cancel()]
        await asyncio.gather(*cancelled, return_exceptions=True)
        print(f"{len(cancelled)} calls cancelled")


asyncio.run(main())
