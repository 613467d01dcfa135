"""Markdown tables of the figures that `run.py` measures."""

import statistics

from scenarios import SCENARIOS, SUMMARY, Row

# One process: measure to value.
Figures = dict[str, float]
# Of one scenario: peer to one entry per round.
Rounds = dict[str, list[Figures]]

UNITS = {
    "us_per_call": "µs",
    "cpu_us_per_call": "µs",
    "wall_s": "s",
    "peak_mib": "MiB",
    "process_ms": "ms",
    "process_cpu_ms": "ms",
    "wall_ms": "ms",
}
DIGITS = {"wall_s": 2, "wall_ms": 3, "calls_per_s": 0, "threads": 0, "peak_mib": 0}


def print_scenario(language: str, name: str, rounds: Rounds) -> None:
    """Print all peers of one scenario. A ratio is to the first peer."""
    scenario = SCENARIOS[language][name]
    baseline = rounds[scenario.peers[0]]
    columns = [column for measure in scenario.measures for column in (measure, f"x {scenario.peers[0]}")]
    print(f"\n### {language}: {name}, {len(baseline)} rounds\n\n| peer | {' | '.join(columns)} |")
    print("| --- |" + " ---: |" * len(columns))
    for peer in scenario.peers:
        cells = [
            cell
            for measure in scenario.measures
            for cell in (value(rounds[peer], measure), ratio(rounds[peer], baseline, measure))
        ]
        print(f"| {peer} | {' | '.join(cells)} |", flush=True)


def print_summary(language: str, figures: dict[str, Rounds]) -> None:
    """Print the rows of the summary whose scenarios were measured: the table of bench/README.md."""
    rows = [row for row in SUMMARY[language] if row.scenario in figures]
    if not rows:
        return
    print("\n| what | SDK | ratio to a peer | target |\n| --- | ---: | --- | --- |")
    for row in rows:
        rounds = figures[row.scenario]
        own = peer_rounds(row, rounds, row.sdk)
        shown = [f"{peer} {ratio(own, peer_rounds(row, rounds, peer), row.measure)}" for peer in row.peers]
        checked = "; ".join(targets(row, own, rounds))
        print(f"| {row.what} | {value(own, row.measure)} | {'; '.join(shown) or '-'} | {checked or '-'} |", flush=True)


def targets(row: Row, own: list[Figures], rounds: Rounds) -> list[str]:
    """Each target with `met` or `MISSED`."""
    checked = [(row.target, "", statistics.median(one[row.measure] for one in own))] if row.target else []
    for peer, target in row.peers.items():
        if target:
            checked.append(
                (target, f"{peer} ", statistics.median(ratios(own, peer_rounds(row, rounds, peer), row.measure)))
            )
    texts: list[str] = []
    for target, peer, figure in checked:
        sign, limit = target.split()
        met = figure <= float(limit) if sign == "<=" else figure >= float(limit)
        texts.append(f"{peer}{target}: {'met' if met else 'MISSED'}")
    return texts


def peer_rounds(row: Row, rounds: Rounds, peer: str) -> list[Figures]:
    if not row.minus:
        return rounds[peer]
    return [
        {row.measure: a[row.measure] - b[row.measure]} for a, b in zip(rounds[peer], rounds[row.minus], strict=True)
    ]


def value(rounds: list[Figures], measure: str) -> str:
    """The median with its unit."""
    median = statistics.median(one[measure] for one in rounds)
    return f"{median:,.{DIGITS.get(measure, 1)}f} {UNITS.get(measure, '')}".rstrip()


def ratio(rounds: list[Figures], baseline: list[Figures], measure: str) -> str:
    """The median of the ratios of each round, with its quartiles."""
    found = ratios(rounds, baseline, measure)
    middle = statistics.median(found)
    digits = 2 if middle >= 0.2 else 3
    if len(found) < 2:
        return f"{middle:.{digits}f}"
    low, _, high = statistics.quantiles(found, n=4, method="inclusive")
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def ratios(rounds: list[Figures], baseline: list[Figures], measure: str) -> list[float]:
    return [a[measure] / b[measure] for a, b in zip(rounds, baseline, strict=True) if b[measure]] or [float("nan")]
