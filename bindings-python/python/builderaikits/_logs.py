"""The SDK's log records, handed to the logger `builderaikits` of the standard `logging`.

They are kept by the native module, and taken by threads of Python's: when a blocking call ends, and when an event loop
is given results.
"""

from __future__ import annotations

import sys

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging

_logger: logging.Logger | None = None
_level = 0
_asked_environment = False


def look() -> None:
    """Finds out what is to be logged. Costs next to nothing in a program that has not imported `logging`."""
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
    """Hands over what was recorded."""
    if _level and _logger is not None:
        for level, text in _native.take_logs():
            _logger.log(level, "%s", text)


def _find_logger() -> logging.Logger | None:
    global _logger, _asked_environment
    level = 0
    if not _asked_environment:
        _asked_environment = True
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
