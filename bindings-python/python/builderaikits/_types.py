"""What a call takes, for type checkers. At run time dicts with other keys are as good: they are sent as they are."""

from typing import Literal, TypeAlias, TypedDict

Kit: TypeAlias = Literal["text-gen", "code-assist", "summarizer", "classifier"]
"""The kits that this version knows; any other id is a `str` that is sent as it is.

- `text-gen`: general text generation and chat, up to 4,096 tokens.
- `code-assist`: code completion and review, up to 8,192 tokens.
- `summarizer`: document and article summarization, up to 16,384 tokens.
- `classifier`: text classification and sentiment, up to 2,048 tokens.
"""


class Input(TypedDict, total=False):
    """What a kit works on."""

    prompt: str
    """What the kit is asked; required."""
    context: str | None
    """What the prompt is about, such as the text to summarize. Default: none."""


class Config(TypedDict, total=False):
    """Settings of a run."""

    max_tokens: int | None
    """The most tokens of output, from 1 up to the kit's limit. Default: the service's."""
    temperature: float | None
    """How freely the kit chooses its words; any finite number. Default: the service's."""
