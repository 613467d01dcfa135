"""Log records: off by default, enabled by the environment or by `logging`, never with key or prompt."""

import json

import pytest

CALLS = """
import asyncio, sys
from builderaikits import AsyncBuilderAIKits, BuilderAIKits
if sys.argv[1] == "async":
    asyncio.run(AsyncBuilderAIKits().kits.run("text-gen", input="canary"))
else:
    BuilderAIKits().kits.run("text-gen", input="canary")
"""
RECORD = """
import logging, json
records = []
class Recorder(logging.Handler):
    def emit(self, record): records.append([record.name, record.levelname, record.getMessage()])
logging.getLogger("builderaikits").addHandler(Recorder())
"""


@pytest.mark.parametrize("client", ["sync", "async"])
def test_silent_by_default(script, quick, client):
    assert script(CALLS, args=[client], env=quick.env) == ""
    assert script("import logging; logging.basicConfig()\n" + CALLS, args=[client], env=quick.env) == ""


@pytest.mark.parametrize("client", ["sync", "async"])
def test_environment_enables_logging(script, quick, client):
    code = "import sys; sys.stderr = sys.stdout\n" + CALLS
    out = script(code, args=[client], env={**quick.env, "BUILDERAIKITS_LOG": "Debug"})
    assert " builderaikits DEBUG attempt succeeded" in out
    assert "canary" not in out
    assert "bak_test" not in out
    assert script(code, args=[client], env={**quick.env, "BUILDERAIKITS_LOG": "info"}) == ""


@pytest.mark.parametrize("client", ["sync", "async"])
def test_logger_level_enables_logging(script, quick, client):
    code = RECORD + "logging.getLogger('builderaikits').setLevel('DEBUG')\n" + CALLS + "print(json.dumps(records))"
    records = json.loads(script(code, args=[client], env=quick.env))
    assert [record[:2] for record in records] == [["builderaikits", "DEBUG"]]
    assert records[0][2].startswith("attempt succeeded attempt=1")
    # The logger switches it off again.
    code += (
        "\nlogging.getLogger('builderaikits').setLevel('WARNING'); records.clear()\n"
        + CALLS
        + "print(json.dumps(records))"
    )
    assert script(code, args=[client], env=quick.env).splitlines()[1] == "[]"
