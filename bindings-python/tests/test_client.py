"""Clients: options, copies, sharing between threads, garbage collection, pickling."""

import asyncio
import gc
import pickle
import threading
import traceback
from decimal import Decimal

import pytest

import builderaikits as sdk
from builderaikits import AsyncBuilderAIKits, BuilderAIKits

RUN = {"kit": "text-gen", "input": "Hello"}


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
        ({"retry_budget": 1}, "`retry_budget` must be true or false"),
        ({"rate_limit": "fast"}, "`rate_limit` is not known"),
        ({"rate_limit": "0"}, "`rate_limit` needs numbers of at least 1"),
        ({"rate_limit": 30}, "`rate_limit` must be a string, or an object of numbers"),
        ({"rate_limit": {}}, "`rate_limit` needs a number of requests or of tokens"),
        ({"rate_limit": {"request": 1}}, "`rate_limit` has requests, tokens and per, but not `request`"),
        ({"rate_limit": {"requests": 1, "per_ms": 1}}, "`rate_limit` has requests, tokens and per in seconds, but not"),
        ({"rate_limit": {"requests": "30"}}, "`rate_limit.requests` must be an integer"),
        ({"rate_limit": {"tokens": True}}, "`rate_limit.tokens` must be an integer"),
        ({"rate_limit": {"requests": 1, "per": True}}, "`rate_limit.per` must be a length of time"),
        ({"rate_limit": {"requests": 1, "per": "60"}}, "`rate_limit.per` must be a length of time"),
        ({"rate_limit": {"requests": 1, "per": -1}}, "`rate_limit.per` must be a length of time"),
        ({"rate_limit": {"requests": 1, "per": 1e307}}, "`rate_limit.per` must be a length of time"),
        ({"rate_limit": {"requests": 1, "per": float("inf")}}, "`rate_limit`.per must be a finite number"),
        ({"rate_limit": {"requests": 1, "per": 0.001}}, "`rate_limit` must count per 0.1 s to 1 day"),
        ({"prices": 5}, "`prices` must map kit ids to prices"),
        ({"prices": {5: 1}}, "`prices` has a key of type 'int'"),
        ({"prices": {"text_gen": 1}}, "`prices`: 'text_gen' is not a kit; the id is 'text-gen'"),
        ({"prices": {"text-gen": -1}}, "`prices`: the price of 'text-gen' must be a number of US dollars"),
        ({"prices": {"text-gen": None}}, "`prices`: the price of 'text-gen' must be a number of US dollars"),
        ({"prices": {"text-gen": True}}, "`prices`: the price of 'text-gen' must be a number of US dollars"),
        ({"prices": {"text-gen": "1e-3"}}, "`prices`: the price of 'text-gen' must be a number of US dollars"),
        ({"prices": {"text-gen": float("nan")}}, "`prices`.text-gen must be a finite number"),
        ({"prices": {"text-gen": Decimal("NaN")}}, "`prices`: the price of 'text-gen' must be a number of US dollars"),
        (
            {"prices": {"text-gen": Decimal("1e-10")}},
            "`prices`: the price of 'text-gen' must be a number of US dollars",
        ),
        ({"prices": {"text-gen": 1j}}, "`prices`.text-gen has the unsupported type 'complex'"),
        ({"max_concurrency": 0}, "`max_concurrency` must be an integer from 1 to"),
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
        assert next(iter(options)) == caught.value.option.partition(".")[0]
        assert "secret" not in str(caught.value)


def test_failed_constructors_leave_no_secrets_in_frames():
    bad = {
        "api_key": "bak_secret",
        "headers": {"x": "secret"},
        "proxy": "http://u:secret@h",
        "base_url": "http://x.test",
    }
    for client_class in (BuilderAIKits, AsyncBuilderAIKits):
        for options in (bad, {**bad, "unknown": 1}, {**bad, "ca_file": 1}):
            with pytest.raises((sdk.ConfigurationError, TypeError)) as caught:
                client_class(**options)
            assert_no_secrets(caught.value, "secret")
        client = client_class(api_key="bak_1")
        for options in ({**bad}, {"api_key": "bak_secret", "timeout": 0}, {"api_key": "bak_secret", "unknown": 1}):
            with pytest.raises((sdk.ConfigurationError, TypeError)) as caught:
                client.with_options(**options)
            assert_no_secrets(caught.value, "secret")
        assert repr(client_class.__new__(client_class)) == f"{client_class.__name__}(not created)"


def test_failed_calls_leave_no_prompt_in_frames(closed_port):
    call = {"kit": "text-gen", "input": "secret prompt", "extra_headers": {"x": "secret"}}
    for options in (call, {**call, "timeout": 0}, {**call, "config": {"n": "secret"}}, {**call, "unknown": 1}):
        client = BuilderAIKits(api_key="bak_1", base_url=closed_port, max_retries=0)
        with pytest.raises((sdk.BuilderAIKitsError, TypeError)) as caught:
            client.kits.run(**options)
        assert_no_secrets(caught.value, "secret")

        async def run(options=options):
            async with AsyncBuilderAIKits(api_key="bak_1", base_url=closed_port, max_retries=0) as client:
                await client.kits.run(**options)

        with pytest.raises((sdk.BuilderAIKitsError, TypeError)) as caught:
            asyncio.run(run())
        assert_no_secrets(caught.value, "secret")


def assert_no_secrets(error, secret):
    """Looks into the locals of the SDK's frames, as error trackers do."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = [frame for frame in frames if frame.f_globals["__name__"].startswith("builderaikits")]
    assert own
    for frame in own:
        for name, value in frame.f_locals.items():
            assert secret not in repr(value), f"{frame.f_code.co_name}: {name}"


def test_ca_file_can_be_a_path(tmp_path):
    for ca_file in (tmp_path / "missing.pem", str(tmp_path / "missing.pem")):
        with pytest.raises(sdk.ConfigurationError, match=r"`ca_file`.*missing\.pem"):
            BuilderAIKits(api_key="bak_1", base_url="https://localhost", ca_file=ca_file)


def test_copies_share_the_pool_and_are_closed_with_the_original(server):
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
    other = client.with_options()
    with copy:
        pass
    client.kits.run(**RUN)
    client.close()
    for closed in (copy, other, client):
        with pytest.raises(sdk.ClientClosedError):
            closed.kits.run(**RUN)


def test_copies_share_limits_and_prices(env):
    client = BuilderAIKits(rate_limit="100", prices={"new-kit": 1})
    for options in ({"rate_limit": "off"}, {"retry_budget": False}, {"prices": {"new-kit": Decimal("0.5")}}):
        with pytest.raises(sdk.ConfigurationError, match=r"cannot be changed for a copy") as caught:
            client.with_options(**options)
        assert caught.value.option == next(iter(options))
    copy = client.with_options(timeout=5)
    copy.kits.run(**RUN)
    assert copy.usage() == client.usage()
    assert (client.usage().runs, copy.usage().pacing.limit_requests) == (1, 100)
    call = {"kit": "new-kit", "input": "", "config": {"max_tokens": 1000}}
    assert copy.kits.estimate(**call).max_cost == client.kits.estimate(**call).max_cost == sdk.Cost(1_000_000_000)


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


def test_client_pickles_with_its_limits_and_prices(env):
    for client_class in (BuilderAIKits, AsyncBuilderAIKits):
        limit = {"requests": 7, "tokens": None, "per": 1.5}
        prices = {"new-kit": Decimal("5E-4"), "text-gen": 2, "a": "1.5"}
        client = client_class(rate_limit=limit, prices=prices, retry_budget=False)
        # The client has its own copies.
        limit.clear()
        prices.clear()
        for copy in (client, client.with_options(timeout=5)):
            unpickled = pickle.loads(pickle.dumps(copy))
            assert unpickled._options["retry_budget"] is False
            assert (
                unpickled.usage().pacing
                == client.usage().pacing
                == sdk.PacingStatus(limit_origin="configured", limit_requests=7, limit_per=1.5)
            )
            for kit, nano_usd in {"new-kit": 500_000, "text-gen": 2_000_000_000, "a": 1_500_000_000}.items():
                estimate = unpickled.kits.estimate(kit, input="", config={"max_tokens": 1000})
                assert estimate.max_cost.nano_usd == nano_usd


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
