"""Conformance driver of the blocking Python client. Reads one case per line, and writes one reply per line."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from builderaikits import BuilderAIKits, BuilderAIKitsError
from protocol import client_for, error_reply, run_arguments, run_reply

output_lock = Lock()


def main():
    with ThreadPoolExecutor(64) as threads:
        for line in sys.stdin:
            threads.submit(handle, json.loads(line))


def handle(case):
    reply = {"id": case["id"], **result_of(case)}
    with output_lock:
        print(json.dumps(reply), flush=True)


def result_of(case):
    if "cancel_after_ms" in case["call"].get("options", {}):
        return {"unsupported": "cancel_after_ms"}
    try:
        return run_reply(client_for(case, BuilderAIKits).kits.run(**run_arguments(case["call"])))
    except BuilderAIKitsError as error:
        return error_reply(error)


if __name__ == "__main__":
    main()
