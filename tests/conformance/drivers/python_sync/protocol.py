"""The conformance protocol in Python: cases to arguments, results to replies. Both Python drivers use it."""

from threading import Lock

TIMEOUTS = {"timeout_ms": "timeout", "attempt_timeout_ms": "attempt_timeout", "connect_timeout_ms": "connect_timeout"}
clients, clients_lock = {}, Lock()


def client_for(case, client_class):
    """Creates the client of a case. Cases with the same `client_id` use one client."""
    with clients_lock:
        name = case.get("client_id")
        client = clients.get(name) or client_class(**python_options(case["client"]))
        if name is not None:
            clients[name] = client
        return client


def run_arguments(call):
    """Converts the call of a case to the arguments of `run`."""
    options = python_options({k: v for k, v in call.get("options", {}).items() if k != "cancel_after_ms"})
    if "headers" in options:
        options["extra_headers"] = options.pop("headers")
    config = call.get("config")
    # JSON has no such numbers, so the vectors have them as strings.
    if isinstance(config, dict) and config.get("temperature") in ("NaN", "Infinity", "-Infinity"):
        config = {**config, "temperature": float(config["temperature"])}
    return {"kit": call.get("kit"), "input": call.get("input"), "config": config, **options}


def python_options(options):
    """Renames timeouts and converts them to seconds."""

    def seconds(value):
        return value / 1000 if isinstance(value, int | float) and not isinstance(value, bool) else value

    return {TIMEOUTS.get(k, k): seconds(v) if k in TIMEOUTS else v for k, v in options.items()}


def run_reply(run):
    metadata = run.response_metadata.to_dict()
    metadata["elapsed_ms"] = int(metadata.pop("elapsed") * 1000)
    metadata["cost_nano_usd"] = None if run.cost is None else run.cost.nano_usd
    return {"ok": run.to_dict(), "response_metadata": metadata}


def error_reply(error):
    names = ["kind", "status", "code", "message", "headers", "request_id", "attempts", "may_have_run", "is_retryable"]
    fields = {name: getattr(error, name) for name in [*names, "retry_stopped_by", "idempotency_key"]}
    fields["class"] = type(error).__name__
    fields["body"] = None if error.body is None else error.body.decode(errors="replace")
    fields["retry_after_ms"] = None if error.retry_after is None else round(error.retry_after * 1000)
    return {"error": fields}
