"""What `run.py` measures: the scenarios of each language, their peers, and the rows of the summary."""

import dataclasses

SDK = "builderaikits"

RUST = ["raw", "hyper", "reqwest", "async-openai", SDK]
SYNC = ["http.client", "requests", "httpx", "openai", SDK]
ASYNC = ["aiohttp-async", "aiohttp-uvloop-async", "openai-async", f"{SDK}-async", f"{SDK}-uvloop-async"]
NODE = ["node:http", "fetch", "undici", "axios", "openai", SDK]
GO = ["net-http", "openai-go", SDK]
# `rust:PEER` is a Rust program in the tables of another language. AsyncOpenAI is left out: 10,000 of its calls do not
# finish within the timeout.
PYTHON_IN_FLIGHT = ["rust:reqwest", "aiohttp-async", f"{SDK}-async", f"{SDK}-uvloop-async"]
NODE_IN_FLIGHT = ["rust:reqwest", "node:http", "undici", SDK]
# `none` is a program without a client; `asyncio` has an event loop only.
IMPORT = ["none", "asyncio", *SYNC, f"{SDK}-all"]

LATENCY, THROUGHPUT = ["us_per_call", "cpu_us_per_call"], ["calls_per_s", "cpu_us_per_call"]
IN_FLIGHT, START = ["wall_s", "cpu_us_per_call", "peak_mib", "threads"], ["process_ms", "process_cpu_ms"]
LARGE = ["cpu_us_per_call", "us_per_call", "peak_mib"]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One table. The first peer is the baseline of its ratios."""

    workload: str
    """The scenario's name in the client programs."""
    peers: list[str]
    measures: list[str]
    delay_ms: int = 0
    """The delay before each response."""
    text_bytes: int = 0
    """The size of the text in a response; 0 for the example of the service's specification."""
    tls: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the summary: a figure of the SDK and its ratios to peers."""

    what: str
    scenario: str
    measure: str
    peers: dict[str, str] = dataclasses.field(default_factory=dict)
    """Peer to the target of the ratio, such as `<= 1.10`; empty for no target."""
    target: str = ""
    """The target of the figure itself."""
    sdk: str = SDK
    minus: str = ""
    """A peer whose figure is subtracted."""


SCENARIOS: dict[str, dict[str, Scenario]] = {
    "rust": {
        "sequential": Scenario("sequential", RUST, LATENCY),
        "concurrent": Scenario("concurrent", RUST, THROUGHPUT),
        # The option `rate_limit`: off, limits that are never reached, and the default.
        "paced": Scenario("concurrent", [f"{SDK}-off", f"{SDK}-paced", SDK], THROUGHPUT),
        "in-flight-10000": Scenario("in-flight-10000", RUST, IN_FLIGHT, delay_ms=1000),
        "first": Scenario("first", RUST, START),
        "first-tls": Scenario("first", ["reqwest", SDK], START, tls=True),
        "large": Scenario("large", RUST, LARGE, text_bytes=1 << 20),
    },
    "python": {
        "sequential": Scenario("sequential", SYNC, LATENCY),
        "threads-64": Scenario("concurrent", SYNC, THROUGHPUT),
        "async-64": Scenario("concurrent", ASYNC, THROUGHPUT),
        "in-flight-2000": Scenario("in-flight-2000", PYTHON_IN_FLIGHT, IN_FLIGHT, delay_ms=1000),
        "in-flight-10000": Scenario("in-flight-10000", PYTHON_IN_FLIGHT, IN_FLIGHT, delay_ms=1000),
        "import": Scenario("import", IMPORT, START),
        "second-client": Scenario("second-client", ["requests", "httpx", "openai", SDK], ["wall_ms"]),
        "first": Scenario("first", SYNC, START),
        "first-async": Scenario("first", ASYNC, START),
        "large": Scenario("large", SYNC, LARGE, text_bytes=1 << 20),
    },
    "node": {
        "sequential": Scenario("sequential", NODE, LATENCY),
        "concurrent": Scenario("concurrent", NODE, THROUGHPUT),
        "in-flight-2000": Scenario("in-flight-2000", NODE_IN_FLIGHT, IN_FLIGHT, delay_ms=1000),
        "in-flight-10000": Scenario("in-flight-10000", NODE_IN_FLIGHT, IN_FLIGHT, delay_ms=1000),
        "require": Scenario("require", ["none", "undici", "axios", "openai", SDK], START),
        "first": Scenario("first", NODE, START),
        "large": Scenario("large", NODE, LARGE, text_bytes=1 << 20),
    },
    "go": {
        "sequential": Scenario("sequential", GO, LATENCY),
        "concurrent": Scenario("concurrent", GO, THROUGHPUT),
        "in-flight-10000": Scenario("in-flight-10000", GO, IN_FLIGHT, delay_ms=1000),
        "first": Scenario("first", GO, START),
        "large": Scenario("large", GO, LARGE, text_bytes=1 << 20),
    },
}

SUMMARY: dict[str, list[Row]] = {
    "rust": [
        Row(
            "sequential, CPU per call",
            "sequential",
            "cpu_us_per_call",
            {"reqwest": "<= 1.10", "async-openai": "<= 1.00", "hyper": ""},
        ),
        Row(
            "64 at once, CPU per call",
            "concurrent",
            "cpu_us_per_call",
            {"reqwest": "<= 1.12", "async-openai": "<= 1.00", "hyper": ""},
        ),
        Row(
            "64 at once, calls per second",
            "concurrent",
            "calls_per_s",
            {"reqwest": "", "async-openai": "", "hyper": ""},
        ),
        Row(
            "64 at once within limits that are never reached, CPU per call",
            "paced",
            "cpu_us_per_call",
            {f"{SDK}-off": ""},
            sdk=f"{SDK}-paced",
        ),
        Row("10,000 in flight, wall time", "in-flight-10000", "wall_s", {"reqwest": "<= 1.05", "async-openai": ""}),
        Row("10,000 in flight, peak memory", "in-flight-10000", "peak_mib", {"reqwest": ""}),
        Row("process start to first response", "first", "process_ms", {"reqwest": "<= 1.10", "async-openai": ""}),
        Row("process start to first response, TLS", "first-tls", "process_ms", {"reqwest": "<= 1.10"}),
        Row("1 MiB in each direction, CPU per call", "large", "cpu_us_per_call", {"reqwest": "", "async-openai": ""}),
    ],
    "python": [
        Row(
            "async, 64 in flight, calls per second",
            "async-64",
            "calls_per_s",
            {"openai-async": ">= 40", "aiohttp-async": ">= 4"},
            sdk=f"{SDK}-async",
        ),
        Row(
            "the same with uvloop",
            "async-64",
            "calls_per_s",
            {"openai-async": "", "aiohttp-uvloop-async": ""},
            sdk=f"{SDK}-uvloop-async",
        ),
        Row(
            "async, 64 in flight, CPU per call",
            "async-64",
            "cpu_us_per_call",
            {"openai-async": "<= 0.04", "aiohttp-async": ""},
            sdk=f"{SDK}-async",
        ),
        Row(
            "sync, sequential, CPU per call",
            "sequential",
            "cpu_us_per_call",
            {"http.client": "<= 0.65", "requests": "<= 0.125", "openai": ""},
        ),
        Row(
            "sync, 64 threads, calls per second", "threads-64", "calls_per_s", {"requests": ">= 10", "openai": ">= 10"}
        ),
        Row("2,000 in flight, wall time", "in-flight-2000", "wall_s", {"rust:reqwest": "<= 1.15"}, sdk=f"{SDK}-async"),
        Row(
            "2,000 in flight, peak memory",
            "in-flight-2000",
            "peak_mib",
            {"rust:reqwest": "<= 1.30"},
            sdk=f"{SDK}-async",
        ),
        Row(
            "10,000 in flight, wall time",
            "in-flight-10000",
            "wall_s",
            {"rust:reqwest": "<= 1.15", "aiohttp-async": ""},
            sdk=f"{SDK}-async",
        ),
        Row(
            "10,000 in flight, peak memory",
            "in-flight-10000",
            "peak_mib",
            {"rust:reqwest": "<= 1.30"},
            sdk=f"{SDK}-async",
        ),
        Row("10,000 in flight, threads", "in-flight-10000", "threads", target="<= 4", sdk=f"{SDK}-async"),
        Row(
            "import, CPU above a bare interpreter",
            "import",
            "process_cpu_ms",
            {"openai": ""},
            target="<= 15",
            minus="none",
        ),
        Row("process start to first response, sync", "first", "process_ms", {"openai": "<= 0.10"}),
        Row(
            "process start to first response, async",
            "first-async",
            "process_ms",
            {"openai-async": "<= 0.17", "aiohttp-async": ""},
            sdk=f"{SDK}-async",
        ),
        Row("a second client", "second-client", "wall_ms", {"openai": ""}, target="<= 1"),
        Row(
            "1 MiB in each direction, CPU per call",
            "large",
            "cpu_us_per_call",
            {"openai": "<= 0.50", "http.client": ""},
        ),
    ],
    "node": [
        Row(
            "64 at once, calls per second",
            "concurrent",
            "calls_per_s",
            {"openai": ">= 20", "undici": ">= 1.3", "node:http": "", "fetch": "", "axios": ""},
        ),
        Row("64 at once, CPU per call", "concurrent", "cpu_us_per_call", {"openai": "", "undici": "", "node:http": ""}),
        Row(
            "sequential, CPU per call",
            "sequential",
            "cpu_us_per_call",
            {"node:http": "<= 0.80", "undici": "", "openai": ""},
        ),
        Row("sequential, time per call", "sequential", "us_per_call", {"node:http": "", "undici": "", "openai": ""}),
        Row("2,000 in flight, wall time", "in-flight-2000", "wall_s", {"rust:reqwest": "<= 1.15", "undici": ""}),
        Row("10,000 in flight, wall time", "in-flight-10000", "wall_s", {"rust:reqwest": "<= 1.15", "undici": ""}),
        Row(
            "10,000 in flight, peak memory",
            "in-flight-10000",
            "peak_mib",
            {"rust:reqwest": "", "undici": "", "node:http": ""},
        ),
        Row("10,000 in flight, threads", "in-flight-10000", "threads", target="<= 14"),
        Row(
            "`require`, CPU above a bare Node",
            "require",
            "process_cpu_ms",
            {"openai": ""},
            target="<= 20",
            minus="none",
        ),
        Row("process start to first response", "first", "process_ms", {"openai": "<= 0.50", "node:http": ""}),
        Row(
            "1 MiB in each direction, CPU per call", "large", "cpu_us_per_call", {"openai": "<= 1.00", "node:http": ""}
        ),
    ],
    "go": [
        Row("64 at once, calls per second", "concurrent", "calls_per_s", {"net-http": ">= 1.1", "openai-go": ">= 2"}),
        Row("64 at once, CPU per call", "concurrent", "cpu_us_per_call", {"net-http": "<= 1.00", "openai-go": ""}),
        Row("sequential, time per call", "sequential", "us_per_call", {"net-http": "<= 1.30", "openai-go": ""}),
        Row("sequential, CPU per call", "sequential", "cpu_us_per_call", {"net-http": "", "openai-go": ""}),
        Row("10,000 in flight, wall time", "in-flight-10000", "wall_s", {"net-http": "<= 1.10", "openai-go": ""}),
        Row("10,000 in flight, peak memory", "in-flight-10000", "peak_mib", {"net-http": "<= 1.00", "openai-go": ""}),
        Row("10,000 in flight, threads", "in-flight-10000", "threads", target="<= 40"),
        Row("process start to first response", "first", "process_ms", {"net-http": "", "openai-go": ""}),
        Row("1 MiB in each direction, CPU per call", "large", "cpu_us_per_call", {"net-http": "", "openai-go": ""}),
    ],
}
