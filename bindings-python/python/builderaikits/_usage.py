"""What a client has done, and how it keeps to the rate limit."""

# Without `from __future__ import annotations`, so that the types of the fields are not text.
from dataclasses import dataclass
from typing import Any

from ._native import Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingStatus:
    """How a client keeps to the rate limit at the moment: `client.usage().pacing`."""

    limit_origin: str | None = None
    """Where the limit in force comes from: `configured` or `learned`. None: there is no limit."""
    limit_requests: int | None = None
    """The number of requests that the limit in force allows."""
    limit_tokens: int | None = None
    """The number of tokens that the limit in force allows."""
    limit_per: float | None = None
    """The length of time in seconds that both apply to."""
    requests_in_window: int = 0
    """Requests that count towards the limit now; without a limit, those of the last two minutes."""
    tokens_in_window: int = 0
    """Tokens that count towards the limit now, with those reserved for attempts in flight; 0 without such a limit."""
    in_flight: int = 0
    """Attempts on the wire."""
    waiting: int = 0
    """Calls that wait for their turn."""
    closed_for: float | None = None
    """How long a `Retry-After` still holds back all calls, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientUsage:
    """What a client and its copies have done since the client was created: `client.usage()`."""

    calls: int = 0
    """Calls that were started, without those rejected as invalid."""
    attempts: int = 0
    """Attempts of these calls."""
    runs: int = 0
    """Calls that returned a run."""
    failures: int = 0
    """Calls that raised an error. Cancelled calls are in neither number."""
    rate_limited: int = 0
    """Attempts that the service rejected with 429."""
    input_tokens: int = 0
    """Input tokens of the runs."""
    output_tokens: int = 0
    """Output tokens of the runs."""
    total_tokens: int = 0
    """Input and output tokens of the runs."""
    runs_with_unknown_usage: int = 0
    """Runs without a total of tokens in their response. They are not in `total_tokens`."""
    cost: Cost = Cost(0)  # noqa: RUF009 (immutable)
    """The cost of the runs with a total of tokens and a known price."""
    pacing: PacingStatus = PacingStatus()
    """How the client keeps to the rate limit at the moment."""


def usage_from_record(record: dict[str, Any]) -> ClientUsage:
    """Creates the usage from a record of the native module."""
    record["cost"] = Cost(record["cost"]["nano_usd"])
    record["pacing"] = PacingStatus(**record["pacing"])
    return ClientUsage(**record)
