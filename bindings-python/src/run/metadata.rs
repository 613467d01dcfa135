//! Response metadata.

use std::collections::HashMap;
use std::time::Duration;

use builderaikits::{self as core, HeaderMap};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use serde_json::json;

use super::repr::Repr;
use super::wire::{hash, json_text};
use crate::headers::header_dict;

/// Response metadata. Not part of the API response, and ignored by the `==` and `to_dict()` of runs.
#[pyclass(frozen, module = "builderaikits")]
pub(crate) struct ResponseMetadata(pub(super) core::ResponseMetadata);

#[pymethods]
impl ResponseMetadata {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str, &'static str, &'static str, &'static str) =
        ("attempts", "request_id", "idempotency_key", "elapsed", "headers");

    #[new]
    #[pyo3(signature = (attempts=0, request_id=None, idempotency_key=String::new(), elapsed=0.0, headers=None))]
    fn new(
        attempts: u32,
        request_id: Option<String>,
        idempotency_key: String,
        elapsed: f64,
        headers: Option<HashMap<String, String>>,
    ) -> PyResult<Self> {
        let mut metadata = core::ResponseMetadata::default();
        (metadata.attempts, metadata.request_id, metadata.idempotency_key) = (attempts, request_id, idempotency_key);
        metadata.elapsed = Duration::try_from_secs_f64(elapsed)
            .map_err(|_| PyValueError::new_err("elapsed must be a number of seconds, 0 or more."))?;
        metadata.headers = HeaderMap::try_from(&headers.unwrap_or_default())
            .map_err(|_| PyValueError::new_err("headers contains an invalid header name or value."))?
            .into();
        Ok(Self(metadata))
    }

    /// Number of attempts, including the successful one.
    #[getter]
    fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The request id of the response. Include it in support requests.
    #[getter]
    fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The `Idempotency-Key` of all attempts.
    #[getter]
    fn idempotency_key(&self) -> &str {
        &self.0.idempotency_key
    }

    /// Duration of the call in seconds, including queueing, all attempts and the waits between them.
    #[getter]
    fn elapsed(&self) -> f64 {
        self.0.elapsed.as_secs_f64()
    }

    /// The response headers: names in lower case, values of repeated headers joined. A new dict on each access.
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        header_dict(py, &self.0.headers)
    }

    /// Returns all fields as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("attempts", self.attempts())?;
        dict.set_item("request_id", self.request_id())?;
        dict.set_item("idempotency_key", self.idempotency_key())?;
        dict.set_item("elapsed", self.elapsed())?;
        dict.set_item("headers", self.headers(py)?)?;
        Ok(dict)
    }

    /// Returns all fields as JSON text.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        let headers: HashMap<String, String> = self.headers(py)?.extract()?;
        json_text(&json!({
            "attempts": self.attempts(),
            "request_id": self.request_id(),
            "idempotency_key": self.idempotency_key(),
            "elapsed": self.elapsed(),
            "headers": headers,
        }))
    }

    fn __repr__(&self) -> String {
        Repr::new("ResponseMetadata")
            .value("attempts", Some(self.attempts()))
            .text("request_id", self.request_id())
            .text("idempotency_key", Some(self.idempotency_key()))
            .value("elapsed", Some(self.elapsed()))
            .value("headers", Some(format!("<{}>", self.0.headers.len())))
            .finish()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> Option<bool> {
        let other = &other.cast::<Self>().ok()?.get().0;
        Some(
            (self.0.attempts, self.0.elapsed) == (other.attempts, other.elapsed)
                && (&self.0.request_id, &self.0.idempotency_key) == (&other.request_id, &other.idempotency_key)
                && self.0.headers == other.headers,
        )
    }

    fn __hash__(&self) -> PyResult<u64> {
        hash((&self.0.idempotency_key, self.0.elapsed))
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let fields = (self.attempts(), self.request_id(), self.idempotency_key(), self.elapsed(), self.headers(py)?);
        fields.into_pyobject(py)
    }
}
