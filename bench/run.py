#!/usr/bin/env python3
"""Run the SDK side by side with the clients that users would pick instead, on loopback, and print ratios.

The client has one core and the server, a process of its own, another. Each round runs every peer once, in a new random order,
so that noise hits all peers alike. A table shows medians over the rounds, and the median and quartiles of each round's ratio
to the baseline, which is the first peer.

    bench/run.py [--rounds 7] [--only SCENARIO] [--json FILE] [--build | --built] rust|python|node|go

It needs Linux with two cores, `taskset`, a limit of 20,000 open files, cargo, and Python 3.10 or later. The Python peers are
installed into `target/bench-venv` from bench/requirements.txt.
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
# `make` sets it to the sources, whose native module is not optimized.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

RUST = ["raw", "hyper", "reqwest", "async-openai", "ours"]
SYNC = ["http.client", "requests", "httpx", "openai", "ours"]
ASYNC = ["aiohttp-async", "aiohttp-uvloop-async", "openai-async", "ours-async", "ours-uvloop-async"]
GO = ["net-http", "openai-go", "ours"]
# `rust:PEER` is a Rust program, in the tables of other languages.
IN_FLIGHT = ["rust:reqwest", "aiohttp-async", "ours-async", "ours-uvloop-async"]
# A program without any client, and one with an event loop only.
IMPORT = ["none", "asyncio", *SYNC, "ours, every name"]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One table: what every peer does."""

    does: str
    """The scenario's name in the client programs."""
    peers: list[str]
    """The first is the baseline."""
    measures: list[str]
    compared: list[str]
    """Further peers whose ratios are shown."""
    delay: int = 0
    """Milliseconds before each response."""
    size: int = 0
    """Bytes of text in a response; 0: the example of the spec."""
    tls: bool = False


NODE = ["node:http", "fetch", "undici", "axios", "openai", "ours"]
NODE_IN_FLIGHT = ["rust:reqwest", "node:http", "undici", "ours"]

SPEED, LOAD = ["us_a_call", "cpu_us_a_call"], ["calls_a_s", "cpu_us_a_call"]
HELD, START = ["wall_s", "cpu_us_a_call", "peak_mib", "threads"], ["process_ms", "process_cpu_ms"]

LANGUAGES = {
    "rust": {
        "sequential": Scenario("sequential", RUST, SPEED, ["reqwest", "async-openai"]),
        "concurrent": Scenario("concurrent", RUST, LOAD, ["reqwest", "async-openai"]),
        "in-flight": Scenario("in-flight", RUST, HELD, ["reqwest"], delay=1000),
        "first": Scenario("first", RUST, START, ["reqwest", "async-openai"]),
        "first-tls": Scenario("first", ["reqwest", "ours"], START, ["reqwest"], tls=True),
        "large": Scenario("large", RUST, ["cpu_us_a_call", "us_a_call", "peak_mib"], ["reqwest"], size=1 << 20),
    },
    "python": {
        "sequential": Scenario("sequential", SYNC, SPEED, ["requests", "openai"]),
        "threads-64": Scenario("concurrent", SYNC, LOAD, ["requests", "openai"]),
        "async-64": Scenario("concurrent", ASYNC, LOAD, ["openai-async", "aiohttp-async"]),
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
        "concurrent": Scenario("concurrent", NODE, LOAD, ["undici", "openai"]),
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
    arguments.add_argument("--rounds", type=int, default=7, help="number of rounds (default: 7)")
    arguments.add_argument("--only", action="append", metavar="SCENARIO", help="run this scenario only; may be repeated")
    arguments.add_argument("--build", action="store_true", help="build and install the peers, and exit")
    arguments.add_argument("--built", action="store_true", help="do not build again")
    arguments.add_argument("--json", type=pathlib.Path, help="write all figures to this file")
    options = arguments.parse_args()
    scenarios = LANGUAGES[options.language]
    if unknown := set(options.only or ()) - set(scenarios):
        arguments.error(f"unknown scenario {', '.join(unknown)}; known: {', '.join(scenarios)}")
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
    """Build the peers as users get them: optimized."""
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "builderaikits-bench"], cwd=ROOT, check=True)
    if language == "rust":
        # A crate outside the workspace, so that the tests do not build its dependencies.
        build = ["cargo", "build", "--quiet", "--release", "--target-dir", TARGET.absolute()]
        subprocess.run(build, cwd=ROOT / "bench" / "async-openai", check=True)
    if language == "go":
        subprocess.run(["make", "--no-print-directory", "go-lib"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        # It has modules of its own, outside the checkout's workspace. It is rebuilt, because Go does not notice a new library.
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
    """Install the peers from npm, and the packages as they are released."""
    NODE_FOLDER.mkdir(parents=True, exist_ok=True)
    for name in ["package.json", "package-lock.json", "client.mjs"]:
        shutil.copy(ROOT / "bench" / name, NODE_FOLDER)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=NODE_FOLDER, check=True)
    subprocess.run(["make", "--silent", "node-release"], cwd=ROOT, check=True)
    shutil.copytree(TARGET / "node-packed", NODE_FOLDER / "node_modules" / "@builderaikits")


def raise_open_files(needed: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < needed:
        sys.exit(f"the hard limit of open files is {hard}, and {needed} are needed: see `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


@contextlib.contextmanager
def server(delay: int, size: int, tls: bool):
    """Start a server on a core of its own. Yields its base URL, and the certificate to trust if it speaks TLS."""
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
    """Run one peer in one scenario, in a process of its own."""
    if peer == "async-openai":
        client = [binary("bench-async-openai")]
    elif language == "rust" or peer.startswith("rust:"):
        client = [binary("bench-client"), peer.removeprefix("rust:")]
    elif language == "go":
        client = [str(go_client()), peer]
    elif language == "node":
        client = ["node", str(NODE_FOLDER / "client.mjs"), peer]
    else:
        # Imported, so that its bytecode is cached and not compiled by every process.
        client = [str(VENV / "bin" / "python"), "-c", "from client import main; main()", peer]
    program = ["taskset", "-c", CLIENT_CORE, *client, does, url] + ([ca_file] if ca_file else [])
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(program, stdout=subprocess.PIPE, check=True, text=True, timeout=300, cwd=ROOT / "bench", env=ENVIRONMENT)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    process = {
        "process_ms": wall * 1e3,
        "process_cpu_ms": (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3,
    }
    if not done.stdout:
        return process
    figures = json.loads(done.stdout)
    return process | {
        "calls_a_s": figures["calls"] / figures["wall_s"],
        "us_a_call": figures["wall_s"] / figures["calls"] * 1e6,
        "cpu_us_a_call": figures["cpu_s"] / figures["calls"] * 1e6,
        "wall_s": figures["wall_s"],
        "wall_ms": figures["wall_s"] * 1e3,
        "peak_mib": figures["peak_kib"] / 1024,
        "threads": figures["threads"],
    }


def go_client() -> pathlib.Path:
    return TARGET.absolute() / "go" / "bench-client"


def binary(name: str) -> str:
    return str(TARGET / "release" / name)


def print_table(name: str, rounds: dict[str, list[dict[str, float]]], scenario: Scenario) -> None:
    baseline, measures, compared = scenario.peers[0], scenario.measures, scenario.compared
    columns = [column for measure in measures for column in (measure, f"x {baseline}")]
    columns += [f"{measure} x {peer}" for peer in compared for measure in measures[:2]]
    print(f"\n### {name}, {len(rounds[baseline])} rounds\n\n| peer | {' | '.join(columns)} |")
    print("| --- |" + " ---: |" * len(columns))
    for peer, seen in rounds.items():
        cells: list[str] = []
        for measure in measures:
            cells += [f"{statistics.median(one[measure] for one in seen):,.{decimals(measure)}f}", ratio(seen, rounds[baseline], measure)]
        cells += [ratio(seen, rounds[peer], measure) for peer in compared for measure in measures[:2]]
        print(f"| {peer} | {' | '.join(cells)} |", flush=True)


def decimals(measure: str) -> int:
    return {"wall_s": 2, "wall_ms": 3}.get(measure, 1)


def ratio(ours: list[dict[str, float]], theirs: list[dict[str, float]], measure: str) -> str:
    """The median of the rounds' ratios, and its quartiles."""
    ratios = [a[measure] / b[measure] for a, b in zip(ours, theirs, strict=True) if b[measure]]
    if len(ratios) < 2:
        return "-"
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    digits = 2 if middle >= 0.2 else 3
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


if __name__ == "__main__":
    sys.exit(main())
