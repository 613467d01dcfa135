"""The blocking client, and the base class that it shares with the asyncio client."""

from __future__ import annotations

import atexit
import sys
from _thread import get_ident

from . import _logs, _native
from ._errors import error_from_record, record_or_raise
from ._lazy import LazyModule
from ._native import Client, Run  # noqa: TC001 (needed by `typing.get_type_hints`)
from ._not_given import drop_not_given
from ._plain_values import make_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from . import _estimate, _types, _usage
else:
    _estimate, _types, _usage = LazyModule("._estimate"), LazyModule("._types"), LazyModule("._usage")


class BaseClient:
    """Options, the native client, copies and pickling."""

    _native: Client
    _options: dict[str, object]
    """The options that were given, without secrets. For pickle."""
    _secret_option: str | None
    """An option that was given and holds a secret. A client with one cannot be pickled."""
    __slots__ = ("__weakref__", "_native", "_options", "_secret_option")

    def __init__(self, **options: _types.Unpack[_types.ClientOptions]) -> None:
        # Error trackers record the locals of every frame of a traceback, so none has secrets when an error is raised.
        try:
            self._options, self._secret_option = {}, None
            rejected = self._init_native(_native.create_client, drop_not_given(options))
        finally:
            del options
        if rejected is not None:
            raise rejected

    def with_options(self, **options: _types.Unpack[_types.ClientOverrides]) -> _types.Self:
        """Returns a copy with other options. See `ClientOverrides`.

        Options that are left out keep their values. `headers` replaces all headers of the client. A client and its
        copies share connections, the concurrency limit, the rate limit, the retry budget and the prices. Closing the
        client closes its copies; closing a copy closes the copy alone.

        Raises `ConfigurationError` if an option is invalid or cannot be changed.
        """
        try:
            copy = self.__class__.__new__(self.__class__)
            copy._options, copy._secret_option = dict(self._options), self._secret_option
            rejected = copy._init_native(self._native.with_options, drop_not_given(options))
        finally:
            del options
        if rejected is not None:
            raise rejected
        return copy

    def close(self) -> None:
        """Closes this client and, unless it is a copy itself, its copies: new calls raise `ClientClosedError`.

        Calls in flight finish.
        """
        self._native.close()

    def usage(self) -> _usage.ClientUsage:
        """Returns what this client and its copies have done since it was created. Nothing is sent.

        It also works after `close`. After a `fork`, each process counts its own calls.
        """
        return _usage.usage_from_record(record_or_raise(self._native.usage()))

    def _init_native(
        self, create: Callable[[dict[str, object]], Client | dict[str, Any]], options: dict[str, object]
    ) -> Exception | None:
        """Creates the native client. Returns the error of rejected options."""
        _logs.sync_level()
        try:
            make_plain(options)
            native = create(options)
        except Exception as error:
            return error.with_traceback(None)
        if isinstance(native, dict):
            return error_from_record(native)
        self._native = native
        self._bind_resources()
        for name, value in options.items():
            if _is_secret(name, value):
                self._secret_option = name
            else:
                self._options[name] = value
        return None

    def _bind_resources(self) -> None:
        """Creates the resources of the client, such as `kits`."""

    def __repr__(self) -> str:
        # Debuggers and error trackers also print clients whose constructor failed.
        native = getattr(self, "_native", None)
        return f"{type(self).__name__}({f'base_url={native.base_url!r}' if native else 'not created'})"

    def __getstate__(self) -> dict[str, object]:
        if self._secret_option is not None:
            raise TypeError(
                f"Cannot pickle a client created with `{self._secret_option}`, because the secret would be pickled "
                "too. Set it in the environment (BUILDERAIKITS_API_KEY, BUILDERAIKITS_CUSTOM_HEADERS, HTTPS_PROXY), "
                "or create the client in the process that uses it."
            )
        return self._options

    def __setstate__(self, options: dict[str, object]) -> None:
        self._options, self._secret_option = {}, None
        if (rejected := self._init_native(_native.create_client, options)) is not None:
            raise rejected

    # A client can be shared, so that a copy is the client itself.
    def __copy__(self) -> _types.Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> _types.Self:
        return self


class BuilderAIKits(BaseClient):
    """A client for the BuilderAI Kits API. Create one and reuse it; it is thread-safe and owns the connection pool.

    Takes the options of `ClientOptions` as keyword arguments. None and `NOT_GIVEN` are the same as leaving an option
    out, except that None removes the limit of a timeout.

    Raises `ConfigurationError` if an option is missing or invalid. Nothing is sent before the first call.
    """

    __slots__ = ("kits",)

    kits: Kits
    """The kits of the service."""

    def _bind_resources(self) -> None:
        self.kits = Kits(self._native)

    def __enter__(self) -> _types.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BaseKits:
    """What the kits of both clients share."""

    __slots__ = ("_native",)

    def __init__(self, native: Client) -> None:
        self._native = native

    def estimate(
        self, kit: _types.Kit | str, *, input: _types.RunInput | str, config: _types.RunConfig | None = None
    ) -> _estimate.Estimate:
        """Estimates the tokens and the maximum cost of a run. Takes the request of `run`. Nothing is sent.

        Raises `InvalidRequestError`.
        """
        try:
            result = self._native.estimate(kit, input, config)
        finally:
            # Error trackers record the locals of every frame of a traceback.
            del kit, input, config
        return _estimate.estimate_from_record(record_or_raise(result))


class Kits(BaseKits):
    """The kits of a client: `client.kits`."""

    __slots__ = ()

    def run(
        self,
        kit: _types.Kit | str,
        *,
        input: _types.RunInput | str,
        config: _types.RunConfig | None = None,
        **options: _types.Unpack[_types.RequestOptions],
    ) -> Run:
        """Runs a prompt on a kit and waits for the response. Ctrl-C cancels the call and aborts its request.

        - `kit`: the id of the kit, such as `text-gen`.
        - `input`: `{"prompt": …, "context": …}`, or the prompt alone. See `RunInput`.
        - `config`: `{"max_tokens": …, "temperature": …}`. See `RunConfig`.
        - `options`: the options of this call, such as `timeout=30`. See `RequestOptions`.

        Raises a subclass of `BuilderAIKitsError`. Its `may_have_run` says whether the failed call can be billed.
        """
        _logs.sync_level()
        try:
            result = self._native.run(kit, input, config, drop_not_given(options), _is_main_thread())
        finally:
            # Error trackers record the locals of every frame of a traceback.
            del kit, input, config, options
        _logs.flush()
        if isinstance(result, dict):
            raise error_from_record(result)
        return result


def _is_secret(name: str, value: object) -> bool:
    """Whether an option must not be pickled. A proxy URL is a secret if it has credentials."""
    if name == "proxy":
        return "@" in str(value)
    return name in ("api_key", "headers") and value is not None


def _is_main_thread() -> bool:
    """Whether this thread handles signals. A program that has not imported `threading` has no other thread."""
    threading = sys.modules.get("threading")
    return threading is None or threading.main_thread().ident == get_ident()


atexit.register(_native.begin_shutdown)
