from decimal import Decimal
from typing import Any, ClassVar, Literal, final

__all__ = [
    "VERSION",
    "Client",
    "CompletionQueue",
    "Cost",
    "Output",
    "ResponseMetadata",
    "Run",
    "Usage",
    "begin_shutdown",
    "catalog",
    "create_client",
    "drain_logs",
    "format_error",
    "log_level_from_env",
    "set_log_level",
]

VERSION: str

@final
class Run:
    """A finished run. Attributes have the names of the API's fields.

    Only `output.text` is guaranteed; other fields are None if the service left them out. `==`, `to_dict()` and
    `to_json()` use the API fields only, not `cost` and `response_metadata`. Runs are immutable. In tests, construct one
    with `Run(output=Output(text="hi"))`.
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
        cost: Cost | None = None,
        response_metadata: ResponseMetadata | None = None,
    ) -> Run: ...
    @property
    def output(self) -> Output:
        """The output of the kit."""
    @property
    def usage(self) -> Usage:
        """Token usage, which determines the price."""
    @property
    def id(self) -> str | None:
        """The id of the run, such as `run_8f3k2m`."""
    @property
    def kit(self) -> str | None:
        """The kit that ran."""
    @property
    def status(self) -> str | None:
        """The status of the run, such as `completed`. New values may be added."""
    @property
    def latency_ms(self) -> int | None:
        """Processing time of the service in milliseconds."""
    @property
    def extra(self) -> dict[str, Any]:
        """Fields that this version does not know, as the service sent them. A new dict on each access."""
    @property
    def cost(self) -> Cost | None:
        """The cost of the run: the price of its kit times its total tokens. None if either is not known. Not part of
        the API response."""
    @property
    def response_metadata(self) -> ResponseMetadata:
        """Attempts, request id, headers and more. Not part of the API response."""
    def to_dict(self) -> dict[str, Any]:
        """Returns the API fields as a dict. Absent fields are left out."""
    def to_json(self) -> str:
        """Returns the API fields as JSON text."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]: ...

@final
class Output:
    """The output of a kit."""

    __match_args__: ClassVar[tuple[Literal["text"]]]
    def __new__(cls, text: str, *, extra: dict[str, Any] | None = None) -> Output: ...
    @property
    def text(self) -> str:
        """The text that the kit produced."""
    @property
    def extra(self) -> dict[str, Any]:
        """Fields that this version does not know. A new dict on each access."""
    def to_dict(self) -> dict[str, Any]:
        """Returns the API fields as a dict."""
    def to_json(self) -> str:
        """Returns the API fields as JSON text."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]: ...

@final
class Usage:
    """Token usage, which determines the price. None: the service did not say."""

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
        """Number of tokens of prompt and context."""
    @property
    def output_tokens(self) -> int | None:
        """Number of tokens of the output."""
    @property
    def total_tokens(self) -> int | None:
        """Number of input and output tokens together."""
    @property
    def extra(self) -> dict[str, Any]:
        """Fields that this version does not know. A new dict on each access."""
    def to_dict(self) -> dict[str, Any]:
        """Returns the API fields as a dict. Absent fields are left out."""
    def to_json(self) -> str:
        """Returns the API fields as JSON text."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]: ...

@final
class Cost:
    """An amount of US dollars, exact. `str(cost)` is the amount in dollars, such as `0.0001328`.

    Costs are immutable and can be compared. In tests, construct one with `Cost(nano_usd=132_800)`.
    """

    __match_args__: ClassVar[tuple[Literal["nano_usd"]]]
    def __new__(cls, nano_usd: int) -> Cost: ...
    @property
    def nano_usd(self) -> int:
        """The amount in billionths of a US dollar."""
    @property
    def usd(self) -> Decimal:
        """The amount in US dollars as a `decimal.Decimal`, exact."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: Cost, /) -> bool: ...
    def __le__(self, other: Cost, /) -> bool: ...
    def __gt__(self, other: Cost, /) -> bool: ...
    def __ge__(self, other: Cost, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[Any, ...]: ...

@final
class ResponseMetadata:
    """Response metadata. Not part of the API response, and ignored by the `==` and `to_dict()` of runs."""

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
        """Number of attempts, including the successful one."""
    @property
    def request_id(self) -> str | None:
        """The request id of the response. Include it in support requests."""
    @property
    def idempotency_key(self) -> str:
        """The `Idempotency-Key` of all attempts."""
    @property
    def elapsed(self) -> float:
        """Duration of the call in seconds, including queueing, all attempts and the waits between them."""
    @property
    def headers(self) -> dict[str, str]:
        """The response headers: names in lower case, values of repeated headers joined. A new dict on each access."""
    def to_dict(self) -> dict[str, Any]:
        """Returns all fields as a dict."""
    def to_json(self) -> str:
        """Returns all fields as JSON text."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[Any, ...]: ...

# The rest is used by the modules of this package only. An error record is a dict: see `_errors.error_from_record`.

@final
class Client:
    def with_options(self, options: dict[str, object]) -> Client | dict[str, Any]: ...
    def run(
        self,
        kit: object,
        input: object,
        config: object,
        options: dict[str, object],
        is_main_thread: bool,
        /,
    ) -> Run | dict[str, Any]: ...
    def submit(
        self,
        queue: CompletionQueue,
        kit: object,
        input: object,
        config: object,
        options: dict[str, object],
        /,
    ) -> int | dict[str, Any]: ...
    def usage(self) -> tuple[bool, dict[str, Any]]: ...
    def estimate(self, kit: object, input: object, config: object, /) -> tuple[bool, dict[str, Any]]: ...
    def close(self) -> None: ...
    @property
    def base_url(self) -> str: ...

@final
class CompletionQueue:
    def __new__(cls) -> CompletionQueue: ...
    def fileno(self) -> int: ...
    def dup(self) -> int: ...
    def drain(self) -> tuple[bool, list[tuple[int, Run | dict[str, Any]]]]: ...
    def abort(self, call_id: int) -> None: ...
    def in_flight(self) -> int: ...

def begin_shutdown() -> None: ...
def catalog() -> dict[str, Any]: ...
def create_client(options: dict[str, object]) -> Client | dict[str, Any]: ...
def drain_logs() -> list[tuple[int, str]]: ...
def format_error(message: str, status: int | None, request_id: str | None, attempts: int) -> str: ...
def log_level_from_env() -> int: ...
def set_log_level(level: int) -> None: ...
