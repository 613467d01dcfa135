"""Conformance driver of the Python SDK, asyncio: a case a line on standard input, what came of it a line on output."""

import asyncio
import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "python_sync"))
from builderaikits import AsyncBuilderAIKits, BuilderAIKitsError
from wire import call, client, error_reply, run_reply


async def main():
    lines = asyncio.StreamReader(limit=1 << 30)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    tasks = []
    while line := await lines.readline():
        tasks.append(asyncio.ensure_future(answer(json.loads(line))))
    await asyncio.gather(*tasks)


async def answer(case):
    print(json.dumps({"id": case["id"], **await ended(case)}), flush=True)


async def ended(case):
    options = case["call"].get("options", {})
    cancel_after = options.get("cancel_after_ms")
    try:
        run = asyncio.ensure_future(client(case, AsyncBuilderAIKits).kits.run(**call(case["call"])))
        if cancel_after is not None:
            asyncio.get_running_loop().call_later(cancel_after / 1000, run.cancel)
        return run_reply(await run)
    except BuilderAIKitsError as error:
        return error_reply(error)
    except asyncio.CancelledError:
        empty = error_reply(BuilderAIKitsError())["error"]
        return {"error": {**dict.fromkeys(empty), "kind": "cancelled", "class": "CancelledError"}}


asyncio.run(main())
