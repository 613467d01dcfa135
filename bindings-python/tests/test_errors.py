"""The errors: one tree, with all fields, pickled and copied."""

import builtins
import copy
import pickle

import pytest

import builderaikits as sdk
from builderaikits._errors import error_of

CLASSES = {
    "config": (sdk.ConfigurationError, (sdk.BuilderAIKitsError, ValueError)),
    "invalid_request": (sdk.InvalidRequestError, (sdk.BuilderAIKitsError, ValueError)),
    "bad_request": (sdk.BadRequestError, (sdk.APIStatusError,)),
    "authentication": (sdk.AuthenticationError, (sdk.APIStatusError,)),
    "permission_denied": (sdk.PermissionDeniedError, (sdk.APIStatusError,)),
    "not_found": (sdk.NotFoundError, (sdk.APIStatusError,)),
    "conflict": (sdk.ConflictError, (sdk.APIStatusError,)),
    "unprocessable": (sdk.UnprocessableEntityError, (sdk.APIStatusError,)),
    "rate_limit": (sdk.RateLimitError, (sdk.APIStatusError,)),
    "server": (sdk.InternalServerError, (sdk.APIStatusError,)),
    "status": (sdk.APIStatusError, (sdk.APIError,)),
    "connection": (sdk.APIConnectionError, (sdk.APIError,)),
    "tls": (sdk.APIConnectionError, (sdk.APIError,)),
    "timeout": (sdk.APITimeoutError, (sdk.APIConnectionError, builtins.TimeoutError)),
    "bad_response": (sdk.APIResponseValidationError, (sdk.APIError,)),
    "closed": (sdk.ClientClosedError, (sdk.BuilderAIKitsError,)),
    "internal": (sdk.InternalError, (sdk.BuilderAIKitsError,)),
    "new-kind": (sdk.BuilderAIKitsError, (Exception,)),
}
FIELDS = {
    "message": "slow down",
    "status": 429,
    "code": "rate_limited",
    "body": b"\xff prompt",
    "headers": {"a": "b"},
    "request_id": "req_1",
    "attempts": 3,
    "retry_after": 2.5,
    "may_have_run": True,
    "is_retryable": True,
    "idempotency_key": "key",
    "elapsed": 1.5,
}


@pytest.mark.parametrize("kind", CLASSES)
def test_a_kind_has_its_class(kind):
    error = error_of((kind, *FIELDS.values()))
    of, parents = CLASSES[kind]
    assert type(error) is of
    assert of.__bases__ == parents
    assert error.kind == kind
    assert of.__module__ == "builderaikits"
    assert of.__doc__
    for again in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is of
        assert {name: getattr(again, name) for name in FIELDS} == FIELDS
        assert (again.kind, again.args) == (kind, ("slow down",))
        assert str(again) == "429: slow down (request req_1, 3 attempts)"
        assert "prompt" not in repr(again)


def test_errors_can_be_made_by_hand():
    error = sdk.RateLimitError("slow down", status=429, retry_after=2.0)
    assert (str(error), error.kind, error.may_have_run, error.body) == ("429: slow down", "rate_limit", False, None)

    class OfMine(sdk.APIError):
        """A subclass of a user's."""

    assert pickle.loads(pickle.dumps(sdk.APIError())).message == ""
    assert str(copy.copy(OfMine("x", attempts=1))) == "x (1 attempt)"
    with pytest.raises(TypeError):
        sdk.APIError("x", new=1)


def test_an_answer_with_an_error(env):
    with pytest.raises(sdk.BadRequestError) as caught:
        sdk.BuilderAIKits().kits.run("no-such-kit", input="Hello")
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.status, error.code, error.attempts, error.may_have_run) == (400, "unknown_kit", 1, False)
    assert error.body.startswith(b"{")
    assert error.headers["x-request-id"] == error.request_id
    assert error.elapsed > 0
