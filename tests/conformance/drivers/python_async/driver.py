"""Conformance driver of the asyncio Python client. Reads one case per line, and writes one reply per line."""

import asyncio
import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "python_sync"))
from builderaikits import AsyncBuilderAIKits, BuilderAIKitsError
from protocol import client_for, error_reply, run_arguments, run_reply


async def main():
    lines = asyncio.StreamReader(limit=1 << 30)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    tasks = []
    while line := await lines.readline():
        tasks.append(asyncio.ensure_future(handle(json.loads(line))))
    await asyncio.gather(*tasks)


async def handle(case):
    print(json.dumps({"id": case["id"], **await result_of(case)}), flush=True)


async def result_of(case):
    cancel_after_ms = case["call"].get("options", {}).get("cancel_after_ms")
    try:
        task = asyncio.ensure_future(client_for(case, AsyncBuilderAIKits).kits.run(**run_arguments(case["call"])))
        if cancel_after_ms is not None:
            asyncio.get_running_loop().call_later(cancel_after_ms / 1000, task.cancel)
        return run_reply(await task)
    except BuilderAIKitsError as error:
        return error_reply(error)
    except asyncio.CancelledError:
        names = error_reply(BuilderAIKitsError())["error"]
        return {"error": {**dict.fromkeys(names), "kind": "cancelled", "class": "CancelledError"}}


asyncio.run(main())
