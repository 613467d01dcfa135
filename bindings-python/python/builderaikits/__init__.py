"""The official Python SDK for BuilderAI Kits: run prompts on kits, with typed responses and errors.

    from builderaikits import BuilderAIKits

    client = BuilderAIKits()  # reads BUILDERAIKITS_API_KEY
    run = client.kits.run(kit="text-gen", input="Hello", config={"max_tokens": 500})
    print(run.output.text)

`AsyncBuilderAIKits` is the asyncio client. All errors are subclasses of `BuilderAIKitsError`.
"""

from ._client import BuilderAIKits, Kits
from ._errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BuilderAIKitsError,
    ClientClosedError,
    ConfigurationError,
    ConflictError,
    InternalError,
    InternalServerError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)
from ._native import VERSION as __version__
from ._native import Cost, Output, ResponseMetadata, Run, Usage
from ._not_given import NOT_GIVEN, NotGiven

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._async_client import AsyncBuilderAIKits as AsyncBuilderAIKits
    from ._async_client import AsyncKits as AsyncKits
    from ._catalog import KitInfo as KitInfo
    from ._catalog import kit_info as kit_info
    from ._estimate import Estimate as Estimate
    from ._types import ClientOptions as ClientOptions
    from ._types import ClientOverrides as ClientOverrides
    from ._types import Kit as Kit
    from ._types import Quota as Quota
    from ._types import RateLimit as RateLimit
    from ._types import RequestOptions as RequestOptions
    from ._types import RunConfig as RunConfig
    from ._types import RunInput as RunInput
    from ._usage import ClientUsage as ClientUsage
    from ._usage import PacingStatus as PacingStatus

__all__ = [
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncBuilderAIKits",
    "AsyncKits",
    "AuthenticationError",
    "BadRequestError",
    "BuilderAIKits",
    "BuilderAIKitsError",
    "ClientClosedError",
    "ClientOptions",
    "ClientOverrides",
    "ClientUsage",
    "ConfigurationError",
    "ConflictError",
    "Cost",
    "Estimate",
    "InternalError",
    "InternalServerError",
    "InvalidRequestError",
    "Kit",
    "KitInfo",
    "Kits",
    "NotFoundError",
    "NotGiven",
    "Output",
    "PacingStatus",
    "PermissionDeniedError",
    "Quota",
    "RateLimit",
    "RateLimitError",
    "RequestOptions",
    "ResponseMetadata",
    "Run",
    "RunConfig",
    "RunInput",
    "UnprocessableEntityError",
    "Usage",
    "__version__",
    "kit_info",
]


# Names from modules that import `asyncio`, `dataclasses` or `typing`, which takes longer than importing the rest.
_LAZY_IMPORTS = {
    "AsyncBuilderAIKits": "_async_client",
    "AsyncKits": "_async_client",
    "ClientOptions": "_types",
    "ClientOverrides": "_types",
    "ClientUsage": "_usage",
    "Estimate": "_estimate",
    "Kit": "_types",
    "KitInfo": "_catalog",
    "PacingStatus": "_usage",
    "Quota": "_types",
    "RateLimit": "_types",
    "RequestOptions": "_types",
    "RunConfig": "_types",
    "RunInput": "_types",
    "kit_info": "_catalog",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY_IMPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_LAZY_IMPORTS[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
