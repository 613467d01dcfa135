"""Code of users, which `make python-types` checks with mypy and pyright."""

from decimal import Decimal

from typing_extensions import Unpack, assert_type

import builderaikits
from builderaikits import (
    NOT_GIVEN,
    AsyncBuilderAIKits,
    BuilderAIKits,
    ClientOptions,
    ClientUsage,
    Cost,
    Estimate,
    KitInfo,
    NotGiven,
    Output,
    Quota,
    RateLimit,
    RequestOptions,
    Run,
    RunConfig,
    RunInput,
    Usage,
    kit_info,
)


def blocking(timeout: float | None | NotGiven = NOT_GIVEN) -> str:
    with BuilderAIKits(api_key="bak_1", timeout=None, max_retries=3, headers={"x-team": "blue"}) as client:
        assert_type(client, BuilderAIKits)
        run = client.kits.run("text-gen", input="Hello", timeout=timeout)
        run = client.kits.run(kit="a-new-kit", input={"prompt": "Hello"}, config={"max_tokens": 5}, timeout=1)
        assert_type(run, Run)
        assert_type(run.usage.total_tokens, int | None)
        assert_type(run.response_metadata.headers, dict[str, str])
        patient = client.with_options(timeout=60.0, retry_ambiguous=True)
        assert_type(patient, BuilderAIKits)
        return run.output.text


async def asynchronous() -> Run:
    prompt: RunInput = {"prompt": "Hello", "context": "World"}
    config: RunConfig = {"temperature": 0.5}
    async with AsyncBuilderAIKits() as client:
        assert_type(client, AsyncBuilderAIKits)
        return await client.kits.run("summarizer", input=prompt, config=config, extra_body={"new": [1]})


def limits_and_cost(limit: RateLimit, prices: dict[str, float], exact: dict[str, Decimal]) -> Cost | None:
    quota: Quota = {"requests": 30, "per": 6.5}
    for rate_limit in (quota, limit, "maker", "30,15000/6s", None):
        BuilderAIKits(rate_limit=rate_limit, retry_budget=False, prices={"text-gen": "0.0004", "new-kit": 1})
    client = AsyncBuilderAIKits(rate_limit={"tokens": 15_000}, prices=prices or exact)
    assert_type(client.usage(), ClientUsage)
    assert_type(client.usage().pacing.limit_per, float | None)
    assert_type(client.kits.estimate("text-gen", input="Hello", config={"max_tokens": 5}), Estimate)
    assert_type(BuilderAIKits().kits.estimate("new-kit", input={"prompt": "Hello"}).max_cost, Cost | None)
    info = kit_info("text-gen")
    assert_type(info, KitInfo | None)
    assert_type(Cost(5).usd, Decimal)
    return info.price_per_1k_tokens if info else Run(Output("hi"), cost=Cost(nano_usd=5)).cost


def wrapper(client: BuilderAIKits, prompt: str, **options: Unpack[RequestOptions]) -> str:
    return client.kits.run("text-gen", input=prompt, **options).output.text


def from_settings(settings: ClientOptions) -> BuilderAIKits:
    return BuilderAIKits(**settings)


def describe(error: builderaikits.BuilderAIKitsError) -> str:
    assert_type(error.may_have_run, bool)
    match error:
        case builderaikits.RateLimitError(retry_after=float(delay)):
            return f"wait {delay}"
        case builderaikits.APIStatusError(status=int(status)):
            return f"{status}"
        case _:
            return str(error)


def constructed() -> str:
    run = Run(output=Output(text="hi"), usage=Usage(total_tokens=2), id="run_1")
    error = builderaikits.RateLimitError("slow down", status=429, retry_after=2.0)
    match run:
        case Run(Output(text), usage=Usage(total_tokens=int(total))):
            return f"{text} {total} {error}"
        case _:
            return run.to_json()


# Each line must be an error. Otherwise the checker reports its comment as unused.
def rejected(client: BuilderAIKits, run: Run) -> None:
    client.kits.run("text-gen")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.kits.run("text-gen", "Hello")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.kits.run("text-gen", input=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.kits.run("text-gen", input="", config={"max_tokens": "5"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.kits.run("text-gen", input="", max_retry=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.with_options(base_url="")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.with_options(rate_limit="off")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.kits.estimate("text-gen", input="", timeout=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    BuilderAIKits(rate_limit={"request": 5})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    BuilderAIKits(timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    builderaikits.APIError("", status="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run.cost = None  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    run.id = "run_2"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
