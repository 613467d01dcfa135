"""The examples, as a user runs them."""

import os
import re
import subprocess
import sys

import pytest

from conftest import ROOT

EXAMPLES = ROOT / "examples" / "python"


def run(name, env, *args):
    return subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / f"{name}.py", *args],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_quickstart_example(quick):
    done = run("quickstart", quick.env, "What is a kit?")
    assert (done.returncode, done.stderr) == (0, "")
    assert 'You asked: "What is a kit?"' in done.stdout
    assert "(completed)" in done.stdout


@pytest.mark.parametrize(
    ("env", "text", "advice"),
    [
        ({"BUILDERAIKITS_API_KEY": ""}, "`api_key` is required", "Set BUILDERAIKITS_API_KEY"),
        ({"BUILDERAIKITS_API_KEY": "bak_revoked_1"}, "401: ", "Create a new one"),
        ({"BUILDERAIKITS_BASE_URL": "http://127.0.0.1:1/v1"}, "(3 attempts)", "The request did not run"),
    ],
)
def test_errors_example_prints_advice(quick, env, text, advice):
    done = run("errors", {**quick.env, **env})
    assert (done.returncode, done.stdout) == (1, "")
    first, second = done.stderr.splitlines()
    assert text in first
    assert advice in second


def test_errors_example_without_an_error(quick):
    done = run("errors", quick.env)
    assert (done.returncode, done.stderr) == (0, "")


def test_concurrency_example(quick):
    done = run("concurrency", quick.env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("50 responses, ")
    assert done.stdout.endswith(" calls cancelled\n")


def test_plan_example(quick):
    done = run("plan", quick.env, "4")
    assert (done.returncode, done.stderr) == (0, "")
    first, second, usage = done.stdout.splitlines()
    assert first == "4 runs, 0 errors"
    assert re.fullmatch(r"[1-9]\d* tokens, 0\.0\d+ US dollars", second)
    assert usage.startswith("ClientUsage(calls=4, attempts=4, runs=4, failures=0, rate_limited=0, ")
    assert "limit_origin='configured', limit_requests=30, limit_tokens=15000, limit_per=60.0" in usage


def test_examples_are_short():
    for example in EXAMPLES.glob("*.py"):
        assert len(example.read_text().splitlines()) <= 40, example
