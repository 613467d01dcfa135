//! The error kinds: the class of each kind in every language, and the status that belongs to it.

/// The name of every error kind.
pub fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|row| row.kind)
}

/// Checks that a driver caught the class or sentinel that its language has for a kind. `Err` names the right one.
pub(crate) fn check_class(driver: &str, kind: &str, class: &str) -> Result<(), String> {
    let Some(row) = KINDS.iter().find(|row| row.kind == kind) else {
        return Err(format!("unknown kind {kind}"));
    };
    let classes = match driver.split('_').next().unwrap_or_default() {
        "python" if kind == "cancelled" => &["CancelledError", "asyncio.CancelledError"],
        "python" | "node" => std::slice::from_ref(&row.class),
        "go" => row.go,
        "rust" => std::slice::from_ref(&row.rust),
        other => return Err(format!("no error classes for driver {other}")),
    };
    if classes.contains(&class) {
        Ok(())
    } else {
        Err(format!("kind {kind} has class {}, got {class}", classes.join(" or ")))
    }
}

/// Whether an error of this kind can have this status. `None` if the kind does not determine it.
pub(crate) fn status_matches(kind: &str, status: Option<u64>) -> Option<bool> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_has_one_class_per_language() {
        for (driver, kind, class, expected) in [
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
            assert_eq!(check_class(driver, kind, class).is_ok(), expected, "{driver} {kind} {class}");
        }
    }

    #[test]
    fn status_kind_has_its_status() {
        for (kind, status, expected) in [
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
            assert_eq!(status_matches(kind, status), expected, "{kind} {status:?}");
        }
    }
}
