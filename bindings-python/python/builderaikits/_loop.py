"""Event loops: each has one queue that its calls end in, and is woken once for a batch of them."""

from __future__ import annotations

import os
import weakref
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from . import _logs
from ._native import Calls

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from ._native import Run

# So many ended calls are handed out before the loop's other work has its turn.
_BATCH = 256


class Waiting:
    """The calls of one event loop that are waited for."""

    __slots__ = ("__weakref__", "calls", "futures", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.calls = Calls()
        self.futures: dict[int, asyncio.Future[Run | tuple[Any, ...]]] = {}
        # The loop holds this, never the other way round.
        self.loop = weakref.ref(loop)
        try:
            loop.add_reader(self.calls.fileno(), self.drain)
        except NotImplementedError:
            _Receiver(loop, self)

    def drain(self) -> None:
        """Gives their results to those who wait."""
        more, ended = self.calls.drain(_BATCH)
        futures = self.futures
        for call, end in ended:
            future = futures.pop(call, None)
            if future is not None and not future.done():
                future.set_result(end)
        if more and (loop := self.loop()) is not None:
            loop.call_soon(self.drain)
        _logs.flush()


class _Receiver:
    """For Windows' proactor loop, which cannot watch a socket but can receive from it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, waiting: Waiting) -> None:
        import socket

        self._socket = socket.socket(fileno=waiting.calls.dup())
        self._socket.setblocking(False)
        # Not `__del__`: where this is part of a cycle, the socket could go first, and warn that nobody closed it.
        weakref.finalize(self, self._socket.close)
        self._waiting = waiting
        self._receive(loop)

    def _receive(self, loop: asyncio.AbstractEventLoop) -> None:
        # The task is of the loop, not of a caller: it is cancelled with the loop's others when that ends.
        task = loop.create_task(_Lazily(lambda: loop.sock_recv(self._socket, 64)))
        # It is always pending, so that this says nothing when the loop goes.
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        task.add_done_callback(self._received)

    def _received(self, task: asyncio.Task[bytes]) -> None:
        loop = self._waiting.loop()
        if loop is None or loop.is_closed() or (not task.cancelled() and task.exception() is not None):
            return
        self._waiting.drain()
        if task.cancelled():
            # By a program that cancels all its tasks: it goes on, or the loop ends before that time.
            loop.call_later(0.01, self._receive, loop)
        else:
            self._receive(loop)


class _Lazily(Coroutine[Any, Any, bytes]):
    """A coroutine that is made when it first runs: a loop may close before, and one that never ran says so."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, bytes]]) -> None:
        self._make = make
        self._made: Coroutine[Any, Any, bytes] | None = None

    def _get(self) -> Coroutine[Any, Any, bytes]:
        if self._made is None:
            self._made = self._make()
        return self._made

    def send(self, value: Any) -> Any:
        return self._get().send(value)

    def throw(self, *error: Any) -> Any:
        return self._get().throw(*error)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def __await__(self) -> Any:
        return self._get().__await__()


_waiting: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Waiting] = weakref.WeakKeyDictionary()
# The last one asked for: programs have one loop, mostly. A dead loop is not kept alive by it.
_last: tuple[weakref.ref[asyncio.AbstractEventLoop], weakref.ref[Waiting]] | None = None


def waiting(loop: asyncio.AbstractEventLoop) -> Waiting:
    """That of this event loop."""
    global _last
    last = _last
    if last is not None and last[0]() is loop and (here := last[1]()) is not None:
        return here
    here = _waiting.get(loop)
    if here is None:
        here = _waiting[loop] = Waiting(loop)
    _last = weakref.ref(loop), weakref.ref(here)
    return here


def _forget() -> None:
    """In a child of `fork`: the loops are the parent's, and so are those who wait."""
    global _waiting, _last
    _waiting, _last = weakref.WeakKeyDictionary(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
