"""The official Python SDK of BuilderAI Kits: run prompts on kits, with typed answers and typed errors.

    from builderaikits import BuilderAIKits

    client = BuilderAIKits()  # the key from BUILDERAIKITS_API_KEY
    run = client.kits.run(kit="text-gen", input="Hello", config={"max_tokens": 500})
    print(run.output.text)

`AsyncBuilderAIKits` is the same for asyncio. Every failure is a `BuilderAIKitsError`.
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
from ._native import Output, ResponseMetadata, Run, Usage
from ._options import NOT_GIVEN, NotGiven

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._async_client import AsyncBuilderAIKits as AsyncBuilderAIKits
    from ._async_client import AsyncKits as AsyncKits
    from ._types import Config as Config
    from ._types import Input as Input
    from ._types import Kit as Kit

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
    "Config",
    "ConfigurationError",
    "ConflictError",
    "Input",
    "InternalError",
    "InternalServerError",
    "InvalidRequestError",
    "Kit",
    "Kits",
    "NotFoundError",
    "NotGiven",
    "Output",
    "PermissionDeniedError",
    "RateLimitError",
    "ResponseMetadata",
    "Run",
    "UnprocessableEntityError",
    "Usage",
    "__version__",
]


# What needs `asyncio` or `typing`, which are slower to import than all the rest.
_LATER = {
    "AsyncBuilderAIKits": "_async_client",
    "AsyncKits": "_async_client",
    "Config": "_types",
    "Input": "_types",
    "Kit": "_types",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
