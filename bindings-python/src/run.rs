//! What a kit answered, as Python has it: immutable, made here or by users for their tests.

mod fields;
mod metadata;
mod output;
mod usage;

use builderaikits::{self as core, Kit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use self::fields::{Fields, extra_of, hash, set, set_extra, wire_text};
pub(crate) use self::metadata::ResponseMetadata;
pub(crate) use self::output::Output;
pub(crate) use self::usage::Usage;
use crate::value::dict;

/// A finished run, in the wire's names.
///
/// Only `output.text` is certain: what the service left out is None. `==`, `to_dict()` and `to_json()` are of the
/// wire's fields, not of `response_metadata`. Immutable; `Run(output=Output(text="hi"))` makes one for a test.
#[pyclass(frozen, module = "builderaikits")]
pub(crate) struct Run {
    /// All but output and usage, which are objects of their own.
    rest: core::Run,
    /// What the kit answered.
    #[pyo3(get)]
    output: Py<Output>,
    /// The tokens that the run is billed by.
    #[pyo3(get)]
    usage: Py<Usage>,
    /// How the answer came to be: attempts, request id, headers. Not of the wire.
    #[pyo3(get)]
    response_metadata: Py<ResponseMetadata>,
}

impl Run {
    pub(crate) fn new(py: Python<'_>, mut run: core::Run) -> PyResult<Self> {
        let output = Output { text: PyString::new(py, &run.output.text).unbind(), extra: run.output.extra };
        run.output = core::Output::default();
        Ok(Self {
            output: Py::new(py, output)?,
            usage: Py::new(py, Usage(std::mem::take(&mut run.usage)))?,
            response_metadata: Py::new(py, ResponseMetadata(std::mem::take(&mut run.response_metadata)))?,
            rest: run,
        })
    }

    /// As the core has it, to be written.
    fn whole(&self, py: Python<'_>) -> PyResult<core::Run> {
        let mut run = self.rest.clone();
        run.output = self.output.get().whole(py)?;
        run.usage = self.usage.get().0.clone();
        Ok(run)
    }
}

#[pymethods]
impl Run {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str) =
        ("output", "usage", "id", "kit", "status", "latency_ms");

    #[new]
    #[pyo3(signature = (output, usage=None, *, id=None, kit=None, status=None, latency_ms=None, extra=None, response_metadata=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of Python")]
    fn made(
        py: Python<'_>,
        output: Py<Output>,
        usage: Option<Py<Usage>>,
        id: Option<String>,
        kit: Option<String>,
        status: Option<String>,
        latency_ms: Option<u64>,
        extra: Option<&Bound<'_, PyDict>>,
        response_metadata: Option<Py<ResponseMetadata>>,
    ) -> PyResult<Self> {
        let mut rest = core::Run::default();
        (rest.id, rest.kit, rest.status, rest.latency_ms) = (id, kit.map(Kit::from), status, latency_ms);
        rest.extra = extra_of(extra)?;
        let usage = usage.map_or_else(|| Py::new(py, Usage(core::Usage::default())), Ok)?;
        let response_metadata =
            response_metadata.map_or_else(|| Py::new(py, ResponseMetadata(core::ResponseMetadata::default())), Ok)?;
        Ok(Self { rest, output, usage, response_metadata })
    }

    /// The run's own name, such as `run_8f3k2m`.
    #[getter]
    fn id(&self) -> Option<&str> {
        self.rest.id.as_deref()
    }

    /// The kit that ran.
    #[getter]
    fn kit(&self) -> Option<&str> {
        self.rest.kit.as_ref().map(Kit::as_str)
    }

    /// How it ended, such as `completed`. An open set.
    #[getter]
    fn status(&self) -> Option<&str> {
        self.rest.status.as_deref()
    }

    /// How long the service worked on it, in milliseconds.
    #[getter]
    fn latency_ms(&self) -> Option<u64> {
        self.rest.latency_ms
    }

    /// Fields that this version does not know, as the service sent them. A fresh dict each time.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        dict(py, &self.rest.extra)
    }

    /// The wire's form as a dict: fields that are absent are left out.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let wire = PyDict::new(py);
        set(&wire, "id", self.id())?;
        set(&wire, "kit", self.kit())?;
        set(&wire, "status", self.status())?;
        wire.set_item("output", self.output.get().to_dict(py)?)?;
        wire.set_item("usage", self.usage.get().to_dict(py)?)?;
        set(&wire, "latency_ms", self.latency_ms())?;
        set_extra(wire, &self.rest.extra)
    }

    /// The wire's form as JSON text.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        wire_text(&self.whole(py)?)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let run = &self.rest;
        let text = Fields::new("Run")
            .text("id", run.id.as_deref())
            .text("kit", run.kit.as_ref().map(Kit::as_str))
            .text("status", run.status.as_deref())
            .value("output", Some(self.output.get().__repr__(py)?))
            .value("usage", Some(self.usage.get().__repr__()))
            .value("latency_ms", run.latency_ms)
            .extra(&run.extra);
        Ok(text.end())
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
        let Ok(other) = other.cast::<Self>() else { return Ok(None) };
        let other = other.get();
        Ok(Some(
            self.rest == other.rest
                && self.usage.get().0 == other.usage.get().0
                && self.output.get().is_as(py, other.output.get())?,
        ))
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<u64> {
        hash((&self.rest.id, self.output.bind(py).hash()?))
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let keywords = PyDict::new(py);
        keywords.set_item("id", self.id())?;
        keywords.set_item("kit", self.kit())?;
        keywords.set_item("status", self.status())?;
        keywords.set_item("latency_ms", self.latency_ms())?;
        keywords.set_item("extra", self.extra(py)?)?;
        keywords.set_item("response_metadata", &self.response_metadata)?;
        Ok(((&self.output, &self.usage).into_pyobject(py)?, keywords))
    }
}
