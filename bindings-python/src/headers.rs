//! Response headers as a dict.

use builderaikits::HeaderMap;
use builderaikits_bridge::header_pairs;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Converts headers to a dict. Values of a name that occurs twice are joined with a comma.
pub(crate) fn header_dict<'py>(py: Python<'py>, headers: &HeaderMap) -> PyResult<Bound<'py, PyDict>> {
    joined(py, header_pairs(headers))
}

/// Does the same as [`header_dict`] for pairs of name and value.
pub(crate) fn joined(py: Python<'_>, pairs: Vec<(String, String)>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in pairs {
        match dict.get_item(&name)? {
            Some(previous) => dict.set_item(name, format!("{}, {value}", previous.extract::<&str>()?))?,
            None => dict.set_item(name, value)?,
        }
    }
    Ok(dict)
}
