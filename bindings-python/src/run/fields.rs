//! What the classes of a run have in common: the wire's form, hashes, and reprs.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::value::{Path, object, to_python};

pub(super) fn extra_of(extra: Option<&Bound<'_, PyDict>>) -> PyResult<Map<String, Value>> {
    extra.map_or_else(|| Ok(Map::new()), |extra| object(extra, Path::Root("extra")).map_err(PyValueError::new_err))
}

/// Sets what is there; what is absent is left out.
pub(super) fn set<'py>(wire: &Bound<'py, PyDict>, name: &str, value: Option<impl IntoPyObject<'py>>) -> PyResult<()> {
    value.map_or(Ok(()), |value| wire.set_item(name, value))
}

/// Beside the fields that are known, as the core writes them: a field of theirs that was odd is not there.
pub(super) fn set_extra<'py>(wire: Bound<'py, PyDict>, extra: &Map<String, Value>) -> PyResult<Bound<'py, PyDict>> {
    for (name, value) in extra {
        if !wire.contains(name)? {
            wire.set_item(name, to_python(wire.py(), value)?)?;
        }
    }
    Ok(wire)
}

pub(super) fn wire_text(wire: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(wire).map_err(|error| PyValueError::new_err(error.to_string()))
}

pub(super) fn hash(of: impl Hash) -> PyResult<u64> {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    Ok(hasher.finish())
}

/// Builds a repr: what is absent is left out, and a long text is cut.
pub(super) struct Fields(String);

impl Fields {
    const LONGEST: usize = 200;

    pub(super) fn new(class: &str) -> Self {
        Self(format!("{class}("))
    }

    pub(super) fn value(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            let comma = if self.0.ends_with('(') { "" } else { ", " };
            self.0 += &format!("{comma}{name}={}", value.to_string());
        }
        self
    }

    pub(super) fn text(self, name: &str, text: Option<&str>) -> Self {
        let Some(text) = text else { return self };
        let short: String = text.chars().take(Self::LONGEST).collect();
        let more = if short.len() < text.len() { "…" } else { "" };
        // As Python quotes, mostly: it leaves one of the two quotes alone.
        let quoted = short.escape_debug().to_string().replace("\\\"", "\"");
        self.value(name, Some(format!("'{quoted}{more}'")))
    }

    pub(super) fn extra(self, extra: &Map<String, Value>) -> Self {
        let names: Vec<_> = extra.keys().map(String::as_str).collect();
        let shown = (!names.is_empty()).then(|| format!("<{}>", names.join(", ").escape_debug()));
        self.value("extra", shown)
    }

    pub(super) fn end(self) -> String {
        self.0 + ")"
    }
}
