"""Runs and what is in them: immutable, comparable, written and read again, matched, made by hand."""

import copy
import json
import pickle

import pytest

from builderaikits import Output, ResponseMetadata, Run, Usage

WIRE = {
    "id": "run_1",
    "kit": "new-kit",
    "status": "completed",
    "output": {"text": 'it\'s "so"\n', "parts": [1, -2, 2.5, None, True, {"a": "b"}]},
    "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 2**63, "cached": 0},
    "latency_ms": 5,
    "region": "eu",
}


def made(**changes):
    wire = {**WIRE, **changes}
    return Run(
        Output(wire["output"]["text"], extra={"parts": wire["output"]["parts"]}),
        Usage(1, 2, 2**63, extra={"cached": 0}),
        id=wire["id"],
        kit=wire["kit"],
        status=wire["status"],
        latency_ms=wire["latency_ms"],
        extra={"region": wire["region"]},
        response_metadata=ResponseMetadata(3, "req_1", "key", 0.25, {"X-A": "1"}),
    )


def test_the_wires_form():
    run = made()
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


def test_equal_by_the_wire():
    assert made() == made()
    assert hash(made()) == hash(made())
    assert made() == Run(
        made().output, made().usage, id="run_1", kit="new-kit", status="completed", latency_ms=5, extra={"region": "eu"}
    )
    assert made().response_metadata != ResponseMetadata()
    for other in (made(id="run_2"), made(kit="k"), made(latency_ms=6), made(region="us"), 5, None, "run_1"):
        assert made() != other
    assert made(output={"text": "other", "parts": []}) != made()
    assert len({made(), made(), made(id="run_2")}) == 2


@pytest.mark.parametrize("again", [lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy])
def test_written_and_read_again(again):
    run = again(made())
    assert run == made()
    assert run.response_metadata == made().response_metadata
    assert run.response_metadata.headers == {"x-a": "1"}


def test_immutable():
    run = made()
    for holder, name in [(run, "id"), (run, "output"), (run.output, "text"), (run.usage, "total_tokens"), (run, "new")]:
        with pytest.raises(AttributeError):
            setattr(holder, name, 1)
    run.extra["region"] = "us"
    run.output.extra["parts"].append(1)
    assert run == made()


def test_shown():
    assert repr(made()) == (
        "Run(id='run_1', kit='new-kit', status='completed', output=Output(text='it\\'s \"so\"\\n', extra=<parts>), "
        "usage=Usage(input_tokens=1, output_tokens=2, total_tokens=9223372036854775808, extra=<cached>), latency_ms=5, "
        "extra=<region>)"
    )
    assert repr(Run(Output("x" * 999))) == f"Run(output=Output(text='{'x' * 200}…'), usage=Usage())"
    assert repr(made().response_metadata) == (
        "ResponseMetadata(attempts=3, request_id='req_1', idempotency_key='key', elapsed=0.25, headers=<1>)"
    )


def test_matched():
    match made():
        case Run(Output(text), usage=Usage(total_tokens=total), response_metadata=ResponseMetadata(attempts=3)):
            assert (text, total) == (WIRE["output"]["text"], 2**63)
        case _:
            raise AssertionError


def test_made_by_hand_of_what_the_wire_can_hold():
    for wrong, error in [
        (lambda: Run("hi"), TypeError),
        (lambda: Run(), TypeError),
        (lambda: Output(5), TypeError),
        (lambda: Output("\ud800"), UnicodeEncodeError),
        (lambda: Usage(-1), OverflowError),
        (lambda: Output("", extra={"a": {1}}), ValueError),
        (lambda: Output("", extra={"a": float("nan")}), ValueError),
        (lambda: ResponseMetadata(elapsed=-1), ValueError),
        (lambda: ResponseMetadata(headers={"a b": "c"}), ValueError),
    ]:
        with pytest.raises(error):
            wrong()
