//! Arguments of C: strings in, values out, and where panics stop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use builderaikits::{Error, ErrorKind};
use serde_json::{Map, Value};

use crate::Code::{self, *};

/// Runs the body of a function, and catches its panics: C has no way to handle them.
pub(crate) fn catch_panics(body: impl FnOnce() -> Result<(), Code>) -> Code {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => BAIK_1_OK,
        Ok(Err(code)) => code,
        Err(_) => BAIK_1_INTERNAL,
    }
}

/// A string of the caller, for as long as the function runs.
///
/// # Safety
///
/// `data` is null, or points to `len` bytes that do not change meanwhile.
pub(crate) unsafe fn string<'a>(data: *const u8, len: usize) -> Result<&'a str, Code> {
    if len == 0 {
        return Ok("");
    }
    if data.is_null() {
        return Err(BAIK_1_NULL_POINTER);
    }
    if isize::try_from(len).is_err() {
        return Err(BAIK_1_INVALID_LENGTH);
    }
    // SAFETY: it is neither null nor too long; the caller guarantees the rest.
    str::from_utf8(unsafe { slice::from_raw_parts(data, len) }).map_err(|_| BAIK_1_INVALID_UTF8)
}

/// Reads a JSON object; an empty string is an empty object. `what` names the argument in the error.
pub(crate) fn object(json: &str, what: &str, kind: ErrorKind) -> builderaikits::Result<Map<String, Value>> {
    if json.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(json).map_err(|error| invalid_json(what, &error, kind))
}

/// The error for invalid JSON. It gives the position and never quotes the text.
fn invalid_json(what: &str, error: &serde_json::Error, kind: ErrorKind) -> Error {
    let problem = if error.is_data() { "must be a JSON object" } else { "is not valid JSON" };
    Error::new(kind, format!("The {what} {problem} (line {}, column {}).", error.line(), error.column()))
}

/// A place where the caller wants a value written.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    ///
    /// `place` is null, or can be written until this is dropped.
    pub(crate) unsafe fn required(place: *mut T) -> Result<Self, Code> {
        if place.is_null() { Err(BAIK_1_NULL_POINTER) } else { Ok(Self(place)) }
    }

    /// A place that may be null; then nothing is written.
    ///
    /// # Safety
    ///
    /// As [`required`](Self::required).
    pub(crate) unsafe fn optional(place: *mut T) -> Self {
        Self(place)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    pub(crate) fn set(&mut self, value: T) {
        if !self.0.is_null() {
            // SAFETY: it is not null, and the creator guarantees that it can be written. The old value is plain data or
            // uninitialized, so it is not dropped.
            unsafe { self.0.write(value) };
        }
    }
}
