//! What a kit answered.

use builderaikits as core;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use serde_json::{Map, Value};

use super::fields::{Fields, extra_of, set_extra, wire_text};
use crate::value::dict;

/// What a kit answered.
#[pyclass(frozen, module = "builderaikits")]
pub(crate) struct Output {
    /// The answer's text.
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
    fn made(text: Bound<'_, PyString>, extra: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        text.to_str()?;
        Ok(Self { text: text.unbind(), extra: extra_of(extra)? })
    }

    /// Fields that this version does not know. A fresh dict each time.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        dict(py, &self.extra)
    }

    /// The wire's form as a dict.
    pub(super) fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let wire = PyDict::new(py);
        wire.set_item("text", &self.text)?;
        set_extra(wire, &self.extra)
    }

    /// The wire's form as JSON text.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        wire_text(&self.whole(py)?)
    }

    pub(super) fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(Fields::new("Output").text("text", Some(self.text.bind(py).to_str()?)).extra(&self.extra).end())
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
        other.cast::<Self>().ok().map(|other| self.is_as(py, other.get())).transpose()
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
    pub(super) fn whole(&self, py: Python<'_>) -> PyResult<core::Output> {
        let mut output = core::Output::default();
        output.text = self.text.bind(py).to_str()?.to_owned();
        output.extra = self.extra.clone();
        Ok(output)
    }

    pub(super) fn is_as(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        Ok(self.extra == other.extra && self.text.bind(py).as_any().eq(other.text.bind(py))?)
    }
}
