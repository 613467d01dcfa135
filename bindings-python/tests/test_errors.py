"""Errors: the tree of classes, fields, causes, pickling and copying."""

import asyncio
import builtins
import copy
import errno
import os
import pickle

import pytest

import builderaikits as sdk
from builderaikits import _errors
from builderaikits._errors import error_from_record
from builderaikits._types import ErrorFields

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
    "option": "config.max_tokens",
    "status": 429,
    "code": "rate_limited",
    "body": b"\xff prompt",
    "headers": {"a": "b"},
    "request_id": "req_1",
    "attempts": 3,
    "retry_after": 2.5,
    "may_have_run": True,
    "is_retryable": True,
    "retry_stopped_by": "deadline",
    "idempotency_key": "key",
    "elapsed": 1.5,
}


@pytest.mark.parametrize("kind", CLASSES)
def test_kind_has_its_class_and_all_fields(kind):
    error = error_from_record({"kind": kind, **FIELDS, "display": "not a field", "new_field": 1})
    error_class, bases = CLASSES[kind]
    assert type(error) is error_class
    assert error_class.__bases__ == bases
    assert error.kind == kind
    assert error_class.__module__ == "builderaikits"
    assert error_class.__doc__
    assert not hasattr(error, "new_field")
    for duplicate in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(duplicate) is error_class
        assert {name: getattr(duplicate, name) for name in FIELDS} == FIELDS
        assert (duplicate.kind, duplicate.args) == (kind, ("slow down",))
        assert str(duplicate) == "429: slow down (request req_1, 3 attempts)"
        assert "prompt" not in repr(duplicate)


def test_constructed_errors_have_the_kind_of_their_class():
    for kind, (error_class, _) in CLASSES.items():
        assert error_class("").kind == {"tls": "connection", "new-kind": "internal"}.get(kind, kind)
    assert sdk.APIError("").kind == "status"
    assert sdk.APIConnectionError("", kind="tls").kind == "tls"


def test_constructor_takes_the_declared_fields():
    assert {"message", *ErrorFields.__annotations__} == set(sdk.BuilderAIKitsError.__annotations__)


def test_docstring_has_the_tree_of_classes():
    def tree(error_class, indent=""):
        others = [base.__name__ for base in error_class.__bases__ if base in (ValueError, builtins.TimeoutError)]
        yield error_class.__name__ + "".join(f" (and {name})" for name in others)
        children = [child for child in error_class.__subclasses__() if child.__module__ == "builderaikits"]
        for child in children:
            first, *rest = tree(child)
            is_last = child is children[-1]
            yield ("└── " if is_last else "├── ") + first
            yield from (("    " if is_last else "│   ") + line for line in rest)

    assert "\n".join(tree(sdk.BuilderAIKitsError)) in _errors.__doc__


def test_errors_can_be_constructed():
    error = sdk.RateLimitError("slow down", status=429, retry_after=2.0)
    assert (str(error), error.kind, error.may_have_run, error.body) == ("429: slow down", "rate_limit", False, None)

    class UserError(sdk.APIError):
        """A subclass in a user's program."""

    assert pickle.loads(pickle.dumps(sdk.APIError())).message == ""
    assert str(copy.copy(UserError("x", attempts=1))) == "x (1 attempt)"
    with pytest.raises(TypeError, match="new"):
        sdk.APIError("x", new=1)


def test_response_error_has_status_body_and_headers(env):
    with pytest.raises(sdk.BadRequestError) as caught:
        sdk.BuilderAIKits().kits.run("no-such-kit", input="Hello")
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.status, error.code, error.attempts, error.may_have_run) == (400, "unknown_kit", 1, False)
    assert error.body.startswith(b"{")
    assert error.headers["x-request-id"] == error.request_id
    assert error.elapsed > 0


def test_rate_limit_error_without_a_response(env):
    message = "Not sent: the rate limit"
    record = {"kind": "rate_limit", "message": message, "retry_after": 59.5, "retry_stopped_by": "rate_limit"}
    error = error_from_record({**record, "is_retryable": True, "attempts": 0, "may_have_run": False})
    for duplicate in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(duplicate) is sdk.RateLimitError
        assert (duplicate.status, duplicate.attempts, duplicate.body, duplicate.headers) == (None, 0, None, None)
        assert (duplicate.retry_after, duplicate.retry_stopped_by) == (59.5, "rate_limit")
        assert (str(duplicate), repr(duplicate)) == (message, f"RateLimitError('{message}')")
    assert sdk.RateLimitError("slow down").status is None


def run_blocking(url):
    sdk.BuilderAIKits(base_url=url, api_key="bak_1", max_retries=0).kits.run("text-gen", input="Hello")


def run_async(url):
    async def call():
        async with sdk.AsyncBuilderAIKits(base_url=url, api_key="bak_1", max_retries=0) as client:
            await client.kits.run("text-gen", input="Hello")

    asyncio.run(call())


@pytest.mark.parametrize("run", [run_blocking, run_async])
def test_refused_connection_has_its_os_error_as_cause(run, closed_port):
    with pytest.raises(sdk.APIConnectionError) as caught:
        run(closed_port)
    cause = caught.value.__cause__
    assert type(cause) is ConnectionRefusedError
    if os.name == "posix":
        assert cause.errno == errno.ECONNREFUSED
    # As with every exception, pickles and copies have no cause.
    for duplicate in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert (type(duplicate), str(duplicate)) == (sdk.APIConnectionError, str(caught.value))


def test_cause_without_error_number_is_an_os_error():
    error = error_from_record({"kind": "connection", "message": "x", "cause": {"message": "name not found"}})
    assert type(error.__cause__) is OSError
    assert str(error.__cause__) == "name not found"


def test_windows_error_number_is_passed_as_winerror(monkeypatch):
    arguments = []
    monkeypatch.setattr(_errors.sys, "platform", "win32")
    monkeypatch.setattr(_errors, "OSError", lambda *args: arguments.append(args) or OSError(*args), raising=False)
    error_from_record({"kind": "connection", "message": "x", "cause": {"message": "refused", "errno": 10061}})
    assert arguments == [(0, "refused", None, 10061)]
