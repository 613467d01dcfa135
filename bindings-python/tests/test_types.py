"""The stub of the native module says what is there; `make python-types` asks the type checkers."""

import ast
from pathlib import Path

import builderaikits
from builderaikits import _native

STUB = Path(builderaikits.__file__).parent / "_native.pyi"


def test_the_stub_has_the_docstrings_of_the_module():
    for stub in ast.parse(STUB.read_text()).body:
        if isinstance(stub, ast.ClassDef) and ast.get_docstring(stub):
            here = getattr(_native, stub.name)
            assert ast.get_docstring(stub) == here.__doc__.split("--\n\n")[-1].strip()
            for member in stub.body:
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("__"):
                    assert ast.get_docstring(member) == getattr(here, member.name).__doc__, f"{stub.name}.{member.name}"
