//! The tokens that a run is billed by.

use builderaikits as core;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::fields::{Fields, extra_of, hash, set, set_extra, wire_text};
use crate::value::dict;

/// The tokens that a run is billed by; None where the service did not say.
#[pyclass(frozen, module = "builderaikits")]
pub(crate) struct Usage(pub(super) core::Usage);

#[pymethods]
impl Usage {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str, &'static str) = ("input_tokens", "output_tokens", "total_tokens");

    #[new]
    #[pyo3(signature = (input_tokens=None, output_tokens=None, total_tokens=None, *, extra=None))]
    fn made(
        input_tokens: Option<u64>,
        output_tokens: Option<u64>,
        total_tokens: Option<u64>,
        extra: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let mut usage = core::Usage::default();
        (usage.input_tokens, usage.output_tokens, usage.total_tokens) = (input_tokens, output_tokens, total_tokens);
        usage.extra = extra_of(extra)?;
        Ok(Self(usage))
    }

    /// Tokens of prompt and context.
    #[getter]
    fn input_tokens(&self) -> Option<u64> {
        self.0.input_tokens
    }

    /// Tokens of the answer.
    #[getter]
    fn output_tokens(&self) -> Option<u64> {
        self.0.output_tokens
    }

    /// Both together.
    #[getter]
    fn total_tokens(&self) -> Option<u64> {
        self.0.total_tokens
    }

    /// Fields that this version does not know. A fresh dict each time.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        dict(py, &self.0.extra)
    }

    /// The wire's form as a dict: fields that are absent are left out.
    pub(super) fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let wire = PyDict::new(py);
        set(&wire, "input_tokens", self.input_tokens())?;
        set(&wire, "output_tokens", self.output_tokens())?;
        set(&wire, "total_tokens", self.total_tokens())?;
        set_extra(wire, &self.0.extra)
    }

    /// The wire's form as JSON text.
    fn to_json(&self) -> PyResult<String> {
        wire_text(&self.0)
    }

    pub(super) fn __repr__(&self) -> String {
        let usage = &self.0;
        Fields::new("Usage")
            .value("input_tokens", usage.input_tokens)
            .value("output_tokens", usage.output_tokens)
            .value("total_tokens", usage.total_tokens)
            .extra(&usage.extra)
            .end()
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
