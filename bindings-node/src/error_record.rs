//! Errors as JavaScript receives them.

use builderaikits::{Error, ErrorKind, ErrorParts, Run};
use builderaikits_bridge::header_pairs;
use napi::bindgen_prelude::{BufferSlice, Env};
use napi_derive::napi;
use serde_json::json;

/// An error record: `failure.ts` copies the fields of its JSON by name.
#[napi(object, object_from_js = false)]
pub struct ErrorRecord<'env> {
    /// The call that failed; None if it was not started.
    pub call: Option<i64>,
    pub json: String,
    /// The response body, copied: not every host accepts memory that it does not own.
    pub body: Option<BufferSlice<'env>>,
}

impl<'env> ErrorRecord<'env> {
    pub(crate) fn new(env: &'env Env, error: Error, call: Option<i64>) -> Self {
        match copy_body(env, &error) {
            Ok(body) => Self { call, json: record_json(error), body },
            Err(reason) => {
                let mut parts = error.into_parts();
                parts.message = format!("{} (The response body cannot be copied: {}.)", parts.message, reason.reason);
                Self { call, json: record_json(Error::from(parts)), body: None }
            }
        }
    }
}

/// The error of a call whose response cannot be handed to JavaScript.
pub(crate) fn conversion_error(reason: &napi::Error, response: &Run) -> Error {
    let metadata = &response.response_metadata;
    Error::from(ErrorParts {
        kind: ErrorKind::Internal,
        message: format!(
            "The response cannot be converted to a JavaScript string: {}. You may have been billed.",
            reason.reason
        ),
        headers: Some(metadata.headers.clone()),
        request_id: metadata.request_id.clone(),
        attempts: metadata.attempts,
        may_have_run: true,
        idempotency_key: Some(metadata.idempotency_key.clone()),
        elapsed: metadata.elapsed,
        ..ErrorParts::default()
    })
}

/// Formats an error in one line, as every language of the SDK does.
#[napi(catch_unwind)]
pub fn error_display(message: String, status: Option<u16>, request_id: Option<String>, attempts: Option<u32>) -> String {
    let attempts = attempts.unwrap_or_default();
    Error::from(ErrorParts { message, status, request_id, attempts, ..ErrorParts::default() }).to_string()
}

fn copy_body<'env>(env: &'env Env, error: &Error) -> napi::Result<Option<BufferSlice<'env>>> {
    #[cfg(feature = "inject-panic")]
    if error.code() == Some("unconvertible-please") {
        return Err(napi::Error::from_reason("injected"));
    }
    error.body().map(|body| BufferSlice::copy_from(env, body)).transpose()
}

fn record_json(error: Error) -> String {
    let display = error.to_string();
    let parts = error.into_parts();
    let mut record = json!({
        "kind": parts.kind.as_str(), "message": parts.message, "display": display, "status": parts.status, "code": parts.code,
        "headers": parts.headers.as_ref().map(header_pairs), "request_id": parts.request_id, "attempts": parts.attempts,
        "retry_after": parts.retry_after.map(|wait| wait.as_secs_f64()), "may_have_run": parts.may_have_run,
        "is_retryable": parts.is_retryable, "idempotency_key": parts.idempotency_key, "elapsed": parts.elapsed.as_secs_f64(),
    });
    if let Some(fields) = record.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    record.to_string()
}
