"""Rate limits, usage, cost, estimates and kit information."""

import asyncio
import copy
import dataclasses
import json
import pickle
import time
from decimal import Decimal, localcontext

import pytest

import builderaikits as sdk
from builderaikits import AsyncBuilderAIKits, BuilderAIKits, Cost, Output, PacingStatus, Run, _native

RUN = {"kit": "text-gen", "input": "Hello"}


def run_blocking(client, **arguments):
    return client.kits.run(**RUN, **arguments)


def run_async(client, **arguments):
    async def call():
        return await client.kits.run(**RUN, **arguments)

    return asyncio.run(call())


BOTH = pytest.mark.parametrize(
    ("client_class", "run"), [(BuilderAIKits, run_blocking), (AsyncBuilderAIKits, run_async)]
)


@BOTH
@pytest.mark.parametrize(
    ("rate_limit", "origin", "requests", "tokens", "per"),
    [
        (None, None, None, None, None),
        ("auto", None, None, None, None),
        ("off", None, None, None, None),
        ("maker", "configured", 30, 15_000, 60.0),
        ("builder", "configured", 120, 100_000, 60.0),
        ("30,15000/6.5s", "configured", 30, 15_000, 6.5),
        ("3/1s", "configured", 3, None, 1.0),
        (sdk.Quota(requests=3), "configured", 3, None, 60.0),
        ({"tokens": 5000, "requests": None, "per": 2}, "configured", None, 5000, 2.0),
        ({"requests": 3, "per": None}, "configured", 3, None, 60.0),
        ({"requests": 3, "per": 0.25}, "configured", 3, None, 0.25),
    ],
)
def test_rate_limit_in_force(client_class, run, env, rate_limit, origin, requests, tokens, per):
    client = client_class(rate_limit=rate_limit)
    assert run(client).status == "completed"
    pacing = client.usage().pacing
    assert (pacing.limit_origin, pacing.limit_requests, pacing.limit_tokens, pacing.limit_per) == (
        origin,
        requests,
        tokens,
        per,
    )


def test_rate_limit_of_the_environment(env, monkeypatch):
    monkeypatch.setenv("BUILDERAIKITS_RATE_LIMIT", "7")
    for client_class in (BuilderAIKits, AsyncBuilderAIKits):
        assert client_class().usage().pacing.limit_requests == 7
        assert client_class(rate_limit="8").usage().pacing.limit_requests == 8
    monkeypatch.setenv("BUILDERAIKITS_RATE_LIMIT", "fast")
    with pytest.raises(sdk.ConfigurationError, match="BUILDERAIKITS_RATE_LIMIT: `rate_limit` is not known"):
        BuilderAIKits()


@BOTH
def test_calls_wait_for_the_rate_limit(client_class, run, env):
    client = client_class(rate_limit={"requests": 1, "per": 0.1}, timeout=None)
    start = time.monotonic()
    for _ in range(3):
        assert run(client).response_metadata.attempts == 1
    assert time.monotonic() - start > 0.2
    usage = client.usage()
    assert (usage.calls, usage.runs, usage.rate_limited, usage.pacing.waiting) == (3, 3, 0, 0)


@BOTH
def test_call_that_waits_beyond_its_deadline_raises_at_once(client_class, run, env):
    client = client_class(rate_limit="2", timeout=20)
    for _ in range(2):
        run(client)
    start = time.monotonic()
    with pytest.raises(sdk.RateLimitError) as caught:
        run(client, idempotency_key="key-1")
    assert time.monotonic() - start < 10
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert (error.kind, error.status, error.attempts, error.may_have_run) == ("rate_limit", None, 0, False)
        assert (error.retry_stopped_by, error.is_retryable, error.idempotency_key) == ("rate_limit", True, "key-1")
        assert 20 < error.retry_after <= 61
        assert str(error).startswith("Not sent: ")
        assert "`timeout` (20 s)" in str(error)
        assert "`rate_limit`" in str(error)
    usage = client.usage()
    assert (usage.calls, usage.attempts, usage.runs, usage.failures, usage.rate_limited) == (3, 2, 2, 1, 0)
    assert usage.pacing.requests_in_window == 2


def test_waiting_calls_are_counted_and_can_be_cancelled(env):
    async def main():
        client = AsyncBuilderAIKits(rate_limit="1", timeout=None)
        await client.kits.run(**RUN)
        call = asyncio.ensure_future(client.kits.run(**RUN))

        async def waiting(count):
            while client.usage().pacing.waiting != count:
                await asyncio.sleep(0.001)

        await asyncio.wait_for(waiting(1), 10)
        call.cancel()
        await asyncio.wait_for(waiting(0), 10)
        return client.usage()

    usage = asyncio.run(main())
    assert (usage.calls, usage.attempts, usage.runs, usage.failures) == (2, 1, 1, 0)


@BOTH
def test_usage_is_the_sum_of_the_runs(client_class, run, env):
    client = client_class()
    assert client.usage() == sdk.ClientUsage()
    runs = [run(client) for _ in range(3)]
    with pytest.raises(sdk.AuthenticationError):
        run(client.with_options(api_key="bak_revoked_1"))
    with pytest.raises(sdk.InvalidRequestError):
        run(client, timeout=0)
    client.close()
    with pytest.raises(sdk.ClientClosedError):
        run(client)
    usage = client.usage()
    assert usage == dataclasses.replace(
        sdk.ClientUsage(),
        calls=4,
        attempts=4,
        runs=3,
        failures=1,
        input_tokens=sum(run.usage.input_tokens for run in runs),
        output_tokens=sum(run.usage.output_tokens for run in runs),
        total_tokens=sum(run.usage.total_tokens for run in runs),
        cost=Cost(sum(run.cost.nano_usd for run in runs)),
        pacing=usage.pacing,
    )
    assert usage.cost.nano_usd == usage.total_tokens * 400
    assert type(usage.pacing) is PacingStatus
    assert (usage.pacing.in_flight, usage.pacing.waiting, usage.pacing.closed_for) == (0, 0, None)
    for duplicate in (pickle.loads(pickle.dumps(usage)), copy.deepcopy(usage)):
        assert duplicate == usage
    with pytest.raises(dataclasses.FrozenInstanceError):
        usage.runs = 0


def test_usage_has_the_fields_of_the_core(env):
    succeeded, record = BuilderAIKits()._native.usage()
    assert succeeded
    for record_class, fields in ((sdk.ClientUsage, record), (PacingStatus, record["pacing"])):
        assert {field.name for field in dataclasses.fields(record_class)} == set(fields)
        assert record_class.__doc__


BODY = {"kit": "text-gen", "output": {"text": "hi"}}


@BOTH
@pytest.mark.parametrize(
    ("wire", "prices", "nano_usd", "tokens", "unknown"),
    [
        ({"usage": {"total_tokens": 332}}, None, 132_800, 332, 0),
        ({"usage": {"input_tokens": 2, "output_tokens": 3}}, None, 2_000, 5, 0),
        ({"usage": {"total_tokens": 332}}, {"text-gen": 1}, 332_000_000, 332, 0),
        ({"usage": {"total_tokens": 332}}, {"text-gen": 0.0005}, 166_000, 332, 0),
        ({"usage": {"total_tokens": 332}}, {"text-gen": "0.0005"}, 166_000, 332, 0),
        ({"usage": {"total_tokens": 332}}, {"text-gen": Decimal("5E-4")}, 166_000, 332, 0),
        ({"usage": {"total_tokens": 332}}, {"text-gen": 1e-9}, 1, 332, 0),
        ({"usage": {"total_tokens": 0}}, None, 0, 0, 0),
        ({"usage": {"output_tokens": 3}}, None, None, 0, 1),
        ({}, None, None, 0, 1),
    ],
)
def test_cost_of_a_run(client_class, run, server, wire, prices, nano_usd, tokens, unknown):
    url = server(response=json.dumps({**BODY, **wire}).encode()).url
    client = client_class(base_url=url, api_key="bak_1", prices=prices)
    result = run(client)
    assert result.cost == (None if nano_usd is None else Cost(nano_usd))
    assert "cost" not in result.to_dict()
    assert "cost" not in result.to_json()
    assert result == Run(Output("hi"), result.usage, kit="text-gen")
    usage = client.usage()
    assert (usage.cost.nano_usd, usage.total_tokens, usage.runs_with_unknown_usage) == (nano_usd or 0, tokens, unknown)


@pytest.mark.parametrize(
    ("nano_usd", "usd"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (132_800, "0.0001328"),
        (1_500_000_000, "1.5"),
        (12_000_000_000, "12"),
        (2**64 - 1, "18446744073.709551615"),
    ],
)
def test_cost_is_exact(nano_usd, usd):
    cost = Cost(nano_usd)
    with localcontext() as context:
        context.prec = 1
        assert (type(cost.usd), cost.usd.as_tuple()) == (Decimal, Decimal(usd).as_tuple())
    assert (cost.nano_usd, str(cost), f"{cost}", repr(cost)) == (nano_usd, usd, usd, f"Cost(nano_usd={nano_usd})")
    for duplicate in (pickle.loads(pickle.dumps(cost)), copy.copy(cost), copy.deepcopy(cost)):
        assert (duplicate, hash(duplicate)) == (cost, hash(cost))


def test_costs_can_be_compared():
    assert sorted([Cost(3), Cost(1), Cost(2)]) == [Cost(1), Cost(2), Cost(3)]
    assert Cost(1) != 1
    assert Cost(1) >= Cost(1) < Cost(2)
    with pytest.raises(TypeError):
        _ = Cost(1) < 2
    match Cost(5):
        case Cost(nano_usd):
            assert nano_usd == 5


@pytest.mark.parametrize("client_class", [BuilderAIKits, AsyncBuilderAIKits])
@pytest.mark.parametrize(
    ("request_fields", "input_tokens", "max_output_tokens", "nano_usd"),
    [
        ({"kit": "text-gen", "input": "Hello, world", "config": {"max_tokens": 500}}, 3, 500, 201_200),
        ({"kit": "text-gen", "input": {"prompt": "Hello, world"}}, 3, 4_096, 1_639_600),
        ({"kit": "summarizer", "input": {"prompt": "abcde", "context": "ä😀"}}, 3, 16_384, 8_193_500),
        ({"kit": "new-kit", "input": "", "config": {"max_tokens": 1_000, "temperature": 0.5}}, 0, 1_000, 2_000_000),
        ({"kit": "new-kit", "input": "abc"}, 1, None, None),
        ({"kit": "other", "input": "abc", "config": {"max_tokens": 5}}, 1, 5, None),
    ],
)
def test_estimate(client_class, closed_port, request_fields, input_tokens, max_output_tokens, nano_usd):
    client = client_class(base_url=closed_port, api_key="bak_1", prices={"new-kit": "0.002"})
    max_cost = None if nano_usd is None else Cost(nano_usd)
    expected = sdk.Estimate(input_tokens=input_tokens, max_output_tokens=max_output_tokens, max_cost=max_cost)
    estimate = client.kits.estimate(**request_fields)
    assert estimate == expected == pickle.loads(pickle.dumps(estimate))
    assert client.usage() == sdk.ClientUsage()


@pytest.mark.parametrize("client_class", [BuilderAIKits, AsyncBuilderAIKits])
@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"kit": None}, sdk.InvalidRequestError, "kit is required"),
        ({"input": 5}, sdk.InvalidRequestError, "input must be an object"),
        ({"input": {"prompt": b"secret"}}, sdk.InvalidRequestError, "input.prompt has the unsupported type 'bytes'"),
        ({"input": "secret\ud800"}, sdk.InvalidRequestError, "input contains an unpaired surrogate"),
        ({"config": {"max_tokens": "secret"}}, sdk.InvalidRequestError, "config.max_tokens must be an integer"),
        ({"timeout": 5}, TypeError, ""),
    ],
)
def test_invalid_estimates_are_rejected(client_class, fields, error, message):
    client = client_class(api_key="bak_1")
    with pytest.raises(error) as caught:
        client.kits.estimate(**{"kit": "text-gen", "input": "secret", **fields})
    assert getattr(caught.value, "message", "").startswith(message)
    assert "secret" not in str(caught.value)
    traceback = caught.value.__traceback__
    while traceback := traceback.tb_next:
        assert "secret" not in repr(traceback.tb_frame.f_locals)


@pytest.mark.parametrize(
    ("kit", "purpose", "max_tokens", "price"),
    [
        ("text-gen", "general text generation and chat", 4_096, "0.0004"),
        ("code-assist", "code completion and review", 8_192, "0.0006"),
        ("summarizer", "document and article summarization", 16_384, "0.0005"),
        ("classifier", "text classification and sentiment", 2_048, "0.0003"),
    ],
)
def test_kit_info(kit, purpose, max_tokens, price):
    info = sdk.kit_info(kit)
    assert (type(info), info.id, info.purpose, info.max_tokens) == (sdk.KitInfo, kit, purpose, max_tokens)
    assert info.price_per_1k_tokens.usd == Decimal(price)
    assert pickle.loads(pickle.dumps(info)) == info


def test_kit_info_of_an_unknown_kit_is_none():
    assert sdk.kit_info("new-kit") is None


def test_every_known_kit_has_information():
    known = sdk.Kit.__args__
    assert [sdk.kit_info(kit).id for kit in known] == list(known)
    assert [kit["id"] for kit in _native.catalog()["kits"]] == list(known)
