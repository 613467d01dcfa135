"""The Python code of the package's README, as a user runs it."""

import re

import pytest

from conftest import ROOT

CODE = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "bindings-python" / "README.md").read_text(), re.MULTILINE | re.DOTALL
)
# What the README leaves to the user.
BEFORE = 'my_code = lambda kits: kits.run("text-gen", input="Hello").output.text\n'


@pytest.mark.parametrize("code", CODE, ids=[code.splitlines()[0] for code in CODE])
def test_code_of_the_readme_runs(code, quick, script):
    assert script(BEFORE + code, env=quick.env) or "print" not in code


def test_readme_names_every_option():
    from builderaikits import ClientOptions

    text = (ROOT / "bindings-python" / "README.md").read_text()
    options = re.search(r"`AsyncBuilderAIKits\(\.\.\.\)` take `([a-z_\s]+)`", text).group(1).split()
    assert sorted(options) == sorted(ClientOptions.__annotations__)
