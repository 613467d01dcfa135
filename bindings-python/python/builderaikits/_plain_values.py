"""Values of client options in the types that the native module takes."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def make_plain(options: dict[str, object]) -> None:
    """Replaces paths and decimals by text. Dicts are copied, because a client keeps its options."""
    for name, convert in _CONVERSIONS.items():
        if name in options:
            options[name] = convert(options[name])


def _path(path: Any) -> object:
    return path.__fspath__() if hasattr(path, "__fspath__") else path


def _quota(limit: Any) -> object:
    return dict(limit) if hasattr(limit, "keys") else limit


def _prices(prices: Any) -> object:
    return {kit: _price(price) for kit, price in prices.items()} if hasattr(prices, "items") else prices


def _price(price: object) -> object:
    # A program that has not imported `decimal` has no decimals.
    decimal = sys.modules.get("decimal")
    return format(price, "f") if decimal is not None and isinstance(price, decimal.Decimal) else price


_CONVERSIONS = {"ca_file": _path, "rate_limit": _quota, "prices": _prices}
