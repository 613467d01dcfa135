#!/usr/bin/env python3
"""Calls under a plan, in every language, against the sandbox: nothing is lost, and little time.

For each language, plan, kind of window and way to use the SDK, a program starts ROWS calls at once on one client:

- auto: default options without a timeout;
- plan: `rate_limit` as the plan has it;
- deadline: default options and a timeout that is too short for all calls.

The ideal time is that of a client that sends the whole limit of a plan at the start of each window. Prints a table, and
fails if a bound does not hold. Needs `make build`.
"""

import argparse
import asyncio
import json
import math
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
PLANS = {"maker": (30, 15_000), "builder": (120, 100_000)}
VENV = ROOT / ".venv/bin/python"
PYTHON = os.environ.get("PYTHON") or (str(VENV) if VENV.exists() else sys.executable)
PROGRAMS = {
    "rust": [str(TARGET / "debug/plan-calls")],
    "python": [PYTHON, str(ROOT / "tests/plans/plan_calls.py")],
    "node": [os.environ.get("NODE", "node"), str(ROOT / "tests/plans/plan-calls.mjs")],
    "go": [str(TARGET / "go/plan-calls")],
}

# What `make build` writes for a language, if its toolchain is there.
BUILT = {
    "rust": (TARGET, "debug/plan-calls"),
    "python": (ROOT, "bindings-python/python/builderaikits/_native.*"),
    "node": (ROOT, "bindings-node/dist/index.mjs"),
    "go": (TARGET, "go/plan-calls"),
}


# Kind, what stopped the retry, and the message.
NAMES_LIMIT_AND_WAIT = re.compile(
    r"^rate_limit rate_limit: .*the rate limit in force is \d+ requests per [\d.]+ s .*the wait of [\d.]+ s"
)


@dataclass
class Scenario:
    language: str
    plan: str
    rows: int
    window: str
    mode: str
    seconds: int

    @property
    def limit(self) -> int:
        return PLANS[self.plan][0]

    @property
    def ideal(self) -> float:
        return (math.ceil(self.rows / self.limit) - 1) * self.seconds

    @property
    def timeout(self) -> str:
        # Two windows: as the default of 120 s under a plan's minute.
        return str(2 * self.seconds) if self.mode == "deadline" else "none"

    @property
    def rate_limit(self) -> str:
        requests, tokens = PLANS[self.plan]
        if self.mode != "plan":
            return "auto"
        return self.plan if self.seconds == 60 else f"{requests},{tokens}/{self.seconds}s"


async def run(scenario: Scenario, delay: float) -> dict:
    """Runs a program against a sandbox of its own, and returns its report with the numbers of the sandbox."""
    await asyncio.sleep(delay)
    flags = ["--port", "0", "--plan", scenario.plan, "--window", scenario.window]
    sandbox = await asyncio.create_subprocess_exec(
        TARGET / "debug/builderaikits-sandbox",
        *flags,
        "--window-seconds",
        str(scenario.seconds),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert sandbox.stdout is not None
        url = (await sandbox.stdout.readline()).decode().removeprefix("listening on ").strip()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BUILDERAIKITS_")}
        environment |= {
            "BUILDERAIKITS_BASE_URL": url,
            "BUILDERAIKITS_API_KEY": "bak_plans",
            "BUILDERAIKITS_RATE_LIMIT": scenario.rate_limit,
            "PYTHONPATH": str(ROOT / "bindings-python/python"),
        }
        program = await asyncio.create_subprocess_exec(
            *PROGRAMS[scenario.language],
            str(scenario.rows),
            scenario.timeout,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        output, _ = await program.communicate()
        if program.returncode != 0:
            raise RuntimeError(f"{scenario}: exit code {program.returncode}")
        return json.loads(output) | {"server": await stats(url)}
    finally:
        sandbox.terminate()
        await sandbox.wait()


async def stats(url: str) -> dict:
    """What the sandbox counted."""
    address = re.fullmatch(r"http://(.*):(\d+)/v1", url)
    assert address is not None
    reader, writer = await asyncio.open_connection(address[1], int(address[2]))
    writer.write(f"GET /sandbox/stats HTTP/1.1\r\nhost: {address[1]}\r\nconnection: close\r\n\r\n".encode())
    response = (await reader.read()).decode()
    writer.close()
    return json.loads(response.split("\r\n\r\n", 1)[1])


def check(scenario: Scenario, report: dict) -> list[str]:
    """The bounds that do not hold."""
    server = report["server"]
    problems = [f"{server['billed_runs']} billed"] if report["ok"] != server["billed_runs"] else []
    if (report["attempts"], report["rate_limited"]) != (server["requests"], server["rate_limited"]):
        problems.append("the client counted other numbers than the sandbox")
    if scenario.mode == "deadline":
        return problems + check_errors(scenario, report)
    if report["errors"]:
        problems.append(f"lost: {report['errors']}")
    ratio, requests = (1.03, scenario.rows) if scenario.mode == "plan" else (1.1, 2.05 * scenario.rows)
    if server["requests"] > requests:
        problems.append(f"{server['requests']} requests, at most {requests:.0f}")
    # Shorter windows have more of the margin of 0.25 s, of the whole seconds of Retry-After and, on a machine that is
    # busy, of the time that a burst takes.
    most = ratio * scenario.ideal + 1
    if scenario.seconds < 60:
        most = 1.5 * scenario.ideal + 5
    if report["seconds"] > most:
        problems.append(f"{report['seconds']:.1f} s, at most {most:.1f} (ideal: {scenario.ideal} s)")
    return problems


def check_errors(scenario: Scenario, report: dict) -> list[str]:
    """The first burst and one more window succeed; the error of each other call names the limit and the wait."""
    problems = []
    if report["ok"] < min(scenario.rows, 1.9 * scenario.limit):
        problems.append(f"only {report['ok']} calls")
    # At once means when the limit is known, and not at the timeout.
    if report["last_error"] > 0.75 * float(scenario.timeout):
        problems.append(f"an error after {report['last_error']:.1f} s")
    for error in report["errors"]:
        if not NAMES_LIMIT_AND_WAIT.search(error):
            problems.append(f"an error does not name limit and wait: {error}")
    return problems


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--window-seconds", type=int, default=60)
    parser.add_argument("--rows", default="300,500")
    parser.add_argument("--plans", default="maker,builder")
    parser.add_argument("--windows", default="fixed,sliding")
    parser.add_argument("--modes", default="auto,plan,deadline")
    parser.add_argument("--languages", default=",".join(PROGRAMS))
    parser.add_argument("--built", action="store_true", help="leave out languages that are not built")
    arguments = parser.parse_args()
    if arguments.built:
        languages = [name for name in arguments.languages.split(",") if any(BUILT[name][0].glob(BUILT[name][1]))]
        arguments.languages = ",".join(languages)
    scenarios = [
        Scenario(language, plan, int(rows), window, mode, arguments.window_seconds)
        for mode in arguments.modes.split(",")
        for language in arguments.languages.split(",")
        for plan in arguments.plans.split(",")
        for rows in arguments.rows.split(",")
        for window in arguments.windows.split(",")
    ]
    # They wait most of the time, so they run together. The first burst of each takes a moment of a processor.
    reports = await asyncio.gather(*(run(scenario, 0.3 * n) for n, scenario in enumerate(scenarios)))
    failed = 0
    print("| mode | language | plan | rows | window | ok | lost | seconds | of the ideal | requests | 429s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for scenario, report in zip(scenarios, reports, strict=True):
        problems = check(scenario, report)
        failed += bool(problems)
        late = scenario.mode == "deadline"
        cells = [
            scenario.mode,
            scenario.language,
            scenario.plan,
            scenario.rows,
            scenario.window,
            report["ok"],
            sum(report["errors"].values()),
            f"{report['seconds']:.1f}",
            "" if late or not scenario.ideal else f"{report['seconds'] / scenario.ideal:.3f}",
            report["server"]["requests"],
            report["server"]["rate_limited"],
        ]
        print("| " + " | ".join(map(str, cells)) + " |", *(f"FAILED: {problem}" for problem in problems))
    print(f"{len(scenarios) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
