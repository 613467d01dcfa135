"""Prints advice for each kind of error: `BUILDERAIKITS_API_KEY=bak_revoked_x python errors.py`."""

import sys

import builderaikits
from builderaikits import BuilderAIKits, BuilderAIKitsError


def main() -> None:
    try:
        run = BuilderAIKits().kits.run(kit="text-gen", input="Hello", timeout=5)
    except BuilderAIKitsError as error:
        sys.exit(f"{error}\n{advice(error)}")
    print(run.output.text)


def advice(error: BuilderAIKitsError) -> str:
    match error:
        case builderaikits.ConfigurationError():
            return "Set BUILDERAIKITS_API_KEY to a key from your dashboard."
        case builderaikits.AuthenticationError():
            return "The key is wrong or revoked. Create a new one in your dashboard."
        case builderaikits.InvalidRequestError() | builderaikits.BadRequestError():
            return "The request is invalid. Fix it before you retry."
        case builderaikits.RateLimitError(retry_after=float(delay)):
            return f"The rate limit of your plan is reached. Retry in {delay:.0f} s."
        case builderaikits.RateLimitError():
            return "The rate limit of your plan is reached. Reduce concurrency."
        case _ if error.may_have_run:
            return "The request may have run and been billed. A retry can be billed again."
        case _:
            return "The request did not run. Retry when the cause is fixed."


if __name__ == "__main__":
    main()
