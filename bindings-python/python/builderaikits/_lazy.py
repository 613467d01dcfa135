"""Modules that are imported when they are first used. Importing `typing` takes longer than the rest of the package."""

from __future__ import annotations


class LazyModule:
    """A module that annotations can name without importing it. `typing.get_type_hints` imports it.

    The name is relative to this package if it begins with a dot.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        from importlib import import_module

        return getattr(import_module(self._name, __package__), name)
