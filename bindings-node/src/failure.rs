//! A failed call as JavaScript has it.

use builderaikits::{Error, ErrorParts};
use napi::bindgen_prelude::{BufferSlice, Env};
use napi_derive::napi;

use crate::run::headers_text;

/// The fields of an error, under the names that `errors.ts` has them by. What is not there is left out.
#[napi(object, object_from_js = false)]
pub struct Failed<'env> {
    /// The call's number; none where it did not begin.
    pub call: Option<i64>,
    pub kind: &'static str,
    pub message: String,
    pub status: Option<u32>,
    pub code: Option<String>,
    /// A copy that belongs to JavaScript: not every host takes memory of ours.
    pub body: Option<BufferSlice<'env>>,
    /// A JSON object.
    pub headers: Option<String>,
    #[napi(js_name = "requestID")]
    pub request_id: Option<String>,
    pub attempts: u32,
    /// In milliseconds.
    pub retry_after: Option<f64>,
    pub may_have_run: bool,
    pub is_retryable: bool,
    pub idempotency_key: Option<String>,
    /// In milliseconds.
    pub elapsed: f64,
}

impl<'env> Failed<'env> {
    pub(crate) fn of(env: &'env Env, error: Error, call: Option<i64>) -> Self {
        let mut error = error.into_parts();
        let (body, headers) = what_came(env, &error).unwrap_or_else(|why| {
            error.message = format!("{} (its body cannot be handed to JavaScript: {})", error.message, why.reason);
            (None, None)
        });
        Self {
            call,
            kind: error.kind.as_str(),
            message: error.message,
            status: error.status.map(u32::from),
            code: error.code,
            body,
            headers,
            request_id: error.request_id,
            attempts: error.attempts,
            retry_after: error.retry_after.map(|wait| wait.as_secs_f64() * 1000.0),
            may_have_run: error.may_have_run,
            is_retryable: error.is_retryable,
            idempotency_key: error.idempotency_key,
            elapsed: error.elapsed.as_secs_f64() * 1000.0,
        }
    }
}

fn what_came<'env>(env: &'env Env, error: &ErrorParts) -> napi::Result<(Option<BufferSlice<'env>>, Option<String>)> {
    #[cfg(feature = "inject-panic")]
    if error.code.as_deref() == Some("unconvertible-please") {
        return Err(napi::Error::from_reason("injected"));
    }
    let body = error.body.as_ref().map(|body| BufferSlice::copy_from(env, body)).transpose()?;
    Ok((body, error.headers.as_ref().map(headers_text).transpose()?))
}

/// One line for a person, as every language has it.
#[napi(catch_unwind)]
pub fn error_text(message: String, status: Option<u16>, request_id: Option<String>, attempts: Option<u32>) -> String {
    let attempts = attempts.unwrap_or_default();
    Error::from(ErrorParts { message, status, request_id, attempts, ..ErrorParts::default() }).to_string()
}
