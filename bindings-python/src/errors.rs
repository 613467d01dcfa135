//! Results and errors as Python values.

use builderaikits::{Error, ErrorKind, ErrorParts};
use builderaikits_bridge as bridge;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::headers::joined;
use crate::options;
use crate::run::Run;

/// Converts the result of a call to a `Run`, or to the record of an error.
pub(crate) fn call_result(py: Python<'_>, result: bridge::Outcome) -> PyResult<Py<PyAny>> {
    match result {
        Ok(run) => Run::from_core(py, run)?.into_py_any(py),
        Err(error) => error_record(py, error),
    }
}

/// Converts an error to its record: a dict of the fields that are known. `_errors.py` creates the exception from it.
pub(crate) fn error_record(py: Python<'_>, error: Error) -> PyResult<Py<PyAny>> {
    let failure = bridge::Failure::from(error);
    let message = failure.message;
    let message = if failure.kind == "invalid_request" { options::with_python_names(message) } else { message };
    let record = PyDict::new(py);
    record.set_item("kind", failure.kind)?;
    record.set_item("message", message)?;
    record.set_item("status", failure.status)?;
    record.set_item("code", failure.code)?;
    record.set_item("body", failure.body.map(|body| PyBytes::new(py, &body)))?;
    record.set_item("headers", failure.headers.map(|pairs| joined(py, pairs)).transpose()?)?;
    record.set_item("request_id", failure.request_id)?;
    record.set_item("attempts", failure.attempts)?;
    record.set_item("retry_after", failure.retry_after)?;
    record.set_item("may_have_run", failure.may_have_run)?;
    record.set_item("is_retryable", failure.is_retryable)?;
    record.set_item("idempotency_key", failure.idempotency_key)?;
    record.set_item("elapsed", failure.elapsed)?;
    record.into_py_any(py)
}

/// Formats an error as one line, as every language does.
#[pyfunction]
pub(crate) fn format_error(message: String, status: Option<u16>, request_id: Option<String>, attempts: u32) -> String {
    Error::from(ErrorParts { message, status, request_id, attempts, ..ErrorParts::default() }).to_string()
}

/// Why a client or a call was rejected before it began.
pub(crate) enum Rejection {
    /// Returned to Python as a record.
    Error(Error),
    /// Raised, such as the `TypeError` of an unknown keyword argument.
    Exception(PyErr),
}

impl Rejection {
    pub(crate) fn new(kind: ErrorKind, message: String) -> Self {
        Self::Error(Error::from(ErrorParts { kind, message, ..ErrorParts::default() }))
    }

    pub(crate) fn into_py(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::Error(error) => error_record(py, error),
            Self::Exception(exception) => Err(exception),
        }
    }
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<PyErr> for Rejection {
    fn from(exception: PyErr) -> Self {
        Self::Exception(exception)
    }
}
