"""Conformance driver of the Python SDK, blocking: a case a line on standard input, what came of it a line on output."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from builderaikits import BuilderAIKits, BuilderAIKitsError
from wire import call, client, error_reply, run_reply

printing = Lock()


def main():
    with ThreadPoolExecutor(64) as threads:
        for line in sys.stdin:
            threads.submit(answer, json.loads(line))


def answer(case):
    reply = {"id": case["id"], **ended(case)}
    with printing:
        print(json.dumps(reply), flush=True)


def ended(case):
    options = case["call"].get("options", {})
    if "cancel_after_ms" in options:
        return {"unsupported": "cancel_after_ms"}
    try:
        return run_reply(client(case, BuilderAIKits).kits.run(**call(case["call"])))
    except BuilderAIKitsError as error:
        return error_reply(error)


if __name__ == "__main__":
    main()
