"""The client whose calls block, and what it shares with the one for asyncio."""

from __future__ import annotations

import atexit
import os
import sys
from _thread import get_ident

from . import _logs, _native
from ._errors import error_of
from ._options import NOT_GIVEN, NotGiven, given, of_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import Self

    from ._native import Client, Run
    from ._types import Config, Input, Kit

    _Make = Callable[[dict[str, object]], Client | tuple[Any, ...]]


class Base:
    """What both clients are: options, and the native client made of them."""

    _native: Client
    _options: dict[str, object]
    _secret: str | None
    __slots__ = ("__weakref__", "_native", "_options", "_secret")

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | NotGiven | None = NOT_GIVEN,
        attempt_timeout: float | NotGiven | None = NOT_GIVEN,
        connect_timeout: float | NotGiven | None = NOT_GIVEN,
        max_retries: int | None = None,
        retry_ambiguous: bool | None = None,
        max_concurrency: int | None = None,
        max_response_bytes: int | None = None,
        headers: dict[str, str] | None = None,
        proxy: str | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        allow_http: bool | None = None,
        app_name: str | None = None,
    ) -> None:
        options = given(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            attempt_timeout=attempt_timeout,
            connect_timeout=connect_timeout,
            max_retries=max_retries,
            retry_ambiguous=retry_ambiguous,
            max_concurrency=max_concurrency,
            max_response_bytes=max_response_bytes,
            headers=headers,
            proxy=proxy,
            ca_file=os.fspath(ca_file) if isinstance(ca_file, os.PathLike) else ca_file,
            allow_http=allow_http,
            app_name=app_name,
        )
        self._take(_native.client, options)

    def with_options(
        self,
        *,
        api_key: str | None = None,
        timeout: float | NotGiven | None = NOT_GIVEN,
        attempt_timeout: float | NotGiven | None = NOT_GIVEN,
        max_retries: int | None = None,
        retry_ambiguous: bool | None = None,
        headers: dict[str, str] | None = None,
        app_name: str | None = None,
    ) -> Self:
        """Makes a copy with other options, which shares connections, retry budget and slots, and closes with this one.

        What is left out stays as it is; `headers` takes the place of all of the client's.

        Raises `ConfigurationError` when an option is bad.
        """
        copy = self.__class__.__new__(self.__class__)
        copy._options, copy._secret = dict(self._options), self._secret
        options = given(
            api_key=api_key,
            timeout=timeout,
            attempt_timeout=attempt_timeout,
            max_retries=max_retries,
            retry_ambiguous=retry_ambiguous,
            headers=headers,
            app_name=app_name,
        )
        copy._take(self._native.with_options, options)
        return copy

    def close(self) -> None:
        """Refuses new calls of this client and its copies, with `ClientClosedError`. Those in flight finish."""
        self._native.close()

    def _take(self, make: _Make, options: dict[str, object]) -> None:
        _logs.look()
        made = make(options)
        if isinstance(made, tuple):
            raise error_of(made)
        self._native = made
        self._ready()
        # Secrets stay in the native client; what is kept here is for pickle.
        secret = getattr(self, "_secret", None)
        for name in ("api_key", "headers", "proxy"):
            value = options.get(name)
            if value is not None and (name != "proxy" or "@" in str(value)):
                secret = name
                del options[name]
        self._secret = secret
        self._options = {**getattr(self, "_options", {}), **options}

    def _ready(self) -> None:
        """For what a client has of its own."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._native.base_url!r})"

    def __getstate__(self) -> dict[str, object]:
        if self._secret is not None:
            raise TypeError(
                f"a client that was given {self._secret} cannot be pickled: a secret would travel with it. "
                "Give it by the environment (BUILDERAIKITS_API_KEY, BUILDERAIKITS_CUSTOM_HEADERS, HTTPS_PROXY), "
                "or make the client where it is used"
            )
        return self._options

    def __setstate__(self, options: dict[str, object]) -> None:
        self._take(_native.client, dict(options))

    # Copies share everything: a client is safe to share.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class BuilderAIKits(Base):
    """A client of BuilderAI Kits. Make one, keep it, and share it between threads: it holds the connections.

    Options, each by name; what is left out is taken from the environment where a variable is named, or has its default:

    - `api_key`: required; else `BUILDERAIKITS_API_KEY`.
    - `base_url`: where the service is; else `BUILDERAIKITS_BASE_URL`, else the official one. Plain http to your own
      machine only.
    - `timeout`: the most seconds that a call may take, with all attempts and waits. Default 120; None: no limit.
    - `attempt_timeout`: the most seconds that one attempt may take. Default: no limit but `timeout`.
    - `connect_timeout`: the most seconds that DNS, TCP and TLS may take. Default 5; None: no limit.
    - `max_retries`: attempts after the first. Default 2.
    - `retry_ambiguous`: also repeat a call that was sent and got no answer, which may be billed twice. Default False.
    - `max_concurrency`: the most attempts on the wire at once; the rest queue. Default 1000, or three quarters of the
      limit of open files.
    - `max_response_bytes`: the largest answer taken. Default 16 MiB.
    - `headers`: headers for every request; else `BUILDERAIKITS_CUSTOM_HEADERS`, one `Name: value` a line.
    - `proxy`: URL, or `off`. Default: what `HTTPS_PROXY` and `NO_PROXY` say.
    - `ca_file`: a PEM file of certificates to trust beside the system's.
    - `allow_http`: let `base_url` be plain http on any host, which all on the way can read. Default False.
    - `app_name`: your program, as `name/version`, for the `User-Agent`.

    Raises `ConfigurationError`, which names the option that is missing or bad. Nothing is sent before the first call.
    """

    __slots__ = ("kits",)

    kits: Kits
    """The kits of the service."""

    def _ready(self) -> None:
        self.kits = Kits(self._native)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Kits:
    """The kits of a client: `client.kits`."""

    __slots__ = ("_native",)

    def __init__(self, native: Client) -> None:
        self._native = native

    def run(
        self,
        kit: Kit | str,
        *,
        input: Input | str,
        config: Config | None = None,
        timeout: float | NotGiven | None = NOT_GIVEN,
        max_retries: int | None = None,
        retry_ambiguous: bool | None = None,
        idempotency_key: str | None = None,
        extra_headers: dict[str, str] | None = None,
        extra_body: dict[str, Any] | None = None,
    ) -> Run:
        """Runs a prompt on a kit, and waits for its answer.

        Repeats 429 and 408, connections that could not be made, and 5xx, which may be billed twice; all within
        `max_retries`, the client's retry budget and `timeout`. Ctrl-C gives the call up, and its request is aborted.

        - `kit`: its id, such as `text-gen`.
        - `input`: `{"prompt": …, "context": …}`, or the prompt alone. Keys that the SDK does not know are sent as they
          are, here and in `config`.
        - `config`: `{"max_tokens": …, "temperature": …}`. Default: the service's.
        - `timeout`: the most seconds for the whole call; None: no limit. Default: the client's, as for the next two.
        - `max_retries`: attempts after the first.
        - `retry_ambiguous`: also repeat a call that was sent and got no answer, which may be billed twice.
        - `idempotency_key`: the same for all attempts; 1 to 255 visible ASCII characters. Default: a fresh UUID.
        - `extra_headers`: headers for this call, over the client's.
        - `extra_body`: more fields of the request, beside kit, input and config.

        Raises a `BuilderAIKitsError`; its `may_have_run` says whether the call may be billed all the same.
        """
        _logs.look()
        options = of_call(timeout, max_retries, retry_ambiguous, idempotency_key, extra_headers)
        end = self._native.run(kit, input, config, extra_body, options, _is_main())
        _logs.flush()
        if isinstance(end, tuple):
            raise error_of(end)
        return end


def _is_main() -> bool:
    """Whether signals are for this thread. A program without `threading` has no other."""
    threading = sys.modules.get("threading")
    return threading is None or threading.main_thread().ident == get_ident()


atexit.register(_native.exiting)
