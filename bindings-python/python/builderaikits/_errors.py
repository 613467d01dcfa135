"""The errors of the SDK: one tree, under `BuilderAIKitsError`."""

from __future__ import annotations

from ._native import error_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class BuilderAIKitsError(Exception):
    """Every failure of the SDK. Catch it to catch them all.

    `str(error)` is one line: status, message, request id, attempts. Neither the API key nor the prompt is ever in it.
    Errors pickle and copy with all their fields, and can be made by hand for tests:
    `RateLimitError("slow down", status=429, retry_after=2.0)`.
    """

    kind: str = "internal"
    """The kind's name in every language of the SDK, such as `rate_limit`."""
    message: str
    """What went wrong, in one line: the service's words where it gave any, ours elsewhere."""
    status: int | None
    """The HTTP status of the answer, if there was one."""
    code: str | None
    """The service's own code, if it gave one. An open set: compare it, do not rely on a list."""
    body: bytes | None
    """What the service sent, as received; the first 64 KiB when the status is 300 or above. It can hold parts of the
    prompt, so it stands in no message and no log."""
    headers: dict[str, str] | None
    """The headers of the answer, if there was one; names in lower case."""
    request_id: str | None
    """The service's name for the request, to give to support."""
    attempts: int
    """Attempts begun, sent or not; 0 when the call was refused before the first."""
    retry_after: float | None
    """How long the service asked to wait before the next request, in seconds, if it did."""
    may_have_run: bool
    """Whether any attempt of the call may have run on the service, and so may be billed."""
    is_retryable: bool
    """Whether the call's options would repeat this outcome, whatever attempts, budget and time were left."""
    idempotency_key: str | None
    """The `Idempotency-Key` that all attempts of the call carried."""
    elapsed: float
    """From the start of the call to its end, in seconds: queue, attempts and waits."""

    def __init__(
        self,
        message: str = "",
        *,
        kind: str | None = None,
        status: int | None = None,
        code: str | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        request_id: str | None = None,
        attempts: int = 0,
        retry_after: float | None = None,
        may_have_run: bool = False,
        is_retryable: bool = False,
        idempotency_key: str | None = None,
        elapsed: float = 0.0,
    ) -> None:
        super().__init__(message)
        if kind is not None:
            self.kind = kind
        self.message = message
        self.status = status
        self.code = code
        self.body = body
        self.headers = headers
        self.request_id = request_id
        self.attempts = attempts
        self.retry_after = retry_after
        self.may_have_run = may_have_run
        self.is_retryable = is_retryable
        self.idempotency_key = idempotency_key
        self.elapsed = elapsed

    def __str__(self) -> str:
        return error_text(self.message, self.status, self.request_id, self.attempts)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    # Spelled out, since `OSError` among the bases has another one.
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,), self.__dict__


class ConfigurationError(BuilderAIKitsError, ValueError):
    """An option of the client is missing or bad; nothing was sent. The message names it, and the way out."""

    kind = "config"


class InvalidRequestError(BuilderAIKitsError, ValueError):
    """The request, or an option of this call, was refused before anything was sent. Mend the field it names."""

    kind = "invalid_request"


class ClientClosedError(BuilderAIKitsError):
    """The client was closed before the call. Make a new one, or close it later."""

    kind = "closed"


class InternalError(BuilderAIKitsError):
    """A defect of the SDK ended this call; other calls go on. Please report it."""


class APIError(BuilderAIKitsError):
    """The call failed at the service, or on the way to it. See `may_have_run` before you repeat it."""

    kind = "status"


class APIStatusError(APIError):
    """The service answered with a status of 400 or above that has no class of its own; see `status` and `code`."""


class BadRequestError(APIStatusError):
    """400: the service found the request malformed. Mend what the message names."""

    kind = "bad_request"


class AuthenticationError(APIStatusError):
    """401: the API key is missing, wrong or revoked. Check BUILDERAIKITS_API_KEY against your dashboard."""

    kind = "authentication"


class PermissionDeniedError(APIStatusError):
    """403: the API key may not do this. Use another key, or ask for the right."""

    kind = "permission_denied"


class NotFoundError(APIStatusError):
    """404: there is nothing at this address. Check `base_url`, and the kit's name."""

    kind = "not_found"


class ConflictError(APIStatusError):
    """409: the request conflicts with another one. Look at `code`, and at your idempotency keys."""

    kind = "conflict"


class UnprocessableEntityError(APIStatusError):
    """422: the service understood the request and will not do it. Change it before you repeat it."""

    kind = "unprocessable"


class RateLimitError(APIStatusError):
    """429: too many requests or tokens. Wait `retry_after` seconds, send less at once, or raise your plan."""

    kind = "rate_limit"


class InternalServerError(APIStatusError):
    """500 or above: the service failed, repeats included. Try later; `may_have_run` says whether it may be billed."""

    kind = "server"


class APIConnectionError(APIError):
    """No answer, one that was cut short or is not HTTP, or a server that could not be trusted. Check the network,
    `base_url`, proxy and certificates; `kind` is `tls` where it was about trust."""

    kind = "connection"


class APITimeoutError(APIConnectionError, TimeoutError):
    """A limit of time ran out; the message says which, and in which phase. Give more `timeout`, or ask for less."""

    kind = "timeout"


class APIResponseValidationError(APIError):
    """The service answered something that is no run. `body` has what came; it may have been paid for."""

    kind = "bad_response"


_CLASSES: dict[str, type[BuilderAIKitsError]] = {
    error.kind: error
    for error in (
        ConfigurationError,
        InvalidRequestError,
        ClientClosedError,
        InternalError,
        APIStatusError,
        BadRequestError,
        AuthenticationError,
        PermissionDeniedError,
        NotFoundError,
        ConflictError,
        UnprocessableEntityError,
        RateLimitError,
        InternalServerError,
        APIConnectionError,
        APITimeoutError,
        APIResponseValidationError,
    )
}
_CLASSES["tls"] = APIConnectionError
for _error in (BuilderAIKitsError, APIError, *_CLASSES.values()):
    _error.__module__ = "builderaikits"  # where users import it from, which tracebacks and pickles say


def error_of(record: tuple[Any, ...]) -> BuilderAIKitsError:
    """The error of a record of the native module; a kind that is not known is of the base class."""
    (
        kind, message, status, code, body, headers, request_id, attempts, retry_after, may_have_run, is_retryable,
        idempotency_key, elapsed,
    ) = record  # fmt: skip
    return _CLASSES.get(kind, BuilderAIKitsError)(
        message,
        kind=kind,
        status=status,
        code=code,
        body=body,
        headers=headers,
        request_id=request_id,
        attempts=attempts,
        retry_after=retry_after,
        may_have_run=may_have_run,
        is_retryable=is_retryable,
        idempotency_key=idempotency_key,
        elapsed=elapsed,
    )
