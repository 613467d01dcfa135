"""Log records: none unless asked for, by the environment or by `logging`; never with key or prompt."""

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
KEEP = """
import logging, json
kept = []
class Keep(logging.Handler):
    def emit(self, record): kept.append([record.name, record.levelname, record.getMessage()])
logging.getLogger("builderaikits").addHandler(Keep())
"""


@pytest.mark.parametrize("how", ["sync", "async"])
def test_silent_by_default(script, quick, how):
    assert script(CALLS, args=[how], env=quick.env) == ""
    assert script("import logging; logging.basicConfig()\n" + CALLS, args=[how], env=quick.env) == ""


@pytest.mark.parametrize("how", ["sync", "async"])
def test_by_the_environment(script, quick, how):
    code = "import sys; sys.stderr = sys.stdout\n" + CALLS
    out = script(code, args=[how], env={**quick.env, "BUILDERAIKITS_LOG": "Debug"})
    assert " builderaikits DEBUG succeeded" in out
    assert "canary" not in out
    assert "bak_test" not in out
    assert script(code, args=[how], env={**quick.env, "BUILDERAIKITS_LOG": "info"}) == ""


@pytest.mark.parametrize("how", ["sync", "async"])
def test_by_logging_alone(script, quick, how):
    code = KEEP + "logging.getLogger('builderaikits').setLevel('DEBUG')\n" + CALLS + "print(json.dumps(kept))"
    records = json.loads(script(code, args=[how], env=quick.env))
    assert [record[:2] for record in records] == [["builderaikits", "DEBUG"]]
    assert records[0][2].startswith("succeeded attempt=1")
    # And switched off again.
    code += (
        "\nlogging.getLogger('builderaikits').setLevel('WARNING'); kept.clear()\n" + CALLS + "print(json.dumps(kept))"
    )
    assert script(code, args=[how], env=quick.env).splitlines()[1] == "[]"
