"""The marker for an option that was not given."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class NotGiven:
    """The type of `NOT_GIVEN`, which leaves an option at its default. For a timeout, None means no limit."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __reduce__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> bool:
        return False


NOT_GIVEN = NotGiven()
"""Passed as an option, the same as leaving the option out."""


def drop_not_given(options: Mapping[str, object]) -> dict[str, object]:
    """Copies the options that were given."""
    return {name: value for name, value in options.items() if value is not NOT_GIVEN}
