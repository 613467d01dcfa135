"""The types of requests and options. Type checkers and editors use them; the client takes plain dicts and keywords."""

import os
import sys
from collections.abc import Mapping  # noqa: TC003 (needed by `typing.get_type_hints`)
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from ._lazy import LazyModule
from ._not_given import NotGiven

if TYPE_CHECKING:
    import decimal

    from typing_extensions import Self as Self  # noqa: PLC0414
    from typing_extensions import Unpack as Unpack  # noqa: PLC0414
elif sys.version_info >= (3, 11):
    from typing import Self, Unpack
else:
    # Python 3.10 has neither, and the package has no dependencies. At run time, plain types replace them there.
    Self = Any

    class Unpack:
        def __class_getitem__(cls, item):
            return item


if not TYPE_CHECKING:
    decimal = LazyModule("decimal")

Kit: TypeAlias = Literal["text-gen", "code-assist", "summarizer", "classifier"]
"""The kits that this version knows. Any other id can be passed as a `str` and is sent unchanged.

- `text-gen`: general text generation and chat.
- `code-assist`: code completion and review.
- `summarizer`: document and article summarization.
- `classifier`: text classification and sentiment.
"""


class Quota(TypedDict, total=False):
    """How many requests and tokens may be sent in a length of time. One of the numbers can be missing."""

    requests: int | None
    """Number of requests, at least 1."""
    tokens: int | None
    """Number of input and output tokens, at least 1."""
    per: float | None
    """The length of time in seconds, from 0.1 to 86,400. Default: 60."""


RateLimit: TypeAlias = Literal["auto", "off", "maker", "builder"] | str | Quota
"""How a client keeps to the rate limits of its plan.

- `auto`: learns the limits from the first 429 with `Retry-After`, and keeps to them.
- `maker`, `builder`: the limits of that plan, from the first call on.
- `off`: no pacing. A 429 with `Retry-After` still holds back all calls until that time.
- Your own limits: a `Quota`, or text such as `30,15000` (requests and tokens per minute) or `30,15000/6s`.
"""


class RunInput(TypedDict, total=False):
    """The input of a run. At run time, other keys are sent unchanged."""

    prompt: str
    """The prompt. Required."""
    context: str | None
    """Text that the prompt refers to, such as a document to summarize. Default: none."""


class RunConfig(TypedDict, total=False):
    """The settings of a run. At run time, other keys are sent unchanged."""

    max_tokens: int | None
    """Maximum number of output tokens, from 1 to the kit's limit. Default: the service's."""
    temperature: float | None
    """Sampling temperature, a finite number. The service validates the range. Default: the service's."""


class RequestOptions(TypedDict, total=False):
    """The options of one call. They override the client's options."""

    timeout: float | NotGiven | None
    """Total time limit for the call in seconds. None: no limit."""
    max_retries: int | None
    """Maximum number of retries."""
    retry_ambiguous: bool | None
    """Whether to retry a call that was sent and got no complete response. It can be billed twice."""
    idempotency_key: str | None
    """The `Idempotency-Key` of all attempts, 1 to 255 visible ASCII characters. Default: a new UUID."""
    extra_headers: dict[str, str] | None
    """Headers for this call, added to the client's `headers`."""
    extra_body: dict[str, Any] | None
    """Fields of the request body besides `kit`, `input` and `config`."""


class ClientOverrides(TypedDict, total=False):
    """The options of a client that `with_options` can change."""

    api_key: str | None
    """API key. Required. Default: `BUILDERAIKITS_API_KEY`."""
    timeout: float | NotGiven | None
    """Total time limit for a call in seconds, including queueing, all attempts and the waits between them. None: no
    limit. Default: 120."""
    attempt_timeout: float | NotGiven | None
    """Time limit for one attempt in seconds, including the response body. None: no limit. Default: no limit."""
    max_retries: int | None
    """Maximum number of retries after the first attempt. 0 disables retries. Default: 2."""
    retry_ambiguous: bool | None
    """Whether to retry a call that was sent and got no complete response. It can be billed twice. Default: False."""
    headers: dict[str, str] | None
    """Headers for every request. Default: `BUILDERAIKITS_CUSTOM_HEADERS`, one `Name: value` per line."""
    app_name: str | None
    """Your program as `name/version`, added to the `User-Agent`. Default: none."""


class ClientOptions(ClientOverrides, total=False):
    """The options of a client. Copies that `with_options` makes share those that are declared here."""

    base_url: str | None
    """URL of the service. Default: `BUILDERAIKITS_BASE_URL`, or `https://api.builderaikits.com/v1`. Plain http is
    accepted for localhost only, unless `allow_http` is set."""
    connect_timeout: float | NotGiven | None
    """Time limit for DNS, TCP, proxy and TLS in seconds. None: no limit. Default: 5."""
    rate_limit: RateLimit | None
    """How the client keeps to the rate limits of its plan. Calls wait for their turn in the order of their start, and
    their timeouts run. Default: `BUILDERAIKITS_RATE_LIMIT`, or `auto`."""
    retry_budget: bool | None
    """Whether a retry budget limits the retries of all calls together, so that they do not multiply the load of a
    service that fails. Default: True."""
    prices: "Mapping[str, float | str | decimal.Decimal] | None"
    """Prices in US dollars per 1,000 tokens by kit id, besides those of the kits that this version knows. At most 9
    decimals. They determine costs and estimates. Default: none."""
    max_concurrency: int | None
    """Maximum number of attempts in progress; further calls queue. Default: 1000, or three quarters of the open-file
    limit if that is less."""
    max_response_bytes: int | None
    """Maximum size of a response body in bytes. Default: 16 MiB."""
    proxy: str | None
    """Proxy URL, or `off`. Default: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`."""
    ca_file: str | os.PathLike[str] | None
    """PEM file of certificate authorities to trust in addition to the system's. Default: none."""
    allow_http: bool | None
    """Whether `base_url` may use plain http on any host. Anyone on the network path can then read the API key and the
    prompts. Default: False."""


class ErrorFields(TypedDict, total=False):
    """The keyword arguments of `BuilderAIKitsError`, which documents them as attributes."""

    kind: str
    option: str | None
    status: int | None
    code: str | None
    body: bytes | None
    headers: dict[str, str] | None
    request_id: str | None
    attempts: int
    retry_after: float | None
    may_have_run: bool
    is_retryable: bool
    retry_stopped_by: str | None
    idempotency_key: str | None
    elapsed: float
