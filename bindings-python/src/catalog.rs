//! The kits and plans that the core knows.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::json::dict_from_json;

/// Returns `kits` and `plans` as lists of dicts.
#[pyfunction]
pub(crate) fn catalog(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    dict_from_json(py, &builderaikits_bridge::catalog_json())
}
