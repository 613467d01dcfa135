//! How a call ended, as Python has it: a run, or the fields of an error.

use builderaikits::{Error, ErrorParts, HeaderMap};
use builderaikits_bridge::{Failure, Outcome, header_pairs};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::run::Run;

/// A `Run`, or a tuple: see [`failed`].
pub(crate) fn outcome(py: Python<'_>, end: Outcome) -> PyResult<Py<PyAny>> {
    match end {
        Ok(run) => Run::new(py, run)?.into_py_any(py),
        Err(error) => failed(py, error),
    }
}

/// The fields of an error, in the order that `_errors.py` has them.
pub(crate) fn failed(py: Python<'_>, error: Error) -> PyResult<Py<PyAny>> {
    let failure = Failure::from(error);
    let headers = failure.headers.map(|pairs| joined(py, pairs)).transpose()?;
    let fields = [
        failure.kind.into_bound_py_any(py)?,
        failure.message.into_bound_py_any(py)?,
        failure.status.into_bound_py_any(py)?,
        failure.code.into_bound_py_any(py)?,
        failure.body.map(|body| PyBytes::new(py, &body)).into_bound_py_any(py)?,
        headers.into_bound_py_any(py)?,
        failure.request_id.into_bound_py_any(py)?,
        failure.attempts.into_bound_py_any(py)?,
        failure.retry_after.into_bound_py_any(py)?,
        failure.may_have_run.into_bound_py_any(py)?,
        failure.is_retryable.into_bound_py_any(py)?,
        failure.idempotency_key.into_bound_py_any(py)?,
        failure.elapsed.into_bound_py_any(py)?,
    ];
    PyTuple::new(py, fields)?.into_py_any(py)
}

/// One line for a person, as every language has it.
#[pyfunction]
pub(crate) fn error_text(message: String, status: Option<u16>, request_id: Option<String>, attempts: u32) -> String {
    Error::from(ErrorParts { message, status, request_id, attempts, ..ErrorParts::default() }).to_string()
}

/// Headers as a dict; one that was sent twice is joined with a comma.
pub(crate) fn header_dict<'py>(py: Python<'py>, headers: &HeaderMap) -> PyResult<Bound<'py, PyDict>> {
    joined(py, header_pairs(headers))
}

fn joined(py: Python<'_>, pairs: Vec<(String, String)>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in pairs {
        match dict.get_item(&name)? {
            Some(before) => dict.set_item(name, format!("{}, {value}", before.extract::<&str>()?))?,
            None => dict.set_item(name, value)?,
        }
    }
    Ok(dict)
}
