"""What users write, as type checkers see it; `make python-types` holds mypy and pyright to it."""

from typing_extensions import assert_type

import builderaikits
from builderaikits import NOT_GIVEN, AsyncBuilderAIKits, BuilderAIKits, Config, Input, NotGiven, Output, Run, Usage


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


async def awaited() -> Run:
    prompt: Input = {"prompt": "Hello", "context": "World"}
    config: Config = {"temperature": 0.5}
    async with AsyncBuilderAIKits() as client:
        assert_type(client, AsyncBuilderAIKits)
        return await client.kits.run("summarizer", input=prompt, config=config, extra_body={"new": [1]})


def failed(error: builderaikits.BuilderAIKitsError) -> str:
    assert_type(error.may_have_run, bool)
    match error:
        case builderaikits.RateLimitError(retry_after=float(wait)):
            return f"wait {wait}"
        case builderaikits.APIStatusError(status=int(status)):
            return f"{status}"
        case _:
            return str(error)


def made() -> str:
    run = Run(output=Output(text="hi"), usage=Usage(total_tokens=2), id="run_1")
    match run:
        case Run(Output(text), usage=Usage(total_tokens=int(total))):
            return f"{text} {total}"
        case _:
            return run.to_json()


# What type checkers must refuse: each line is an error, or the checker says that the comment is not needed.
def refused(client: BuilderAIKits, run: Run) -> None:
    client.kits.run("text-gen")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.kits.run("text-gen", "Hello")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.kits.run("text-gen", input=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.kits.run("text-gen", input="", config={"max_tokens": "5"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    BuilderAIKits(timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    run.id = "run_2"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
