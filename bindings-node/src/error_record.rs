//! Errors as JavaScript receives them.

use builderaikits::{Error, ErrorKind, ErrorParts};
use builderaikits_bridge::{self as bridge, Response};
use napi::bindgen_prelude::{BufferSlice, Env};
use napi_derive::napi;

use crate::response::payload_bytes;

/// An error record: `failure.ts` copies the fields of its JSON by name.
#[napi(object, object_from_js = false)]
pub struct ErrorRecord<'env> {
    /// All fields except the body, as a JSON object.
    pub json: String,
    /// The response body, copied: not every host accepts memory that it does not own.
    pub body: Option<BufferSlice<'env>>,
}

impl<'env> ErrorRecord<'env> {
    pub(crate) fn new(env: &'env Env, error: Error) -> Self {
        match copy_body(env, &error) {
            Ok(body) => Self { json: bridge::error_record(&error).json, body },
            Err(reason) => {
                let mut parts = error.into_parts();
                parts.message = format!("{} (The response body cannot be copied: {}.)", parts.message, reason.reason);
                Self { json: bridge::error_record(&Error::from(parts)).json, body: None }
            }
        }
    }
}

/// The error of a call whose response cannot be handed to JavaScript.
pub(crate) fn conversion_error(reason: &napi::Error, response: Response) -> Error {
    let bytes = payload_bytes(&response.payload);
    let metadata = response.metadata;
    Error::from(ErrorParts {
        kind: ErrorKind::Internal,
        message: format!(
            "The response ({bytes} bytes) cannot be converted to a JavaScript string: {}. You may have been billed.",
            reason.reason
        ),
        headers: Some(metadata.headers),
        request_id: metadata.request_id,
        attempts: metadata.attempts,
        may_have_run: true,
        idempotency_key: Some(metadata.idempotency_key),
        elapsed: metadata.elapsed,
        ..ErrorParts::default()
    })
}

/// Formats an error in one line, as every language of the SDK does.
#[napi(catch_unwind)]
pub fn error_display(
    message: String,
    status: Option<u16>,
    request_id: Option<String>,
    attempts: Option<u32>,
) -> String {
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
