"""Calls of both clients: requests, rejected arguments, options, copies, closing, pickling."""

import asyncio
import gc
import json
import pickle
import threading
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
        ({"extra_headers": {"x": 5}}, "`extra_headers` must be an object"),
        ({"extra_headers": [("x", "y")]}, "`extra_headers` must be an object"),
        ({"extra_headers": {"x": {1}}}, "`extra_headers`.x has the unsupported type 'set'"),
    ],
)
def test_invalid_arguments_are_rejected_before_sending(run, server, arguments, message):
    recorder = server()
    with pytest.raises(sdk.InvalidRequestError) as caught:
        run({"base_url": recorder.url, "api_key": "bak_1"}, **{**RUN, **arguments})
    assert caught.value.message.startswith(message)
    assert (caught.value.attempts, recorder.connections) == (0, 0)
    assert isinstance(caught.value, ValueError)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"api_key": None}, "`api_key` is required. Pass `api_key`, or set the BUILDERAIKITS_API_KEY"),
        ({"api_key": ""}, "`api_key` is empty"),
        ({"api_key": "bak_\ud800"}, "`api_key` contains an unpaired surrogate"),
        ({"api_key": 5}, "`api_key` must be a string"),
        ({"base_url": "http://example.com"}, "`base_url` uses plain http"),
        ({"timeout": 0}, "`timeout` must be more than 0"),
        ({"timeout": "1"}, "`timeout` must be a number of seconds"),
        ({"attempt_timeout": False}, "`attempt_timeout` must be a number of seconds"),
        ({"connect_timeout": float("nan")}, "`connect_timeout` must be more than 0"),
        ({"max_retries": 1.5}, "`max_retries` must be an integer from 0 to 4294967295"),
        ({"max_concurrency": 0}, "`max_concurrency` must be at least 1"),
        ({"max_response_bytes": 10**30}, "`max_response_bytes` must fit in 64 bits"),
        ({"headers": {"Host": "x"}}, "`headers`: 'Host' is set by the SDK"),
        ({"proxy": "ftp://secret"}, "`proxy`"),
        ({"ca_file": b"x"}, "`ca_file` has the unsupported type 'bytes'"),
        ({"allow_http": "yes"}, "`allow_http` must be true or false"),
        ({"app_name": ""}, "`app_name` must be printable ASCII"),
    ],
)
def test_invalid_client_options_are_rejected(options, message):
    for client_class in (BuilderAIKits, AsyncBuilderAIKits):
        with pytest.raises(sdk.ConfigurationError) as caught:
            client_class(**{"api_key": "bak_secret", **options})
        assert caught.value.message.startswith(message)
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


def test_ca_file_can_be_a_path(tmp_path):
    for ca_file in (tmp_path / "missing.pem", str(tmp_path / "missing.pem")):
        with pytest.raises(sdk.ConfigurationError, match=r"`ca_file`.*missing\.pem"):
            BuilderAIKits(api_key="bak_1", base_url="https://localhost", ca_file=ca_file)


def test_huge_timeouts_mean_no_limit(run, quick):
    options = {"timeout": 10**30, "attempt_timeout": float("inf"), "connect_timeout": 1e300}
    assert run({"base_url": quick.url, "api_key": "bak_1", **options}, **RUN).status == "completed"


def test_copies_share_the_pool_and_close_together(server):
    recorder = server()
    client = BuilderAIKits(base_url=recorder.url, api_key="bak_1", headers={"x-a": "1"})
    copy = client.with_options(api_key="bak_2", max_retries=0, headers={"x-b": "2"}, timeout=9)
    client.kits.run(**RUN)
    copy.kits.run(**RUN)
    assert recorder.connections == 1
    first, second = (headers for headers, _ in recorder.requests)
    assert (first[b"authorization"], first.get(b"x-b")) == (b"bearer bak_1", None)
    assert (second[b"authorization"], second[b"x-b"], second.get(b"x-a")) == (b"bearer bak_2", b"2", None)
    with pytest.raises(sdk.ConfigurationError, match="`timeout` must be more than 0"):
        client.with_options(timeout=0)
    copy.close()
    with pytest.raises(sdk.ClientClosedError):
        client.kits.run(**RUN)


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


def test_threads_can_share_a_client(env):
    client, texts = BuilderAIKits(), set()
    threads = [
        threading.Thread(target=lambda n=n: texts.add(client.kits.run("text-gen", input=f"<{n}>").output.text))
        for n in range(32)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(any(f"<{n}>" in text for text in texts) for n in range(32))


def test_client_can_be_collected_during_a_call(env):
    assert BuilderAIKits().kits.run(**RUN).status == "completed"

    async def main():
        call = asyncio.ensure_future(AsyncBuilderAIKits().kits.run(**RUN))
        await asyncio.sleep(0)
        gc.collect()
        return await call

    assert asyncio.run(main()).status == "completed"


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


def test_client_pickles_without_the_environments_key(env, monkeypatch):
    client = BuilderAIKits(max_retries=0, timeout=None)
    copy = pickle.loads(pickle.dumps(client.with_options(timeout=60)))
    assert copy.kits.run(**RUN).status == "completed"
    assert type(pickle.loads(pickle.dumps(AsyncBuilderAIKits()))) is AsyncBuilderAIKits
    pickled = pickle.dumps(client)
    assert b"bak_" not in pickled
    monkeypatch.delenv("BUILDERAIKITS_API_KEY")
    with pytest.raises(sdk.ConfigurationError, match="BUILDERAIKITS_API_KEY"):
        pickle.loads(pickled)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"api_key": "bak_secret"}, "api_key"),
        ({"headers": {"x-token": "secret"}}, "headers"),
        ({"proxy": "http://user:secret@localhost:1"}, "proxy"),
    ],
)
def test_client_with_secrets_cannot_be_pickled(env, options, name):
    for client in (BuilderAIKits(**options), BuilderAIKits(**options).with_options(timeout=5)):
        with pytest.raises(TypeError, match=f"created with `{name}`.*BUILDERAIKITS_API_KEY"):
            pickle.dumps(client)
        assert "secret" not in repr(client)
        assert "secret" not in repr(client._options)
    pickle.dumps(BuilderAIKits(proxy="http://localhost:1"))
