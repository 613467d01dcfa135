"""Runs and their parts: serialization, comparison, pickling, repr, pattern matching, construction."""

import copy
import json
import pickle

import pytest

from builderaikits import Cost, Output, ResponseMetadata, Run, Usage

WIRE = {
    "id": "run_1",
    "kit": "new-kit",
    "status": "completed",
    "output": {"text": 'it\'s "so"\n', "parts": [1, -2, 2.5, None, True, {"a": "b"}]},
    "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 2**63, "cached": 0},
    "latency_ms": 5,
    "region": "eu",
}


def make_run(**changes):
    wire = {**WIRE, **changes}
    return Run(
        Output(wire["output"]["text"], extra={"parts": wire["output"]["parts"]}),
        Usage(1, 2, 2**63, extra={"cached": 0}),
        id=wire["id"],
        kit=wire["kit"],
        status=wire["status"],
        latency_ms=wire["latency_ms"],
        extra={"region": wire["region"]},
        cost=Cost(132_800),
        response_metadata=ResponseMetadata(3, "req_1", "key", 0.25, {"X-A": "1"}),
    )


def test_serialization_has_the_api_fields():
    run = make_run()
    assert run.to_dict() == WIRE
    assert list(run.to_dict()) == list(WIRE)
    assert json.loads(run.to_json()) == WIRE
    assert Run(Output("hi")).to_dict() == {"output": {"text": "hi"}, "usage": {}}
    assert json.loads(run.usage.to_json()) == run.usage.to_dict() == WIRE["usage"]
    assert json.loads(run.output.to_json()) == run.output.to_dict() == WIRE["output"]
    metadata = {
        "attempts": 3,
        "request_id": "req_1",
        "idempotency_key": "key",
        "elapsed": 0.25,
        "headers": {"x-a": "1"},
    }
    assert json.loads(run.response_metadata.to_json()) == run.response_metadata.to_dict() == metadata


def test_equality_uses_the_api_fields():
    assert make_run() == make_run()
    assert hash(make_run()) == hash(make_run())
    assert make_run() == Run(
        make_run().output,
        make_run().usage,
        id="run_1",
        kit="new-kit",
        status="completed",
        latency_ms=5,
        extra={"region": "eu"},
    )
    assert make_run().response_metadata != ResponseMetadata()
    assert make_run().cost != Run(make_run().output).cost
    for other in (
        make_run(id="run_2"),
        make_run(kit="k"),
        make_run(latency_ms=6),
        make_run(region="us"),
        5,
        None,
        "run_1",
    ):
        assert make_run() != other
    assert make_run(output={"text": "other", "parts": []}) != make_run()
    assert len({make_run(), make_run(), make_run(id="run_2")}) == 2


@pytest.mark.parametrize("duplicate", [lambda run: pickle.loads(pickle.dumps(run)), copy.copy, copy.deepcopy])
def test_pickles_and_copies_are_equal(duplicate):
    run = duplicate(make_run())
    assert run == make_run()
    assert run.cost == Cost(132_800)
    assert run.response_metadata == make_run().response_metadata
    assert run.response_metadata.headers == {"x-a": "1"}


def test_runs_are_immutable():
    run = make_run()
    for holder, name in [
        (run, "cost"),
        (run.cost, "nano_usd"),
        (run, "id"),
        (run, "output"),
        (run.output, "text"),
        (run.usage, "total_tokens"),
        (run, "new"),
    ]:
        with pytest.raises(AttributeError):
            setattr(holder, name, 1)
    run.extra["region"] = "us"
    run.output.extra["parts"].append(1)
    assert run == make_run()


def test_repr():
    assert repr(make_run()) == (
        "Run(id='run_1', kit='new-kit', status='completed', output=Output(text='it\\'s \"so\"\\n', extra=<parts>), "
        "usage=Usage(input_tokens=1, output_tokens=2, total_tokens=9223372036854775808, extra=<cached>), latency_ms=5, "
        "extra=<region>)"
    )
    assert repr(Run(Output("x" * 999))) == f"Run(output=Output(text='{'x' * 200}…'), usage=Usage())"
    assert repr(make_run().response_metadata) == (
        "ResponseMetadata(attempts=3, request_id='req_1', idempotency_key='key', elapsed=0.25, headers=<1>)"
    )


def test_pattern_matching():
    match make_run():
        case Run(Output(text), usage=Usage(total_tokens=total), response_metadata=ResponseMetadata(attempts=3)):
            assert (text, total) == (WIRE["output"]["text"], 2**63)
        case _:
            raise AssertionError


def test_constructors_reject_invalid_values():
    for construct, error in [
        (lambda: Run("hi"), TypeError),
        (lambda: Run(), TypeError),
        (lambda: Output(5), TypeError),
        (lambda: Output("\ud800"), UnicodeEncodeError),
        (lambda: Usage(-1), OverflowError),
        (lambda: Output("", extra={"a": {1}}), ValueError),
        (lambda: Output("", extra={"a": float("nan")}), ValueError),
        (lambda: Cost(), TypeError),
        (lambda: Cost(-1), OverflowError),
        (lambda: Cost(0.5), TypeError),
        (lambda: Run(Output(""), cost=132_800), TypeError),
        (lambda: ResponseMetadata(elapsed=-1), ValueError),
        (lambda: ResponseMetadata(headers={"a b": "c"}), ValueError),
    ]:
        with pytest.raises(error):
            construct()
