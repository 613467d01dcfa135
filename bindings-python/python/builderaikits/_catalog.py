"""What this version knows of the kits."""

from dataclasses import dataclass
from typing import Any

from . import _native
from ._native import Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class KitInfo:
    """What this version knows of a kit: `kit_info("text-gen")`."""

    id: str
    """The id in the API."""
    purpose: str
    """What the kit is for."""
    max_tokens: int
    """The maximum of `max_tokens`."""
    price_per_1k_tokens: Cost
    """The price of 1,000 tokens. It applies to the total of input and output tokens."""


def kit_info(kit: str) -> KitInfo | None:
    """Returns what this version knows of a kit. None: it does not know the kit."""
    return _KITS.get(kit)


def _info(record: dict[str, Any]) -> KitInfo:
    record["price_per_1k_tokens"] = Cost(record["price_per_1k_tokens"]["nano_usd"])
    return KitInfo(**record)


_KITS = {record["id"]: _info(record) for record in _native.catalog()["kits"]}
