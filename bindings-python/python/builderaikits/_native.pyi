from typing import Any, ClassVar, Literal, final

__all__ = [
    "VERSION",
    "Calls",
    "Client",
    "Output",
    "ResponseMetadata",
    "Run",
    "Usage",
    "client",
    "error_text",
    "exiting",
    "log_level_from_env",
    "set_log_level",
    "take_logs",
]

VERSION: str

@final
class Run:
    """A finished run, in the wire's names.

    Only `output.text` is certain: what the service left out is None. `==`, `to_dict()` and `to_json()` are of the
    wire's fields, not of `response_metadata`. Immutable; `Run(output=Output(text="hi"))` makes one for a test.
    """

    __match_args__: ClassVar[
        tuple[
            Literal["output"],
            Literal["usage"],
            Literal["id"],
            Literal["kit"],
            Literal["status"],
            Literal["latency_ms"],
        ]
    ]
    def __new__(
        cls,
        output: Output,
        usage: Usage | None = None,
        *,
        id: str | None = None,
        kit: str | None = None,
        status: str | None = None,
        latency_ms: int | None = None,
        extra: dict[str, Any] | None = None,
        response_metadata: ResponseMetadata | None = None,
    ) -> Run: ...
    @property
    def output(self) -> Output:
        """What the kit answered."""
    @property
    def usage(self) -> Usage:
        """The tokens that the run is billed by."""
    @property
    def id(self) -> str | None:
        """The run's own name, such as `run_8f3k2m`."""
    @property
    def kit(self) -> str | None:
        """The kit that ran."""
    @property
    def status(self) -> str | None:
        """How it ended, such as `completed`. An open set."""
    @property
    def latency_ms(self) -> int | None:
        """How long the service worked on it, in milliseconds."""
    @property
    def extra(self) -> dict[str, Any]:
        """Fields that this version does not know, as the service sent them. A fresh dict each time."""
    @property
    def response_metadata(self) -> ResponseMetadata:
        """How the answer came to be: attempts, request id, headers. Not of the wire."""
    def to_dict(self) -> dict[str, Any]:
        """The wire's form as a dict: fields that are absent are left out."""
    def to_json(self) -> str:
        """The wire's form as JSON text."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]: ...

@final
class Output:
    """What a kit answered."""

    __match_args__: ClassVar[tuple[Literal["text"]]]
    def __new__(cls, text: str, *, extra: dict[str, Any] | None = None) -> Output: ...
    @property
    def text(self) -> str:
        """The answer's text."""
    @property
    def extra(self) -> dict[str, Any]:
        """Fields that this version does not know. A fresh dict each time."""
    def to_dict(self) -> dict[str, Any]:
        """The wire's form as a dict."""
    def to_json(self) -> str:
        """The wire's form as JSON text."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]: ...

@final
class Usage:
    """The tokens that a run is billed by; None where the service did not say."""

    __match_args__: ClassVar[tuple[Literal["input_tokens"], Literal["output_tokens"], Literal["total_tokens"]]]
    def __new__(
        cls,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        total_tokens: int | None = None,
        *,
        extra: dict[str, Any] | None = None,
    ) -> Usage: ...
    @property
    def input_tokens(self) -> int | None:
        """Tokens of prompt and context."""
    @property
    def output_tokens(self) -> int | None:
        """Tokens of the answer."""
    @property
    def total_tokens(self) -> int | None:
        """Both together."""
    @property
    def extra(self) -> dict[str, Any]:
        """Fields that this version does not know. A fresh dict each time."""
    def to_dict(self) -> dict[str, Any]:
        """The wire's form as a dict: fields that are absent are left out."""
    def to_json(self) -> str:
        """The wire's form as JSON text."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]: ...

@final
class ResponseMetadata:
    """How an answer came to be; not of the wire, and no part of a run's `==` and `to_dict()`."""

    __match_args__: ClassVar[
        tuple[
            Literal["attempts"],
            Literal["request_id"],
            Literal["idempotency_key"],
            Literal["elapsed"],
            Literal["headers"],
        ]
    ]
    def __new__(
        cls,
        attempts: int = 0,
        request_id: str | None = None,
        idempotency_key: str = ...,
        elapsed: float = 0.0,
        headers: dict[str, str] | None = None,
    ) -> ResponseMetadata: ...
    @property
    def attempts(self) -> int:
        """Attempts that it took, the one that gave the answer included."""
    @property
    def request_id(self) -> str | None:
        """The service's name for the request, to give to support."""
    @property
    def idempotency_key(self) -> str:
        """The `Idempotency-Key` of all attempts."""
    @property
    def elapsed(self) -> float:
        """From the start of the call to its end, in seconds: queue, attempts and waits."""
    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers: names in lower case, those sent twice joined with a comma. A fresh dict each time."""
    def to_dict(self) -> dict[str, Any]:
        """All of it as a dict."""
    def to_json(self) -> str:
        """All of it as JSON text."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[Any, ...]: ...

# What follows is for the modules of this package. An error is a tuple of its fields: see `_errors.error_of`.

@final
class Client:
    def with_options(self, given: dict[str, object]) -> Client | tuple[Any, ...]: ...
    def run(
        self,
        kit: object,
        input: object,
        config: object,
        extra_body: object,
        given: dict[str, object] | None,
        is_main: bool,
        /,
    ) -> Run | tuple[Any, ...]: ...
    def submit(
        self,
        calls: Calls,
        kit: object,
        input: object,
        config: object,
        extra_body: object,
        given: dict[str, object] | None,
        /,
    ) -> int | tuple[Any, ...]: ...
    def close(self) -> None: ...
    @property
    def base_url(self) -> str: ...

@final
class Calls:
    def __new__(cls) -> Calls: ...
    def fileno(self) -> int: ...
    def dup(self) -> int: ...
    def drain(self, most: int) -> tuple[bool, list[tuple[int, Run | tuple[Any, ...]]]]: ...
    def abort(self, call: int) -> None: ...
    def in_flight(self) -> int: ...

def client(given: dict[str, object]) -> Client | tuple[Any, ...]: ...
def error_text(message: str, status: int | None, request_id: str | None, attempts: int) -> str: ...
def exiting() -> None: ...
def log_level_from_env() -> int: ...
def set_log_level(level: int) -> None: ...
def take_logs() -> list[tuple[int, str]]: ...
