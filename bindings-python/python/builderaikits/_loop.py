"""Event loops. Each loop has one completion queue, which wakes it once per batch of finished calls."""

from __future__ import annotations

import os
import weakref
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from . import _logs
from ._native import CompletionQueue

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ._native import Run


class LoopState:
    """The calls in flight of one event loop."""

    __slots__ = ("__weakref__", "futures", "loop", "queue")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.queue = CompletionQueue()
        self.futures: dict[int, asyncio.Future[Run | dict[str, Any]]] = {}
        # Weak, because the loop refers to this object.
        self.loop = weakref.ref(loop)
        try:
            loop.add_reader(self.queue.fileno(), self.drain)
        except NotImplementedError:
            _SocketReceiver(loop, self)

    def drain(self) -> None:
        """Resolves the futures of one batch of finished calls."""
        has_more, finished = self.queue.drain()
        futures = self.futures
        for call_id, result in finished:
            future = futures.pop(call_id, None)
            if future is not None and not future.done():
                future.set_result(result)
        if has_more and (loop := self.loop()) is not None:
            # The other work of the loop comes between two batches.
            loop.call_soon(self.drain)
        _logs.flush()


class _SocketReceiver:
    """Waits for the queue on Windows' proactor loop, which cannot watch a socket but can receive from it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, state: LoopState) -> None:
        import socket

        self._socket = socket.socket(fileno=state.queue.dup())
        self._socket.setblocking(False)
        # Not `__del__`: in a reference cycle, the socket could be collected first and warn that it was not closed.
        weakref.finalize(self, self._socket.close)
        self._state = state
        self._receive(loop)

    def _receive(self, loop: asyncio.AbstractEventLoop) -> None:
        # The task belongs to the loop, not to a caller. It is cancelled with the loop's other tasks.
        task = loop.create_task(_LazyCoroutine(lambda: loop.sock_recv(self._socket, 64)))
        # The task is always pending, so that asyncio would warn about it whenever a loop is closed.
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        task.add_done_callback(self._received)

    def _received(self, task: asyncio.Task[bytes]) -> None:
        loop = self._state.loop()
        if loop is None or loop.is_closed() or (not task.cancelled() and task.exception() is not None):
            return
        self._state.drain()
        if task.cancelled():
            # A program cancelled all its tasks. It continues, or the loop is closed before this delay ends.
            loop.call_later(0.01, self._receive, loop)
        else:
            self._receive(loop)


class _LazyCoroutine(Coroutine[Any, Any, bytes]):
    """Creates its coroutine when it first runs, because a coroutine that never ran warns when its loop is closed."""

    def __init__(self, create: Callable[[], Coroutine[Any, Any, bytes]]) -> None:
        self._create = create
        self._coroutine: Coroutine[Any, Any, bytes] | None = None

    def _get(self) -> Coroutine[Any, Any, bytes]:
        if self._coroutine is None:
            self._coroutine = self._create()
        return self._coroutine

    def send(self, value: Any) -> Any:
        return self._get().send(value)

    def throw(self, *error: Any) -> Any:
        return self._get().throw(*error)

    def close(self) -> None:
        if self._coroutine is not None:
            self._coroutine.close()

    def __await__(self) -> Any:
        return self._get().__await__()


_states: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopState] = weakref.WeakKeyDictionary()
# The state of the last call, because most programs have one loop. It does not keep a closed loop alive.
_last: tuple[weakref.ref[asyncio.AbstractEventLoop], weakref.ref[LoopState]] | None = None


def state_for(loop: asyncio.AbstractEventLoop) -> LoopState:
    """Returns the state of an event loop, and creates it at the loop's first call."""
    global _last
    last = _last
    if last is not None and last[0]() is loop and (state := last[1]()) is not None:
        return state
    state = _states.get(loop)
    if state is None:
        state = _states[loop] = LoopState(loop)
    _last = weakref.ref(loop), weakref.ref(state)
    return state


def _reset_after_fork() -> None:
    """Drops the states in a child process, because its loops and calls belong to the parent."""
    global _states, _last
    _states, _last = weakref.WeakKeyDictionary(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
