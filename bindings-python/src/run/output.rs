//! The output of a run.

use builderaikits as core;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use serde_json::{Map, Value};

use super::repr::Repr;
use super::wire::{add_extra, extra_from, json_text};
use crate::json;

/// The output of a kit.
#[pyclass(frozen, module = "builderaikits")]
pub(crate) struct Output {
    /// The text that the kit produced.
    #[pyo3(get)]
    pub(super) text: Py<PyString>,
    pub(super) extra: Map<String, Value>,
}

#[pymethods]
impl Output {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str,) = ("text",);

    #[new]
    #[pyo3(signature = (text, *, extra=None))]
    fn new(text: Bound<'_, PyString>, extra: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        text.to_str()?;
        Ok(Self { text: text.unbind(), extra: extra_from(extra)? })
    }

    /// Fields that this version does not know. A new dict on each access.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        json::to_dict(py, &self.extra)
    }

    /// Returns the API fields as a dict.
    pub(super) fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("text", &self.text)?;
        add_extra(dict, &self.extra)
    }

    /// Returns the API fields as JSON text.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        json_text(&self.to_core(py)?)
    }

    pub(super) fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(Repr::new("Output").text("text", Some(self.text.bind(py).to_str()?)).extra(&self.extra).finish())
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
        other.cast::<Self>().ok().map(|other| self.equals(py, other.get())).transpose()
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.text.bind(py).hash()
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let keywords = PyDict::new(py);
        keywords.set_item("extra", self.extra(py)?)?;
        Ok(((&self.text,).into_pyobject(py)?, keywords))
    }
}

impl Output {
    pub(super) fn to_core(&self, py: Python<'_>) -> PyResult<core::Output> {
        let mut output = core::Output::default();
        output.text = self.text.bind(py).to_str()?.to_owned();
        output.extra = self.extra.clone();
        Ok(output)
    }

    pub(super) fn equals(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        Ok(self.extra == other.extra && self.text.bind(py).as_any().eq(other.text.bind(py))?)
    }
}
