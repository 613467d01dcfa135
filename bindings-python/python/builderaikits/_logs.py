"""Passes the log records of the SDK to the standard logger `builderaikits`.

The native module stores them until a Python thread collects them: at the end of a blocking call, and when an event loop
receives results.
"""

from __future__ import annotations

import sys

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging

_logger: logging.Logger | None = None
_level = 0
_environment_was_read = False


def sync_level() -> None:
    """Records what the logger is enabled for. Cheap in a program that has not imported `logging`."""
    global _level
    logger = _logger or _find_logger()
    if logger is None:
        return
    level = 0
    if logger.isEnabledFor(20):
        level = 10 if logger.isEnabledFor(10) else 20
    if level != _level:
        _level = level
        _native.set_log_level(level)


def flush() -> None:
    """Passes the recorded log records to the logger."""
    if _level and _logger is not None:
        for level, text in _native.drain_logs():
            _logger.log(level, "%s", text)


def _find_logger() -> logging.Logger | None:
    global _logger, _environment_was_read
    level = 0
    if not _environment_was_read:
        _environment_was_read = True
        level = _native.log_level_from_env()
    if not level and "logging" not in sys.modules:
        return None
    import logging

    _logger = logging.getLogger("builderaikits")
    if level:
        _logger.setLevel(level)
        if not _logger.hasHandlers():
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
            _logger.addHandler(handler)
    return _logger
