"""Options that were not given."""

from __future__ import annotations


class NotGiven:
    """The type of `NOT_GIVEN`: an option that keeps its default, where None says "no limit"."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __reduce__(self) -> str:
        return "NOT_GIVEN"

    def __bool__(self) -> bool:
        return False


NOT_GIVEN = NotGiven()
"""The default of options where None says "no limit"."""


def of_call(
    timeout: float | NotGiven | None,
    max_retries: int | None,
    retry_ambiguous: bool | None,
    idempotency_key: str | None,
    extra_headers: dict[str, str] | None,
) -> dict[str, object] | None:
    """The options of a call under the core's names; None when there are none, as mostly."""
    if (
        timeout is NOT_GIVEN
        and max_retries is None
        and retry_ambiguous is None
        and idempotency_key is None
        and extra_headers is None
    ):
        return None
    return given(
        timeout=timeout,
        max_retries=max_retries,
        retry_ambiguous=retry_ambiguous,
        idempotency_key=idempotency_key,
        headers=extra_headers,
    )


def given(**options: object) -> dict[str, object]:
    """Those that are there: neither NOT_GIVEN nor, but for limits of time, None."""
    return {
        name: value
        for name, value in options.items()
        if value is not NOT_GIVEN and (value is not None or name.endswith("timeout"))
    }
