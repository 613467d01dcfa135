"""The stub of the native module and the annotations of the package. `make python-types` runs the type checkers."""

import ast
import sys
import typing
from pathlib import Path

import pytest

import builderaikits
from builderaikits import _native

STUB = Path(builderaikits.__file__).parent / "_native.pyi"


def test_stub_has_the_docstrings_of_the_module():
    for stub in ast.parse(STUB.read_text()).body:
        if isinstance(stub, ast.ClassDef) and ast.get_docstring(stub):
            native = getattr(_native, stub.name)
            assert ast.get_docstring(stub) == native.__doc__.split("--\n\n")[-1].strip()
            for member in stub.body:
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("__"):
                    doc = getattr(native, member.name).__doc__
                    assert ast.get_docstring(member) == doc, f"{stub.name}.{member.name}"


@pytest.mark.parametrize("client_class", [builderaikits.BuilderAIKits, builderaikits.AsyncBuilderAIKits])
def test_annotations_can_be_resolved(client_class):
    kits_class = typing.get_type_hints(client_class)["kits"]
    run = typing.get_type_hints(kits_class.run)
    assert run["return"] is builderaikits.Run
    if sys.version_info >= (3, 11):
        assert run["options"] == typing.Unpack[builderaikits.RequestOptions]
    assert typing.get_type_hints(client_class.usage)["return"] is builderaikits.ClientUsage
    assert typing.get_type_hints(kits_class.estimate)["return"] is builderaikits.Estimate
    for function in (client_class.__init__, client_class.with_options, builderaikits.BuilderAIKitsError.__init__):
        typing.get_type_hints(function)


@pytest.mark.parametrize("name", ["ClientOptions", "ClientUsage", "Estimate", "KitInfo", "PacingStatus", "Quota"])
def test_fields_can_be_resolved(name):
    """As validators of users do, such as pydantic."""
    declared = getattr(builderaikits, name)
    assert typing.get_type_hints(declared).keys() >= declared.__annotations__.keys()
