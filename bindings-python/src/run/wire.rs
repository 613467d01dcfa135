//! The API form of runs and their parts: dicts, JSON text, extra fields and hashes.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::json::{Path, object, to_python};

pub(super) fn extra_from(extra: Option<&Bound<'_, PyDict>>) -> PyResult<Map<String, Value>> {
    let Some(extra) = extra else { return Ok(Map::new()) };
    object(extra, Path::Field("extra")).map_err(|invalid| PyValueError::new_err(invalid.message()))
}

/// Sets a field unless it is absent.
pub(super) fn set_if_some<'py>(
    dict: &Bound<'py, PyDict>,
    name: &str,
    value: Option<impl IntoPyObject<'py>>,
) -> PyResult<()> {
    value.map_or(Ok(()), |value| dict.set_item(name, value))
}

/// Adds extra fields. A known field wins over a malformed one of the same name, as when the core serializes it.
pub(super) fn add_extra<'py>(dict: Bound<'py, PyDict>, extra: &Map<String, Value>) -> PyResult<Bound<'py, PyDict>> {
    for (name, value) in extra {
        if !dict.contains(name)? {
            dict.set_item(name, to_python(dict.py(), value)?)?;
        }
    }
    Ok(dict)
}

pub(super) fn json_text(value: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyValueError::new_err(error.to_string()))
}

pub(super) fn hash(value: impl Hash) -> PyResult<u64> {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    Ok(hasher.finish())
}
