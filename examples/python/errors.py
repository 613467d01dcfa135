"""What to do about each kind of error: `BUILDERAIKITS_API_KEY=bak_revoked_x python errors.py`."""

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
            return "Set BUILDERAIKITS_API_KEY to a key of your dashboard."
        case builderaikits.AuthenticationError():
            return "The key is wrong or revoked: make a new one in your dashboard."
        case builderaikits.InvalidRequestError() | builderaikits.BadRequestError():
            return "The request is wrong: do not repeat it."
        case builderaikits.RateLimitError(retry_after=float(wait)):
            return f"Over the plan's limit: free again in {wait:.0f} s."
        case builderaikits.RateLimitError():
            return "Over the plan's limit: slow down."
        case _ if error.may_have_run:
            return "It may have run and be billed: a repeat may be billed again."
        case _:
            return "It did not run: repeat it when the cause is gone."


if __name__ == "__main__":
    main()
