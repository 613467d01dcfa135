#!/usr/bin/env python3
"""Run the SDK beside what users would pick instead, in one run on loopback, and print ratios.

The client has one core to itself and the server, a process of its own, another. Every round runs every peer once, in
an order shuffled anew, so that a noisy machine is noisy for all. Printed are the medians over the rounds and, of each
round's ratio to the floor of its table, the median and the quartiles.

    bench/run.py [--rounds 7] [--only SCENARIO] [--json FILE] [--build | --built] rust|python|node|go

Needs Linux with two cores, `taskset`, a limit of 20,000 open files, and `cargo`. Python 3.10 or later; what the peers
need is installed into `target/bench-venv` from bench/requirements.txt.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER_CORE, CLIENT_CORE = "0", "1"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
VENV = TARGET / "bench-venv"
NODE_FOLDER = TARGET / "bench-node"
# `make` adds the sources, with a module that is not optimised.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

RUST = ["raw", "hyper", "reqwest", "ours"]
SYNC = ["http.client", "requests", "httpx", "openai", "ours"]
ASYNC = ["aiohttp-async", "aiohttp-uvloop-async", "openai-async", "ours-async", "ours-uvloop-async"]
GO = ["net-http", "openai-go", "ours"]
# What a Rust program needs for the same: named `rust:PEER` in the tables of other languages.
IN_FLIGHT = ["rust:reqwest", "aiohttp-async", "ours-async", "ours-uvloop-async"]
# What a program without any of them has, and what every program with an event loop has.
IMPORT = ["none", "asyncio", *SYNC, "ours, every name"]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """What every peer of a table does."""

    does: str
    """The clients' name of it."""
    peers: list[str]
    """The first is the floor that others are held against."""
    measures: list[str]
    beside: list[str]
    """The peers that users would pick."""
    delay: int = 0
    """Milliseconds before each answer."""
    size: int = 0
    """Bytes of text in an answer; 0: the spec's example."""
    tls: bool = False


NODE = ["node:http", "fetch", "undici", "axios", "openai", "ours"]
NODE_IN_FLIGHT = ["rust:reqwest", "node:http", "undici", "ours"]

SPEED, LOAD = ["us_a_call", "cpu_us_a_call"], ["calls_a_s", "cpu_us_a_call"]
HELD, START = ["wall_s", "cpu_us_a_call", "peak_mib", "threads"], ["process_ms", "process_cpu_ms"]

LANGUAGES = {
    "rust": {
        "sequential": Scenario("sequential", RUST, SPEED, ["reqwest"]),
        "concurrent": Scenario("concurrent", RUST, LOAD, ["reqwest"]),
        "in-flight": Scenario("in-flight", RUST, HELD, ["reqwest"], delay=1000),
        "first": Scenario("first", RUST, START, ["reqwest"]),
        "first-tls": Scenario("first", ["reqwest", "ours"], START, ["reqwest"], tls=True),
        "large": Scenario("large", RUST, ["cpu_us_a_call", "us_a_call", "peak_mib"], ["reqwest"], size=1 << 20),
    },
    "python": {
        "sequential": Scenario("sequential", SYNC, SPEED, ["requests", "openai"]),
        "threads-64": Scenario("concurrent", SYNC, LOAD, ["requests", "openai"]),
        "async-64": Scenario("concurrent", ASYNC, LOAD, ["openai-async"]),
        "in-flight-2000": Scenario("in-flight-2000", IN_FLIGHT, HELD, ["aiohttp-async"], delay=1000),
        "in-flight-10000": Scenario("in-flight-10000", IN_FLIGHT, HELD, ["aiohttp-async"], delay=1000),
        "import": Scenario("import", IMPORT, START, ["openai"]),
        "second-client": Scenario("second-client", ["requests", "httpx", "openai", "ours"], ["wall_ms"], ["openai"]),
        "first": Scenario("first", SYNC, START, ["openai"]),
        "first-async": Scenario("first", ASYNC, START, ["openai-async"]),
        "large": Scenario("large", SYNC, ["cpu_us_a_call", "us_a_call", "peak_mib"], ["openai"], size=1 << 20),
    },
    "go": {
        "sequential": Scenario("sequential", GO, SPEED, ["openai-go"]),
        "concurrent": Scenario("concurrent", GO, LOAD, ["openai-go"]),
        "in-flight-10000": Scenario("in-flight-10000", GO, HELD, ["openai-go"], delay=1000),
        "first": Scenario("first", GO, START, ["openai-go"]),
        "large": Scenario("large", GO, ["cpu_us_a_call", "us_a_call", "peak_mib"], ["openai-go"], size=1 << 20),
    },
    "node": {
        "sequential": Scenario("sequential", NODE, SPEED, ["undici"]),
        "concurrent": Scenario("concurrent", NODE, LOAD, ["undici"]),
        "in-flight-2000": Scenario("in-flight-2000", NODE_IN_FLIGHT, HELD, ["undici"], delay=1000),
        "in-flight-10000": Scenario("in-flight-10000", NODE_IN_FLIGHT, HELD, ["undici"], delay=1000),
        "require": Scenario("require", ["none", "undici", "axios", "openai", "ours"], START, ["openai"]),
        "first": Scenario("first", NODE, START, ["openai"]),
        "large": Scenario("large", NODE, ["cpu_us_a_call", "us_a_call", "peak_mib"], ["openai"], size=1 << 20),
    },
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("language", choices=LANGUAGES)
    arguments.add_argument("--rounds", type=int, default=7, help="rounds of every peer (default: 7)")
    arguments.add_argument("--only", action="append", metavar="SCENARIO", help="this scenario; may be given again")
    arguments.add_argument("--build", action="store_true", help="only build and install what is measured")
    arguments.add_argument("--built", action="store_true", help="measure what was built before")
    arguments.add_argument("--json", type=pathlib.Path, help="write every figure of every round to this file")
    options = arguments.parse_args()
    scenarios = LANGUAGES[options.language]
    if unknown := set(options.only or ()) - set(scenarios):
        arguments.error(f"no scenario {', '.join(unknown)}; there are {', '.join(scenarios)}")
    raise_open_files(20_000)
    if not options.built:
        prepare(options.language)
    if options.build:
        return 0
    figures: dict[str, dict[str, list[dict[str, float]]]] = {}
    for name in options.only or scenarios:
        scenario = scenarios[name]
        with server(scenario.delay, scenario.size, scenario.tls) as (url, ca_file):
            rounds: dict[str, list[dict[str, float]]] = {peer: [] for peer in scenario.peers}
            for _ in range(options.rounds):
                for peer in random.sample(scenario.peers, len(scenario.peers)):
                    rounds[peer].append(measure(options.language, peer, scenario.does, url, ca_file))
        figures[name] = rounds
        print_table(name, rounds, scenario)
        if options.json:
            options.json.write_text(json.dumps(figures, indent=1))
    return 0


def prepare(language: str) -> None:
    """Build what is measured, as users get it: optimised."""
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "builderaikits-bench"], cwd=ROOT, check=True)
    if language == "go":
        subprocess.run(["make", "--no-print-directory", "go-lib"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        # Its modules are its own, and not of the checkout's workspace. It is built anew: Go does not see a new library.
        go_client().unlink(missing_ok=True)
        build = ["go", "build", "-o", go_client(), "."]
        subprocess.run(build, cwd=ROOT / "bench" / "go", check=True, env={**os.environ, "GOWORK": "off"})
    if language == "python":
        if not VENV.exists():
            subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        pip = [VENV / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", "-r", ROOT / "bench" / "requirements.txt"], check=True)
        subprocess.run(["make", "--silent", "python-release"], cwd=ROOT, check=True)
        (wheel,) = (TARGET / "wheels").glob("*.whl")
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB")
        subprocess.run([*pip, "install", "--quiet", "--force-reinstall", wheel], check=True)
    if language == "node":
        prepare_node()


def prepare_node() -> None:
    """The peers from npm, and the packages as they are released."""
    NODE_FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ["package.json", "package-lock.json", "client.mjs"]:
        shutil.copy(ROOT / "bench" / name, NODE_FOLDER)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=NODE_FOLDER, check=True)
    subprocess.run(["make", "--silent", "node-release"], cwd=ROOT, check=True)
    shutil.copytree(TARGET / "node-packed", NODE_FOLDER / "node_modules" / "@builderaikits")


def raise_open_files(least: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < least:
        sys.exit(f"the hard limit of open files is {hard}, and {least} are needed: see `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (least, hard))


@contextlib.contextmanager
def server(delay: int, size: int, tls: bool):
    """A server on a core of its own: its base URL, and the certificate to trust if it speaks TLS."""
    with tempfile.TemporaryDirectory() as folder:
        program = ["taskset", "-c", SERVER_CORE, binary("bench-server"), str(delay), str(size)]
        with subprocess.Popen(program + (["tls", folder] if tls else []), stdout=subprocess.PIPE, text=True) as process:
            try:
                port = int(process.stdout.readline())
                if tls:
                    yield f"https://localhost:{port}/v1", f"{folder}/ca.pem"
                else:
                    yield f"http://127.0.0.1:{port}/v1", None
            finally:
                process.terminate()


def measure(language: str, peer: str, does: str, url: str, ca_file: str | None) -> dict[str, float]:
    """One peer doing one thing once, in a process of its own."""
    if language == "rust" or peer.startswith("rust:"):
        client = [binary("bench-client"), peer.removeprefix("rust:")]
    elif language == "go":
        client = [str(go_client()), peer]
    elif language == "node":
        client = ["node", str(NODE_FOLDER / "client.mjs"), peer]
    else:
        # Imported, so that it is compiled once and not by every process.
        client = [str(VENV / "bin" / "python"), "-c", "from client import main; main()", peer]
    program = ["taskset", "-c", CLIENT_CORE, *client, does, url] + ([ca_file] if ca_file else [])
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(program, stdout=subprocess.PIPE, check=True, text=True, timeout=300, cwd=ROOT / "bench", env=ENVIRONMENT)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    process = {
        "process_ms": wall * 1e3,
        "process_cpu_ms": (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3,
    }
    if not done.stdout:
        return process
    seen = json.loads(done.stdout)
    return process | {
        "calls_a_s": seen["calls"] / seen["wall_s"],
        "us_a_call": seen["wall_s"] / seen["calls"] * 1e6,
        "cpu_us_a_call": seen["cpu_s"] / seen["calls"] * 1e6,
        "wall_s": seen["wall_s"],
        "wall_ms": seen["wall_s"] * 1e3,
        "peak_mib": seen["peak_kib"] / 1024,
        "threads": seen["threads"],
    }


def go_client() -> pathlib.Path:
    return TARGET.absolute() / "go" / "bench-client"


def binary(name: str) -> str:
    return str(TARGET / "release" / name)


def print_table(name: str, rounds: dict[str, list[dict[str, float]]], scenario: Scenario) -> None:
    floor, measures, beside = scenario.peers[0], scenario.measures, scenario.beside
    columns = [column for measure in measures for column in (measure, f"x {floor}")]
    columns += [f"{measure} x {peer}" for peer in beside for measure in measures[:2]]
    print(f"\n### {name}, {len(rounds[floor])} rounds\n\n| peer | {' | '.join(columns)} |")
    print("| --- |" + " ---: |" * len(columns))
    for peer, seen in rounds.items():
        cells: list[str] = []
        for measure in measures:
            cells += [f"{statistics.median(one[measure] for one in seen):,.{decimals(measure)}f}", ratio(seen, rounds[floor], measure)]
        cells += [ratio(seen, rounds[peer], measure) for peer in beside for measure in measures[:2]]
        print(f"| {peer} | {' | '.join(cells)} |", flush=True)


def decimals(measure: str) -> int:
    return {"wall_s": 2, "wall_ms": 3}.get(measure, 1)


def ratio(ours: list[dict[str, float]], theirs: list[dict[str, float]], measure: str) -> str:
    """The median of each round's ratio, and its quartiles."""
    ratios = [a[measure] / b[measure] for a, b in zip(ours, theirs, strict=True) if b[measure]]
    if len(ratios) < 2:
        return "-"
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    digits = 2 if middle >= 0.2 else 3
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


if __name__ == "__main__":
    sys.exit(main())
