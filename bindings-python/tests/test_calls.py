"""Calls of both clients: requests, invalid arguments, options, closing, panics."""

import asyncio
import json
import traceback

import pytest

import builderaikits as sdk
from builderaikits import AsyncBuilderAIKits, BuilderAIKits

RUN = {"kit": "text-gen", "input": "Hello"}


def run_blocking(options, **arguments):
    with BuilderAIKits(**options) as client:
        return client.kits.run(**arguments)


def run_async(options, **arguments):
    async def call():
        async with AsyncBuilderAIKits(**options) as client:
            return await client.kits.run(**arguments)

    return asyncio.run(call())


@pytest.fixture(params=[run_blocking, run_async])
def run(request):
    return request.param


def test_request_reaches_the_server_unchanged(run, server):
    recorder = server()
    options = {"base_url": recorder.url, "api_key": "bak_1", "headers": {"X-Client": "c"}, "app_name": "app/1"}
    result = run(
        options,
        kit="new-kit",
        input={"prompt": "schön 😀", "context": "c", "files": [{"a": None}, (1, 2.5)]},
        config={"max_tokens": 7, "temperature": 0, "top": {"p": -1, "big": 2**64 - 1}},
        extra_body={"also": True},
        extra_headers={"X-Call": "d"},
        idempotency_key="key-1",
        timeout=None,
        max_retries=0,
        retry_ambiguous=True,
    )
    usage = sdk.Usage(total_tokens=2)
    assert result == sdk.Run(sdk.Output("hi"), usage, id="run_1", kit="text-gen", status="completed")
    assert (result.response_metadata.attempts, result.response_metadata.idempotency_key) == (1, "key-1")
    headers, body = recorder.requests[0]
    assert json.loads(body) == {
        "kit": "new-kit",
        "input": {"prompt": "schön 😀", "context": "c", "files": [{"a": None}, [1, 2.5]]},
        "config": {"max_tokens": 7, "temperature": 0.0, "top": {"p": -1, "big": 2**64 - 1}},
        "also": True,
    }
    assert (headers[b"x-client"], headers[b"x-call"], headers[b"idempotency-key"]) == (b"c", b"d", b"key-1")
    assert headers[b"user-agent"].startswith(b"builderaikits-python/")
    assert headers[b"user-agent"].endswith(b" app/1")


@pytest.mark.parametrize(
    "fields",
    [
        {"input": "Hello"},
        {"input": {"prompt": "schön 😀", "context": "c"}},
        {"input": {"prompt": "", "context": None}, "config": None},
        {"input": "p", "config": {}},
        {"input": "p", "config": {"max_tokens": 7, "temperature": 0.5}},
        {"input": "p", "config": {"max_tokens": None, "temperature": None, "top": None}},
        {"input": "p", "config": {"max_tokens": 2**32 - 1, "temperature": 1}},
        {"input": {"prompt": "p", "files": None}},
    ],
)
def test_fast_path_sends_the_same_body_as_the_json_path(run, server, fields):
    """Requests with `extra_body` never take the fast path."""
    recorder = server()
    for extra_body in None, {}:
        run({"base_url": recorder.url, "api_key": "bak_1"}, kit="text-gen", extra_body=extra_body, **fields)
    (_, fast_path), (_, json_path) = recorder.requests
    assert fast_path == json_path


CONTAINS_ITSELF = []
CONTAINS_ITSELF.append(CONTAINS_ITSELF)
DEEP = {}
for _ in range(200):
    DEEP = {"a": DEEP}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kit": None}, "kit is required"),
        ({"kit": 5}, "kit must be a string"),
        ({"kit": ""}, "kit must not be empty"),
        ({"kit": "\ud800"}, "kit contains an unpaired surrogate"),
        ({"input": None}, "input is required"),
        ({"input": "secret\udfff"}, "input contains an unpaired surrogate"),
        ({"input": {"prompt": "secret\ud83d"}}, "input.prompt contains an unpaired surrogate"),
        ({"input": {"prompt": b"secret"}}, "input.prompt has the unsupported type 'bytes'"),
        ({"input": {"prompt": "p", "\ud800": 1}}, "input has a key that contains an unpaired surrogate"),
        ({"input": {"prompt": "p", 5: 1}}, "input has a key of type 'int'"),
        ({"input": {"prompt": "p", "files": CONTAINS_ITSELF}}, "input is nested more than 100 levels deep"),
        ({"input": {"prompt": "p", "files": DEEP}}, "input is nested more than 100 levels deep"),
        ({"input": {"prompt": "p", "files": [1, {"a": {2}}]}}, "input.files[1].a has the unsupported type 'set'"),
        ({"config": []}, "config must be an object"),
        ({"config": {"max_tokens": True}}, "config.max_tokens must be an integer"),
        ({"config": {"max_tokens": 1.0}}, "config.max_tokens must be an integer"),
        ({"config": {"max_tokens": 0}}, "config.max_tokens must be at least 1"),
        ({"config": {"max_tokens": 10**30}}, "config.max_tokens must fit in 64 bits"),
        ({"config": {"temperature": float("nan")}}, "config.temperature must be a finite number"),
        ({"config": {"temperature": float("-inf")}}, "config.temperature must be a finite number"),
        ({"config": {"temperature": False}}, "config.temperature must be a number"),
        ({"config": {"top": float("inf")}}, "config.top must be a finite number"),
        ({"extra_body": {"kit": "other"}}, "`extra_body` must not contain 'kit'"),
        ({"extra_body": []}, "`extra_body` must be a dict, not 'list'"),
        ({"timeout": 0}, "`timeout` must be more than 0"),
        ({"timeout": -1.5}, "`timeout` must be more than 0"),
        ({"timeout": float("nan")}, "`timeout` must be more than 0"),
        ({"timeout": True}, "`timeout` must be a number of seconds"),
        ({"timeout": "5"}, "`timeout` must be a number of seconds"),
        ({"timeout": 10**400}, "`timeout` is too large"),
        ({"max_retries": -1}, "`max_retries` must be an integer from 0 to 4294967295"),
        ({"max_retries": True}, "`max_retries` must be an integer from 0 to 4294967295"),
        ({"max_retries": 2**40}, "`max_retries` must be an integer from 0 to 4294967295"),
        ({"retry_ambiguous": 1}, "`retry_ambiguous` must be true or false"),
        ({"idempotency_key": ""}, "`idempotency_key` must be 1 to 255"),
        ({"idempotency_key": 7}, "`idempotency_key` must be a string"),
        ({"extra_headers": {"Authorization": "secret"}}, "`extra_headers`: 'Authorization' is set by the SDK"),
        ({"extra_headers": {"x": "secret\r\ny: z"}}, "`extra_headers`: the value of 'x'"),
        ({"extra_headers": {"x": 5}}, "`extra_headers` must map header names to strings"),
        ({"extra_headers": [("x", "y")]}, "`extra_headers` must map header names to strings"),
        ({"extra_headers": {"x": {1}}}, "`extra_headers`.x has the unsupported type 'set'"),
    ],
)
def test_invalid_arguments_are_rejected_before_sending(run, server, arguments, message):
    recorder = server()
    with pytest.raises(sdk.InvalidRequestError) as caught:
        run({"base_url": recorder.url, "api_key": "bak_1"}, **{**RUN, **arguments})
    assert caught.value.message.startswith(message)
    assert caught.value.message.replace("`", "").startswith(caught.value.option)
    assert (caught.value.attempts, recorder.connections) == (0, 0)
    assert isinstance(caught.value, ValueError)
    assert "secret" not in str(caught.value)


def test_unknown_keyword_arguments_are_type_errors(run, server):
    recorder = server()
    options = {"base_url": recorder.url, "api_key": "bak_1"}
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'max_retry'.*timeout, max_retries"):
        run(options, **RUN, max_retry=5)
    for client_class in (BuilderAIKits, AsyncBuilderAIKits):
        with pytest.raises(TypeError, match=r"unexpected keyword argument 'apiKey'.*api_key"):
            client_class(apiKey="bak_1")
        with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
            client_class(**options).with_options(foo=1)
        with pytest.raises(sdk.ConfigurationError, match="`base_url` cannot be changed"):
            client_class(**options).with_options(base_url=recorder.url)
    assert recorder.connections == 0


def test_options_that_were_not_given_keep_their_values(run, server):
    """NOT_GIVEN does so for every option, and None for every option but a timeout."""
    recorder = server()
    client = {"base_url": recorder.url, "api_key": "bak_1", "headers": {"x-a": "1"}, "max_retries": None}
    for options in ({"timeout": sdk.NOT_GIVEN, "extra_headers": sdk.NOT_GIVEN}, {"extra_headers": None}):
        assert run({**client, "timeout": sdk.NOT_GIVEN, "ca_file": None}, **RUN, **options).status == "completed"
    assert all(headers[b"x-a"] == b"1" for headers, _ in recorder.requests)


def test_huge_timeouts_mean_no_limit(run, quick):
    options = {"timeout": 10**30, "attempt_timeout": float("inf"), "connect_timeout": 1e300}
    assert run({"base_url": quick.url, "api_key": "bak_1", **options}, **RUN).status == "completed"


def test_calls_after_close_are_rejected(env):
    with BuilderAIKits() as client:
        client.kits.run(**RUN)
    with pytest.raises(sdk.ClientClosedError):
        client.kits.run(**RUN)

    async def main():
        async with AsyncBuilderAIKits() as client:
            await client.kits.run(**RUN)
        with pytest.raises(sdk.ClientClosedError):
            await client.kits.run(**RUN)
        await client.aclose()

    asyncio.run(main())


def test_traceback_ends_in_run(run, env):
    with pytest.raises(sdk.BadRequestError) as caught:
        run({}, kit="no-such-kit", input="Hello")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.name for frame in frames if "builderaikits" in frame.filename] == ["run"]


def test_panic_is_isolated_to_its_call(run, env):
    options = {"base_url": env.url, "api_key": "bak_1"}
    try:
        run(options, kit="text-gen", input="canary", idempotency_key="panic-please")
        pytest.skip("this build does not inject panics")
    except sdk.InternalError as error:
        assert "canary" not in str(error)
        assert error.may_have_run
    assert run(options, **RUN).status == "completed"
