#!/usr/bin/env python3
"""Run the SDK beside what users would pick instead, in one run on loopback, and print ratios.

The client has one core to itself and the server, a process of its own, another. Every round runs every peer once, in
an order shuffled anew, so that a noisy machine is noisy for all. Printed are the medians over the rounds and, of each
round's ratio to the floor of its table, the median and the quartiles.

    bench/run.py [--rounds 7] [--only SCENARIO] [--json FILE]

Needs Linux with two cores, `taskset`, a limit of 20,000 open files, and `cargo`. Python 3.10 or later, no packages.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER_CORE, CLIENT_CORE = "0", "1"
PEERS = ["raw", "hyper", "reqwest", "ours"]

# scenario -> (milliseconds before each answer, bytes of text in it, over TLS, peers, measures)
SCENARIOS = {
    "sequential": (0, 0, False, PEERS, ["us_a_call", "cpu_us_a_call"]),
    "concurrent": (0, 0, False, PEERS, ["calls_a_s", "cpu_us_a_call"]),
    "in-flight": (1000, 0, False, PEERS, ["wall_s", "cpu_us_a_call", "peak_mib", "threads"]),
    "first": (0, 0, False, PEERS, ["process_ms", "process_cpu_ms"]),
    "first-tls": (0, 0, True, ["reqwest", "ours"], ["process_ms", "process_cpu_ms"]),
    "large": (0, 1 << 20, False, PEERS, ["cpu_us_a_call", "us_a_call", "peak_mib"]),
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=7, help="rounds of every peer (default: 7)")
    arguments.add_argument("--only", choices=SCENARIOS, action="append", help="this scenario; may be given again")
    arguments.add_argument("--json", type=pathlib.Path, help="write every figure of every round to this file")
    options = arguments.parse_args()
    raise_open_files(20_000)
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "builderaikits-bench"], cwd=ROOT, check=True)
    figures: dict[str, dict[str, list[dict[str, float]]]] = {}
    for scenario in options.only or SCENARIOS:
        delay, size, tls, peers, measures = SCENARIOS[scenario]
        with server(delay, size, tls) as (url, ca_file):
            rounds: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers}
            for _ in range(options.rounds):
                for peer in random.sample(peers, len(peers)):
                    rounds[peer].append(measure(peer, scenario.removesuffix("-tls"), url, ca_file))
        figures[scenario] = rounds
        print_table(scenario, rounds, measures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    return 0


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


def measure(peer: str, scenario: str, url: str, ca_file: str | None) -> dict[str, float]:
    """One peer doing one thing once, in a process of its own."""
    program = ["taskset", "-c", CLIENT_CORE, binary("bench-client"), peer, scenario, url] + ([ca_file] if ca_file else [])
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(program, stdout=subprocess.PIPE, check=True, text=True, timeout=300)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    seen = json.loads(done.stdout)
    return {
        "calls_a_s": seen["calls"] / seen["wall_s"],
        "us_a_call": seen["wall_s"] / seen["calls"] * 1e6,
        "cpu_us_a_call": seen["cpu_s"] / seen["calls"] * 1e6,
        "wall_s": seen["wall_s"],
        "peak_mib": seen["peak_kib"] / 1024,
        "threads": seen["threads"],
        "process_ms": wall * 1e3,
        "process_cpu_ms": (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3,
    }


def binary(name: str) -> str:
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    return str(pathlib.Path(target) / "release" / name)


def print_table(scenario: str, rounds: dict[str, list[dict[str, float]]], measures: list[str]) -> None:
    floor = next(iter(rounds))
    print(f"\n### {scenario}, {len(rounds[floor])} rounds\n")
    print("| peer | " + " | ".join(f"{measure} | x {floor}" for measure in measures) + " | x reqwest: " + measures[0], end="")
    print((f" | {measures[1]}" if len(measures) > 1 else "") + " |")
    print("| --- |" + " ---: | ---: |" * len(measures) + " ---: |" * min(2, len(measures)))
    for peer, seen in rounds.items():
        cells = []
        for measure in measures:
            cells += [f"{statistics.median(one[measure] for one in seen):,.1f}", ratio(seen, rounds[floor], measure)]
        cells += [ratio(seen, rounds["reqwest"], measure) for measure in measures[:2]]
        print(f"| {peer} | " + " | ".join(cells) + " |", flush=True)


def ratio(ours: list[dict[str, float]], theirs: list[dict[str, float]], measure: str) -> str:
    """The median of each round's ratio, and its quartiles."""
    ratios = [a[measure] / b[measure] for a, b in zip(ours, theirs, strict=True) if b[measure]]
    if len(ratios) < 2:
        return "-"
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


if __name__ == "__main__":
    sys.exit(main())
