//! How an answer came to be.

use std::collections::HashMap;
use std::time::Duration;

use builderaikits::{self as core, HeaderMap};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use serde_json::json;

use super::fields::{Fields, hash, wire_text};
use crate::failure::header_dict;

/// How an answer came to be; not of the wire, and no part of a run's `==` and `to_dict()`.
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
    fn made(
        attempts: u32,
        request_id: Option<String>,
        idempotency_key: String,
        elapsed: f64,
        headers: Option<HashMap<String, String>>,
    ) -> PyResult<Self> {
        let mut metadata = core::ResponseMetadata::default();
        (metadata.attempts, metadata.request_id, metadata.idempotency_key) = (attempts, request_id, idempotency_key);
        metadata.elapsed = Duration::try_from_secs_f64(elapsed)
            .map_err(|_| PyValueError::new_err("elapsed: must be a number of seconds, 0 or more"))?;
        metadata.headers = HeaderMap::try_from(&headers.unwrap_or_default())
            .map_err(|_| PyValueError::new_err("headers: one cannot stand in an answer"))?;
        Ok(Self(metadata))
    }

    /// Attempts that it took, the one that gave the answer included.
    #[getter]
    fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The service's name for the request, to give to support.
    #[getter]
    fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The `Idempotency-Key` of all attempts.
    #[getter]
    fn idempotency_key(&self) -> &str {
        &self.0.idempotency_key
    }

    /// From the start of the call to its end, in seconds: queue, attempts and waits.
    #[getter]
    fn elapsed(&self) -> f64 {
        self.0.elapsed.as_secs_f64()
    }

    /// The answer's headers: names in lower case, those sent twice joined with a comma. A fresh dict each time.
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        header_dict(py, &self.0.headers)
    }

    /// All of it as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("attempts", self.attempts())?;
        dict.set_item("request_id", self.request_id())?;
        dict.set_item("idempotency_key", self.idempotency_key())?;
        dict.set_item("elapsed", self.elapsed())?;
        dict.set_item("headers", self.headers(py)?)?;
        Ok(dict)
    }

    /// All of it as JSON text.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        let headers: HashMap<String, String> = self.headers(py)?.extract()?;
        wire_text(&json!({
            "attempts": self.attempts(),
            "request_id": self.request_id(),
            "idempotency_key": self.idempotency_key(),
            "elapsed": self.elapsed(),
            "headers": headers,
        }))
    }

    fn __repr__(&self) -> String {
        Fields::new("ResponseMetadata")
            .value("attempts", Some(self.attempts()))
            .text("request_id", self.request_id())
            .text("idempotency_key", Some(self.idempotency_key()))
            .value("elapsed", Some(self.elapsed()))
            .value("headers", Some(format!("<{}>", self.0.headers.len())))
            .end()
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
