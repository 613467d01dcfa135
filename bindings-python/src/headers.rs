//! Response headers as a dict.

use builderaikits::HeaderMap;
use builderaikits_bridge::header_pairs;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Converts headers to a dict. Values of a name that occurs twice are joined with a comma.
pub(crate) fn header_dict<'py>(py: Python<'py>, headers: &HeaderMap) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in header_pairs(headers) {
        match dict.get_item(&name)? {
            Some(previous) => dict.set_item(name, format!("{}, {value}", previous.extract::<&str>()?))?,
            None => dict.set_item(name, value)?,
        }
    }
    Ok(dict)
}
