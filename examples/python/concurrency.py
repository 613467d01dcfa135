"""Many prompts at once: eight on the wire, the first fifty answers taken, and the rest given up."""

import asyncio

from builderaikits import AsyncBuilderAIKits


async def main() -> None:
    # One client for all: it holds the connections, and lets eight calls at once on the wire.
    async with AsyncBuilderAIKits(max_concurrency=8) as client:
        calls = [
            # Over everything, the wait for one of the eight slots too.
            asyncio.create_task(client.kits.run(kit="classifier", input=f"Review {n}: a great product", timeout=30))
            for n in range(1, 101)
        ]

        answers = tokens = 0
        for call in asyncio.as_completed(calls):
            run = await call
            answers, tokens = answers + 1, tokens + (run.usage.total_tokens or 0)
            if answers == 50:
                break
        print(f"{answers} answers, {tokens} tokens")

        # A task that is cancelled aborts its request, and one that still waits is never sent.
        left = [call for call in calls if call.cancel()]
        await asyncio.gather(*left, return_exceptions=True)
        print(f"{len(left)} calls given up")


asyncio.run(main())
