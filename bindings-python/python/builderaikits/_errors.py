"""The errors of the SDK.

BuilderAIKitsError
├── ConfigurationError (and ValueError)
├── InvalidRequestError (and ValueError)
├── ClientClosedError
├── InternalError
└── APIError
    ├── APIStatusError
    │   ├── BadRequestError
    │   ├── AuthenticationError
    │   ├── PermissionDeniedError
    │   ├── NotFoundError
    │   ├── ConflictError
    │   ├── UnprocessableEntityError
    │   ├── RateLimitError
    │   └── InternalServerError
    ├── APIConnectionError
    │   └── APITimeoutError (and TimeoutError)
    └── APIResponseValidationError
"""

from __future__ import annotations

import sys

from ._lazy import LazyModule
from ._native import format_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import _types
else:
    _types = LazyModule("._types")


class BuilderAIKitsError(Exception):
    """The base class of all errors of the SDK.

    `str(error)` is one line with status, message, request id and attempts. It is made for logs: SECURITY.md says
    what it can contain. If a connection failed, `__cause__` is the `OSError`. Errors can be pickled, copied, and
    constructed in tests: `RateLimitError("slow down", status=429, retry_after=2.0)`.
    """

    kind: str = "internal"
    """The name of the kind in every language of the SDK, such as `rate_limit`."""
    message: str = ""
    """What went wrong: the service's message if there is one, otherwise the SDK's."""
    option: str | None = None
    """The option or request field that is invalid, such as `base_url` or `config.max_tokens`."""
    status: int | None = None
    """The HTTP status of the response, if there was one."""
    code: str | None = None
    """The service's error code, if there was one. New codes may be added at any time."""
    body: bytes | None = None
    """The response body as received; the first 64 KiB if the status is 300 or above. It can contain parts of the
    prompt, so it is not part of `str(error)` and the logs."""
    headers: dict[str, str] | None = None
    """The headers of the response, if there was one. Names are in lower case."""
    request_id: str | None = None
    """The request id of the response. Include it in support requests."""
    attempts: int = 0
    """Number of attempts. 0: the call was rejected before the first attempt."""
    retry_after: float | None = None
    """The delay in seconds that the service asked for, or that the rate limit makes necessary, if there is one."""
    may_have_run: bool = False
    """Whether the service may have processed any attempt, so that the call can be billed."""
    is_retryable: bool = False
    """Whether the options of the call allow a retry of this outcome, if attempts, retry budget and time were left."""
    retry_stopped_by: str | None = None
    """What stopped the last retry of a retryable failure: `max_retries`, `retry_after` (over 120 s), `deadline` (the
    wait would end after it), `rate_limit` (it holds the call back beyond its deadline) or `retry_budget`. New values
    may be added."""
    idempotency_key: str | None = None
    """The `Idempotency-Key` of all attempts."""
    elapsed: float = 0.0
    """Duration of the call in seconds, including queueing, all attempts and the waits between them."""

    def __init__(self, message: str = "", **fields: _types.Unpack[_types.ErrorFields]) -> None:
        super().__init__(message)
        for name in fields:
            if name not in _FIELDS:
                raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {name!r}")
        self.__dict__.update(fields, message=message)

    def __str__(self) -> str:
        return format_error(self.message, self.status, self.request_id, self.attempts)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    # Defined here because `OSError`, a base class of `APITimeoutError`, has another one.
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,), self.__dict__


_FIELDS = frozenset(BuilderAIKitsError.__annotations__)


class ConfigurationError(BuilderAIKitsError, ValueError):
    """An option of the client is missing or invalid. The message names it and says what to do. Nothing was sent."""


class InvalidRequestError(BuilderAIKitsError, ValueError):
    """The request or an option of the call is invalid. Fix the field named in the message. Nothing was sent."""


class ClientClosedError(BuilderAIKitsError):
    """The client was closed before the call. Create a new one, or close it later."""


class InternalError(BuilderAIKitsError):
    """A bug in the SDK failed this call. Other calls are not affected. Please report it."""


class APIError(BuilderAIKitsError):
    """The service returned an error, or could not be reached. Check `may_have_run` before you retry the call."""


class APIStatusError(APIError):
    """The service returned a status of 400 or above that has no class of its own. Check `status` and `code`."""


class BadRequestError(APIStatusError):
    """400: the request is invalid. Fix the field named in the message."""


class AuthenticationError(APIStatusError):
    """401: the API key is missing, wrong or revoked. Check BUILDERAIKITS_API_KEY against your dashboard."""


class PermissionDeniedError(APIStatusError):
    """403: the API key lacks permission. Use another key or request access."""


class NotFoundError(APIStatusError):
    """404: the URL or the kit does not exist. Check `base_url` and the id of the kit."""


class ConflictError(APIStatusError):
    """409: the request conflicts with another one. Check `code` and whether you reused an idempotency key."""


class UnprocessableEntityError(APIStatusError):
    """422: the service understood the request and cannot process it. Change it before you retry."""


class RateLimitError(APIStatusError):
    """429: too many requests or tokens. Wait `retry_after` seconds, reduce concurrency, or upgrade your plan.

    If `status` is None, nothing was sent: the rate limit would hold the call back beyond its `timeout`.
    """


class InternalServerError(APIStatusError):
    """500 or above: the service failed, and so did all retries. Try again later. Check `may_have_run` first."""


class APIConnectionError(APIError):
    """There was no response, a truncated response, or an untrusted certificate. Check the network, `base_url`, the
    proxy and the certificates. `kind` is `tls` if TLS failed."""


class APITimeoutError(APIConnectionError, TimeoutError):
    """A timeout elapsed. The message says which one, and in which phase. Raise it, or request less."""


class APIResponseValidationError(APIError):
    """The response is not a valid run. You may have been billed; `body` has the raw response."""


# A parent comes before its subclasses, so that each class has the `kind` of its own row.
_CLASSES: dict[str, type[BuilderAIKitsError]] = {
    "config": ConfigurationError,
    "invalid_request": InvalidRequestError,
    "closed": ClientClosedError,
    "internal": InternalError,
    "status": APIStatusError,
    "bad_request": BadRequestError,
    "authentication": AuthenticationError,
    "permission_denied": PermissionDeniedError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "unprocessable": UnprocessableEntityError,
    "rate_limit": RateLimitError,
    "server": InternalServerError,
    "tls": APIConnectionError,
    "connection": APIConnectionError,
    "timeout": APITimeoutError,
    "bad_response": APIResponseValidationError,
}
APIError.kind = "status"
_parents: list[type[BuilderAIKitsError]] = [BuilderAIKitsError, APIError]
for _kind, _class in _CLASSES.items():
    _class.kind = _kind
for _class in [*_parents, *_CLASSES.values()]:
    # Users import them from there. Tracebacks show it, and pickles refer to it.
    _class.__module__ = "builderaikits"


def error_from_record(record: dict[str, Any]) -> BuilderAIKitsError:
    """Creates the error for a record of the native module. Copies fields by name and ignores unknown ones.

    An unknown kind becomes the base class.
    """
    error_class = _CLASSES.get(record["kind"], BuilderAIKitsError)
    error = error_class(**{name: value for name, value in record.items() if name in _FIELDS})
    if cause := record.get("cause"):
        error.__cause__ = _os_error(**cause)
    return error


def record_or_raise(result: tuple[bool, dict[str, Any]]) -> dict[str, Any]:
    """Returns the record of a query. Raises the error if the query failed."""
    succeeded, record = result
    if not succeeded:
        raise error_from_record(record)
    return record


def _os_error(message: str, errno: int | None = None) -> OSError:
    """`OSError` selects its subclass by the number, such as `ConnectionRefusedError`."""
    if errno is None:
        return OSError(message)
    if sys.platform == "win32":
        return OSError(0, message, None, errno)
    return OSError(errno, message.removesuffix(f" (os error {errno})"))
