"""The client for asyncio."""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING

from . import _logs
from ._client import Base
from ._errors import error_of
from ._loop import waiting
from ._options import NOT_GIVEN, NotGiven, of_call

if TYPE_CHECKING:
    from asyncio import Future
    from typing import Any

    from typing_extensions import Self

    from ._native import Client, Run
    from ._types import Config, Input, Kit


class AsyncBuilderAIKits(Base):
    """As `BuilderAIKits`, with the same options, for asyncio: `await client.kits.run(...)`.

    One client serves any number of tasks, and several event loops.
    """

    __slots__ = ("kits",)

    kits: AsyncKits
    """The kits of the service."""

    def _ready(self) -> None:
        self.kits = AsyncKits(self._native)

    async def aclose(self) -> None:
        """As `close`."""
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class AsyncKits:
    """The kits of an async client: `client.kits`."""

    __slots__ = ("_native",)

    def __init__(self, native: Client) -> None:
        self._native = native

    async def run(
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
        """As `Kits.run`, which has the arguments. Cancelling the task gives the call up, and aborts its request."""
        _logs.look()
        options = of_call(timeout, max_retries, retry_ambiguous, idempotency_key, extra_headers)
        loop = get_running_loop()
        here = waiting(loop)
        call = self._native.submit(here.calls, kit, input, config, extra_body, options)
        if isinstance(call, tuple):
            raise error_of(call)
        future: Future[Run | tuple[Any, ...]] = loop.create_future()
        here.futures[call] = future
        try:
            end = await future
        except BaseException:
            # Given up: by the task's cancellation, or because the loop has gone.
            here.futures.pop(call, None)
            here.calls.abort(call)
            raise
        if isinstance(end, tuple):
            raise error_of(end)
        return end
