//! The token usage of a run.

use builderaikits as core;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::repr::Repr;
use super::wire::{add_extra, extra_from, hash, json_text, set_if_some};
use crate::json;

/// Token usage, which determines the price. None: the service did not say.
#[pyclass(frozen, module = "builderaikits")]
pub(crate) struct Usage(pub(super) core::Usage);

#[pymethods]
impl Usage {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str, &'static str) = ("input_tokens", "output_tokens", "total_tokens");

    #[new]
    #[pyo3(signature = (input_tokens=None, output_tokens=None, total_tokens=None, *, extra=None))]
    fn new(
        input_tokens: Option<u64>,
        output_tokens: Option<u64>,
        total_tokens: Option<u64>,
        extra: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let mut usage = core::Usage::default();
        (usage.input_tokens, usage.output_tokens, usage.total_tokens) = (input_tokens, output_tokens, total_tokens);
        usage.extra = extra_from(extra)?;
        Ok(Self(usage))
    }

    /// Number of tokens of prompt and context.
    #[getter]
    fn input_tokens(&self) -> Option<u64> {
        self.0.input_tokens
    }

    /// Number of tokens of the output.
    #[getter]
    fn output_tokens(&self) -> Option<u64> {
        self.0.output_tokens
    }

    /// Number of input and output tokens together.
    #[getter]
    fn total_tokens(&self) -> Option<u64> {
        self.0.total_tokens
    }

    /// Fields that this version does not know. A new dict on each access.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        json::to_dict(py, &self.0.extra)
    }

    /// Returns the API fields as a dict. Absent fields are left out.
    pub(super) fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        set_if_some(&dict, "input_tokens", self.input_tokens())?;
        set_if_some(&dict, "output_tokens", self.output_tokens())?;
        set_if_some(&dict, "total_tokens", self.total_tokens())?;
        add_extra(dict, &self.0.extra)
    }

    /// Returns the API fields as JSON text.
    fn to_json(&self) -> PyResult<String> {
        json_text(&self.0)
    }

    pub(super) fn __repr__(&self) -> String {
        let usage = &self.0;
        Repr::new("Usage")
            .value("input_tokens", usage.input_tokens)
            .value("output_tokens", usage.output_tokens)
            .value("total_tokens", usage.total_tokens)
            .extra(&usage.extra)
            .finish()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> Option<bool> {
        other.cast::<Self>().ok().map(|other| self.0 == other.get().0)
    }

    fn __hash__(&self) -> PyResult<u64> {
        hash((self.0.input_tokens, self.0.output_tokens, self.0.total_tokens))
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let keywords = PyDict::new(py);
        keywords.set_item("extra", self.extra(py)?)?;
        Ok(((self.0.input_tokens, self.0.output_tokens, self.0.total_tokens).into_pyobject(py)?, keywords))
    }
}
