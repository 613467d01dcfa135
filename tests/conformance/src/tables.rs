//! The fixed tables: which class a kind has in each language, and what a driver's language cannot say.

use serde_json::Value;

/// Whether a driver caught the class or sentinel that its language has for a kind. `Err` says what it should be.
pub(crate) fn class_fits(driver: &str, kind: &str, class: &str) -> Result<(), String> {
    let Some(row) = KINDS.iter().find(|row| row.kind == kind) else {
        return Err(format!("no such kind: {kind}"));
    };
    let classes = match driver.split('_').next().unwrap_or_default() {
        "python" if kind == "cancelled" => &["CancelledError", "asyncio.CancelledError"],
        "python" | "node" => std::slice::from_ref(&row.class),
        "go" => row.go,
        "rust" => std::slice::from_ref(&row.rust),
        other => return Err(format!("no class table for driver {other}")),
    };
    if classes.contains(&class) {
        Ok(())
    } else {
        Err(format!("kind {kind} has class {}, got {class}", classes.join(" or ")))
    }
}

/// Whether the runner takes `unsupported: what` from this driver for this line: only where its language's types
/// cannot hold the value that stands there, or has no such act.
pub(crate) fn may_be_unsupported(driver: &str, what: &str, line: &Value) -> bool {
    let rule = UNSUPPORTED.iter().find(|rule| rule.0 == driver && rule.1 == what);
    rule.is_some_and(|(_, name, holds)| {
        // A prompt may be what is not there.
        let name = if *name == "prompt" { "input" } else { name };
        PLACES.iter().filter_map(|place| line.pointer(place)?.get(name)).any(|value| !holds.holds(value))
    })
}

/// Whether an error of this kind may carry this status; `None` where the kind says nothing of it.
pub(crate) fn status_fits(kind: &str, status: Option<u64>) -> Option<bool> {
    let exact = KINDS.iter().find(|row| row.kind == kind)?.status;
    match (kind, exact) {
        (_, Some(exact)) => Some(status == Some(exact)),
        ("server", _) => Some(status.is_some_and(|status| status >= 500)),
        ("status", _) => {
            Some(status.is_some_and(|status| {
                (400..500).contains(&status) && !KINDS.iter().any(|row| row.status == Some(status))
            }))
        }
        _ => None,
    }
}

struct Kind {
    kind: &'static str,
    status: Option<u64>,
    /// Python and Node.
    class: &'static str,
    go: &'static [&'static str],
    rust: &'static str,
}

const fn row(
    kind: &'static str,
    status: Option<u64>,
    class: &'static str,
    go: &'static [&'static str],
    rust: &'static str,
) -> Kind {
    Kind { kind, status, class, go, rust }
}

#[rustfmt::skip]
const KINDS: [Kind; 18] = [
    row("config", None, "ConfigurationError", &["ErrConfig"], "Config"),
    row("invalid_request", None, "InvalidRequestError", &["ErrInvalidRequest"], "InvalidRequest"),
    row("bad_request", Some(400), "BadRequestError", &["ErrBadRequest"], "BadRequest"),
    row("authentication", Some(401), "AuthenticationError", &["ErrAuthentication"], "Authentication"),
    row("permission_denied", Some(403), "PermissionDeniedError", &["ErrPermissionDenied"], "PermissionDenied"),
    row("not_found", Some(404), "NotFoundError", &["ErrNotFound"], "NotFound"),
    row("conflict", Some(409), "ConflictError", &["ErrConflict"], "Conflict"),
    row("unprocessable", Some(422), "UnprocessableEntityError", &["ErrUnprocessable"], "Unprocessable"),
    row("rate_limit", Some(429), "RateLimitError", &["ErrRateLimit"], "RateLimit"),
    row("server", None, "InternalServerError", &["ErrServer"], "Server"),
    row("status", None, "APIStatusError", &["ErrStatus"], "Status"),
    row("connection", None, "APIConnectionError", &["ErrConnection"], "Connection"),
    row("tls", None, "APIConnectionError", &["ErrTLS"], "Tls"),
    row("timeout", None, "APITimeoutError", &["ErrTimeout", "context.DeadlineExceeded"], "Timeout"),
    row("bad_response", None, "APIResponseValidationError", &["ErrBadResponse"], "BadResponse"),
    row("cancelled", None, "APIUserAbortError", &["context.Canceled"], "Cancelled"),
    row("closed", None, "ClientClosedError", &["ErrClosed"], "Closed"),
    row("internal", None, "InternalError", &["ErrInternal"], "Internal"),
];

/// Where a value may stand in a line to the driver.
const PLACES: [&str; 4] = ["/client", "/call", "/call/options", "/call/config"];

/// What the language's type for a value holds.
#[derive(Clone, Copy)]
enum Holds {
    Unsigned32,
    Unsigned64,
    /// Not negative, whole or not; null is none.
    Milliseconds,
    Text,
    /// Also the three texts that stand for numbers that are not finite.
    Number,
    Truth,
    /// A text, or an object whose prompt is one.
    Input,
    Nothing,
}

#[rustfmt::skip]
const UNSUPPORTED: [(&str, &str, Holds); 23] = [
    ("rust", "max_retries", Holds::Unsigned32),
    ("rust", "max_tokens", Holds::Unsigned32),
    ("rust", "max_concurrency", Holds::Unsigned64),
    ("rust", "max_response_bytes", Holds::Unsigned64),
    ("rust", "timeout_ms", Holds::Milliseconds),
    ("rust", "attempt_timeout_ms", Holds::Milliseconds),
    ("rust", "connect_timeout_ms", Holds::Milliseconds),
    ("rust", "temperature", Holds::Number),
    ("rust", "retry_ambiguous", Holds::Truth),
    ("rust", "allow_http", Holds::Truth),
    ("rust", "kit", Holds::Text),
    ("rust", "input", Holds::Input),
    ("rust", "prompt", Holds::Input),
    ("rust", "idempotency_key", Holds::Text),
    ("rust", "api_key", Holds::Text),
    ("rust", "base_url", Holds::Text),
    ("rust", "proxy", Holds::Text),
    ("rust", "ca_file", Holds::Text),
    ("rust", "app_name", Holds::Text),
    ("go", "kit", Holds::Text),
    ("go", "input", Holds::Input),
    ("go", "prompt", Holds::Input),
    ("python_sync", "cancel_after_ms", Holds::Nothing),
];

impl Holds {
    fn holds(self, value: &Value) -> bool {
        match self {
            Self::Unsigned32 => value.as_u64().is_some_and(|number| u32::try_from(number).is_ok()),
            Self::Unsigned64 => value.is_u64(),
            Self::Milliseconds => value.is_null() || value.as_f64().is_some_and(|number| (0.0..1e19).contains(&number)),
            Self::Text => value.is_string() || value.is_null(),
            Self::Number => value.is_number() || ["NaN", "Infinity", "-Infinity"].iter().any(|name| value == name),
            Self::Truth => value.is_boolean(),
            Self::Input => value.is_string() || value.get("prompt").is_some_and(Value::is_string),
            Self::Nothing => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_has_its_class_in_each_language() {
        for (driver, kind, class, fits) in [
            ("rust", "rate_limit", "RateLimit", true),
            ("rust", "rate_limit", "RateLimitError", false),
            ("python_sync", "rate_limit", "RateLimitError", true),
            ("python_async", "cancelled", "CancelledError", true),
            ("python_async", "cancelled", "APIUserAbortError", false),
            ("node", "cancelled", "APIUserAbortError", true),
            ("node", "tls", "APIConnectionError", true),
            ("node", "timeout", "APIConnectionError", false),
            ("go", "timeout", "ErrTimeout", true),
            ("go", "cancelled", "context.Canceled", true),
            ("go", "cancelled", "ErrCancelled", false),
            ("rust", "teapot", "Teapot", false),
            ("cobol", "server", "Server", false),
        ] {
            assert_eq!(class_fits(driver, kind, class).is_ok(), fits, "{driver} {kind} {class}");
        }
    }

    #[test]
    fn a_status_kind_has_its_status() {
        for (kind, status, fits) in [
            ("rate_limit", Some(429), Some(true)),
            ("rate_limit", Some(400), Some(false)),
            ("rate_limit", None, Some(false)),
            ("server", Some(500), Some(true)),
            ("server", Some(999), Some(true)),
            ("server", Some(499), Some(false)),
            ("status", Some(418), Some(true)),
            ("status", Some(404), Some(false)),
            ("status", Some(500), Some(false)),
            ("connection", None, None),
            ("config", None, None),
        ] {
            assert_eq!(status_fits(kind, status), fits, "{kind} {status:?}");
        }
    }

    #[test]
    fn only_what_a_language_cannot_say_is_unsupported() {
        for (driver, what, line, may) in [
            ("rust", "max_retries", json!({"client": {"max_retries": -1}}), true),
            ("rust", "max_retries", json!({"call": {"options": {"max_retries": 1.5}}}), true),
            ("rust", "max_retries", json!({"client": {"max_retries": 2}}), false),
            ("rust", "max_tokens", json!({"call": {"config": {"max_tokens": 4_294_967_296_u64}}}), true),
            ("rust", "timeout_ms", json!({"client": {"timeout_ms": -5}}), true),
            ("rust", "timeout_ms", json!({"client": {"timeout_ms": null}}), false),
            ("rust", "timeout_ms", json!({"client": {"timeout_ms": 0}}), false),
            ("rust", "kit", json!({"call": {"kit": 7}}), true),
            ("rust", "prompt", json!({"call": {"input": {"prompt": 7}}}), true),
            ("rust", "input", json!({"call": {"input": 7}}), true),
            ("rust", "prompt", json!({"call": {"input": {}}}), true),
            ("rust", "prompt", json!({"call": {"input": {"prompt": "a"}}}), false),
            ("rust", "input", json!({"call": {"input": "Hello"}}), false),
            ("rust", "temperature", json!({"call": {"config": {"temperature": "NaN"}}}), false),
            ("rust", "cancel", json!({"call": {"options": {"cancel_after_ms": 5}}}), false),
            ("node", "max_retries", json!({"client": {"max_retries": -1}}), false),
            ("python_sync", "cancel_after_ms", json!({"call": {"options": {"cancel_after_ms": 5}}}), true),
            ("python_async", "cancel_after_ms", json!({"call": {"options": {"cancel_after_ms": 5}}}), false),
        ] {
            assert_eq!(may_be_unsupported(driver, what, &line), may, "{driver} {what} {line}");
        }
    }
}
