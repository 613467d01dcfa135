"""The asyncio client."""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING

from . import _logs, _types
from ._client import BaseClient, BaseKits
from ._errors import error_from_record
from ._loop import state_for
from ._native import Run  # noqa: TC001 (needed by `typing.get_type_hints`)
from ._not_given import drop_not_given

if TYPE_CHECKING:
    from asyncio import Future
    from typing import Any


class AsyncBuilderAIKits(BaseClient):
    """The asyncio client: `await client.kits.run(...)`. Takes the same options as `BuilderAIKits`.

    One client can serve any number of tasks and several event loops.
    """

    __slots__ = ("kits",)

    kits: AsyncKits
    """The kits of the service."""

    def _bind_resources(self) -> None:
        self.kits = AsyncKits(self._native)

    async def aclose(self) -> None:
        """Does the same as `close`."""
        self.close()

    async def __aenter__(self) -> _types.Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class AsyncKits(BaseKits):
    """The kits of an asyncio client: `client.kits`."""

    __slots__ = ()

    async def run(
        self,
        kit: _types.Kit | str,
        *,
        input: _types.RunInput | str,
        config: _types.RunConfig | None = None,
        **options: _types.Unpack[_types.RequestOptions],
    ) -> Run:
        """Runs a prompt on a kit. Takes the same arguments as `Kits.run`.

        Cancelling the task aborts the request.
        """
        _logs.sync_level()
        loop = get_running_loop()
        state = state_for(loop)
        try:
            call_id = self._native.submit(state.queue, kit, input, config, drop_not_given(options))
        finally:
            # Error trackers record the locals of every frame of a traceback.
            del kit, input, config, options
        if isinstance(call_id, dict):
            raise error_from_record(call_id)
        future: Future[Run | dict[str, Any]] = loop.create_future()
        state.futures[call_id] = future
        try:
            result = await future
        except BaseException:
            # The task was cancelled, or its loop was closed.
            state.futures.pop(call_id, None)
            state.queue.abort(call_id)
            raise
        if isinstance(result, dict):
            raise error_from_record(result)
        return result
