#!/usr/bin/env python3
"""Measure the SDK side by side with other HTTP and API clients, on loopback, and print ratios.

The client runs on one core and the server, a separate process, on another. Each round runs every peer once, in a new
random order, so that noise affects all peers alike. The tables show medians over the rounds. A ratio is the median of
the ratios of each round, with its quartiles. The summary at the end compares the SDK with its targets.

    bench/run.py rust                                   # measure one language; or several: rust python node go
    bench/run.py --only sequential --rounds 15 node
    bench/run.py --from figures.json --markdown rust    # the table of bench/README.md, from an earlier run with --json

It needs Linux with two cores, `taskset`, a hard limit of 20,000 open files, cargo, and Python 3.10 or later. Node and
Go also need their toolchains. Peers are installed into cargo's target directory, from the registry of their language.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from scenarios import SCENARIOS, Scenario
from tables import Figures, Rounds, print_scenario, print_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER_CORE, CLIENT_CORE = "0", "1"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
VENV = TARGET / "bench-venv"
NODE_DIRECTORY = TARGET / "bench-node"
GO_CLIENT = TARGET / "go" / "bench-client"
# `make` adds the sources to PYTHONPATH, and their native module is not optimized.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="+", choices=SCENARIOS, metavar="LANGUAGE", help=", ".join(SCENARIOS))
    parser.add_argument("--rounds", type=int, default=7, help="number of rounds (default: 7)")
    parser.add_argument("--only", action="append", metavar="SCENARIO", help="run this scenario only; may be repeated")
    parser.add_argument("--build", action="store_true", help="build and install the peers, and exit")
    parser.add_argument("--built", action="store_true", help="do not build again")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all figures to this file")
    parser.add_argument(
        "--from",
        type=pathlib.Path,
        metavar="FILE",
        dest="source",
        help="read the figures from this file instead of measuring",
    )
    parser.add_argument("--markdown", action="store_true", help="print only the summary tables of bench/README.md")
    options = parser.parse_args()
    known = {name for language in options.languages for name in SCENARIOS[language]}
    if unknown := set(options.only or ()) - known:
        parser.error(f"unknown scenario {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    if not options.source:
        raise_open_files(20_000)
        for language in [] if options.built else options.languages:
            prepare(language)
        if options.build:
            return 0
    source = json.loads(options.source.read_text()) if options.source else None
    figures: dict[str, dict[str, Rounds]] = {}
    for language in options.languages:
        measured = figures.setdefault(language, {})
        for name, scenario in SCENARIOS[language].items():
            if options.only and name not in options.only:
                continue
            if source is None:
                measured[name] = measure_scenario(language, scenario, options.rounds)
            elif name in source.get(language, {}):
                measured[name] = source[language][name]
            else:
                continue
            if not options.markdown:
                print_scenario(language, name, measured[name])
            if options.json:
                options.json.write_text(json.dumps(figures, indent=1))
        print_summary(language, measured)
    return 0


def measure_scenario(language: str, scenario: Scenario, rounds: int) -> Rounds:
    results: Rounds = {peer: [] for peer in scenario.peers}
    with server(scenario) as (url, ca_file):
        for _ in range(rounds):
            for peer in random.sample(scenario.peers, len(scenario.peers)):
                results[peer].append(measure(language, peer, scenario.workload, url, ca_file))
    return results


def prepare(language: str) -> None:
    """Build the peers and the SDK as they are released."""
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "builderaikits-bench"], cwd=ROOT, check=True)
    if language == "rust":
        # It is outside the workspace, so that `make test` does not build its dependencies.
        build = ["cargo", "build", "--quiet", "--release", "--target-dir", TARGET]
        subprocess.run(build, cwd=ROOT / "bench" / "async-openai", check=True)
    if language == "go":
        subprocess.run(["make", "--no-print-directory", "go-lib"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        # Its module is outside the checkout's workspace. Go does not notice a new library, so it is always rebuilt.
        GO_CLIENT.unlink(missing_ok=True)
        build = ["go", "build", "-o", GO_CLIENT, "."]
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
    NODE_DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name in ["package.json", "package-lock.json", "client.mjs"]:
        shutil.copy(ROOT / "bench" / name, NODE_DIRECTORY)
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=NODE_DIRECTORY, check=True
    )
    subprocess.run(["make", "--silent", "node-release"], cwd=ROOT, check=True)
    shutil.copytree(TARGET / "node-packed", NODE_DIRECTORY / "node_modules" / "@builderaikits")


def raise_open_files(needed: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < needed:
        sys.exit(f"The benchmark needs {needed} open files, and the hard limit is {hard}. Raise it (`ulimit -Hn`).")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


@contextlib.contextmanager
def server(scenario: Scenario) -> "Iterator[tuple[str, str | None]]":
    """Start a server on its own core. Yields its base URL, and the certificate to trust if it uses TLS."""
    with tempfile.TemporaryDirectory() as directory:
        program = [
            "taskset",
            "-c",
            SERVER_CORE,
            binary("bench-server"),
            str(scenario.delay_ms),
            str(scenario.text_bytes),
        ]
        program += ["tls", directory] if scenario.tls else []
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
            try:
                port = int(process.stdout.readline())
                if scenario.tls:
                    yield f"https://localhost:{port}/v1", f"{directory}/ca.pem"
                else:
                    yield f"http://127.0.0.1:{port}/v1", None
            finally:
                process.terminate()


def measure(language: str, peer: str, workload: str, url: str, ca_file: str | None) -> Figures:
    """Run one peer in a new process."""
    if peer == "async-openai":
        client = [binary("bench-async-openai")]
    elif language == "rust" or peer.startswith("rust:"):
        client = [binary("bench-client"), peer.removeprefix("rust:")]
    elif language == "go":
        client = [str(GO_CLIENT), peer]
    elif language == "node":
        client = ["node", str(NODE_DIRECTORY / "client.mjs"), peer]
    else:
        # Imported, so that Python caches its bytecode.
        client = [str(VENV / "bin" / "python"), "-c", "from client import main; main()", peer]
    program = ["taskset", "-c", CLIENT_CORE, *client, workload, url] + ([ca_file] if ca_file else [])
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        program, stdout=subprocess.PIPE, check=True, text=True, timeout=300, cwd=ROOT / "bench", env=ENVIRONMENT
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    process = {
        "process_ms": wall * 1e3,
        "process_cpu_ms": (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3,
    }
    if not done.stdout:
        return process
    figures = json.loads(done.stdout)
    return process | {
        "calls_per_s": figures["calls"] / figures["wall_s"],
        "us_per_call": figures["wall_s"] / figures["calls"] * 1e6,
        "cpu_us_per_call": figures["cpu_s"] / figures["calls"] * 1e6,
        "wall_s": figures["wall_s"],
        "wall_ms": figures["wall_s"] * 1e3,
        "peak_mib": figures["peak_kib"] / 1024,
        "threads": figures["threads"],
    }


def binary(name: str) -> str:
    return str(TARGET / "release" / name)


if __name__ == "__main__":
    sys.exit(main())
