"""What the Python drivers share: the wire of the conformance runner, and the SDK's names."""

from threading import Lock

SECONDS = {"timeout_ms": "timeout", "attempt_timeout_ms": "attempt_timeout", "connect_timeout_ms": "connect_timeout"}
shared, making = {}, Lock()


def client(case, kind):
    with making:
        name = case.get("client_id")
        made = shared.get(name) or kind(**seconds(case["client"]))
        if name is not None:
            shared[name] = made
        return made


def call(wire):
    """The arguments of `run`; other fields of the request go beside them."""
    options = seconds({k: v for k, v in wire.get("options", {}).items() if k != "cancel_after_ms"})
    if "headers" in options:
        options["extra_headers"] = options.pop("headers")
    config = wire.get("config")
    # JSON has no such numbers; the runner writes them as strings.
    if isinstance(config, dict) and config.get("temperature") in ("NaN", "Infinity", "-Infinity"):
        config = {**config, "temperature": float(config["temperature"])}
    return {"kit": wire.get("kit"), "input": wire.get("input"), "config": config, **options}


def seconds(options):
    def convert(value):
        return value / 1000 if isinstance(value, int | float) and not isinstance(value, bool) else value

    return {SECONDS.get(k, k): convert(v) if k in SECONDS else v for k, v in options.items()}


def run_reply(run):
    metadata = run.response_metadata.to_dict()
    metadata["elapsed_ms"] = int(metadata.pop("elapsed") * 1000)
    return {"ok": run.to_dict(), "response_metadata": metadata}


def error_reply(error):
    names = ["kind", "status", "code", "message", "headers", "request_id", "attempts", "may_have_run", "is_retryable"]
    fields = {name: getattr(error, name) for name in [*names, "idempotency_key"]}
    fields["class"] = type(error).__name__
    fields["body"] = None if error.body is None else error.body.decode(errors="replace")
    fields["retry_after_ms"] = None if error.retry_after is None else round(error.retry_after * 1000)
    return {"error": fields}
