//! Results and errors as Python values.

use builderaikits::{Error, ErrorKind, ErrorParts};
use builderaikits_bridge::{self as bridge, CallResult, Payload};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::headers::header_dict;
use crate::json::dict_from_json;
use crate::options::{python_name, with_python_names};
use crate::run::Run;

/// Converts the result of a call to a `Run`, or to the record of an error.
pub(crate) fn call_result(py: Python<'_>, result: CallResult) -> PyResult<Py<PyAny>> {
    match result.map(|response| (response.payload, response.metadata)) {
        Ok((Payload::Run(run), metadata)) => Run::from_core(py, *run, metadata)?.into_py_any(py),
        Ok((Payload::Json(json), _)) => json.into_py_any(py),
        Err(error) => error_record(py, &error),
    }
}

/// Converts an error to its record: a dict of the fields that are known. `_errors.py` creates the exception from it.
pub(crate) fn error_record(py: Python<'_>, error: &Error) -> PyResult<Py<PyAny>> {
    let record = bridge::error_record(error);
    let dict = dict_from_json(py, &record.json)?;
    if error.kind() == ErrorKind::InvalidRequest {
        dict.set_item("message", with_python_names(error.message()))?;
        if let Some(option) = error.option() {
            dict.set_item("option", python_name(option))?;
        }
    }
    if let Some(headers) = error.headers() {
        dict.set_item("headers", header_dict(py, headers)?)?;
    }
    if let Some(body) = record.body {
        dict.set_item("body", PyBytes::new(py, &body))?;
    }
    dict.into_py_any(py)
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
    pub(crate) fn into_py(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::Error(error) => error_record(py, &error),
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
