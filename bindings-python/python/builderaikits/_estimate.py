"""What a request may use and cost."""

from dataclasses import dataclass
from typing import Any

from ._native import Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a request may use and cost: `client.kits.estimate(...)`."""

    input_tokens: int
    """The estimated number of input tokens: a quarter of the characters of prompt and context, each rounded up."""
    max_output_tokens: int | None = None
    """The maximum number of output tokens: `max_tokens` of the request, else the kit's. None if neither is known."""
    max_cost: Cost | None = None
    """The cost of both at the kit's price. None if the output or the price is not known."""


def estimate_from_record(record: dict[str, Any]) -> Estimate:
    """Creates the estimate from a record of the native module."""
    max_cost = record["max_cost"]
    record["max_cost"] = None if max_cost is None else Cost(max_cost["nano_usd"])
    return Estimate(**record)
