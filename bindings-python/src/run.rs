//! Runs: immutable, created from responses, or by users in their tests.

mod metadata;
mod output;
mod repr;
mod usage;
mod wire;

use builderaikits::{self as core, Kit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

pub(crate) use self::metadata::ResponseMetadata;
pub(crate) use self::output::Output;
use self::repr::Repr;
pub(crate) use self::usage::Usage;
use self::wire::{add_extra, extra_from, hash, json_text, set_if_some};
use crate::cost::Cost;
use crate::json::to_dict;

/// A finished run. Attributes have the names of the API's fields.
///
/// Only `output.text` is guaranteed; other fields are None if the service left them out. `==`, `to_dict()` and
/// `to_json()` use the API fields only, not `cost` and `response_metadata`. Runs are immutable. In tests, construct one
/// with `Run(output=Output(text="hi"))`.
#[pyclass(frozen, module = "builderaikits")]
pub(crate) struct Run {
    /// All fields except the three below.
    core: core::Run,
    /// The output of the kit.
    #[pyo3(get)]
    output: Py<Output>,
    /// Token usage, which determines the price.
    #[pyo3(get)]
    usage: Py<Usage>,
    /// Attempts, request id, headers and more. Not part of the API response.
    #[pyo3(get)]
    response_metadata: Py<ResponseMetadata>,
}

impl Run {
    pub(crate) fn from_core(py: Python<'_>, mut run: core::Run, metadata: core::ResponseMetadata) -> PyResult<Self> {
        let output = Output { text: PyString::new(py, &run.output.text).unbind(), extra: run.output.extra };
        run.output = core::Output::default();
        Ok(Self {
            output: Py::new(py, output)?,
            usage: Py::new(py, Usage(std::mem::take(&mut run.usage)))?,
            response_metadata: Py::new(py, ResponseMetadata(metadata))?,
            core: run,
        })
    }

    /// Converts back to the core's type, for serialization.
    fn to_core(&self, py: Python<'_>) -> PyResult<core::Run> {
        let mut run = self.core.clone();
        run.output = self.output.get().to_core(py)?;
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
    #[pyo3(signature = (output, usage=None, *, id=None, kit=None, status=None, latency_ms=None, extra=None, cost=None, response_metadata=None))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments")]
    fn new(
        py: Python<'_>,
        output: Py<Output>,
        usage: Option<Py<Usage>>,
        id: Option<String>,
        kit: Option<String>,
        status: Option<String>,
        latency_ms: Option<u64>,
        extra: Option<&Bound<'_, PyDict>>,
        cost: Option<Py<Cost>>,
        response_metadata: Option<Py<ResponseMetadata>>,
    ) -> PyResult<Self> {
        let mut core = core::Run::default();
        (core.id, core.kit, core.status, core.latency_ms) = (id, kit.map(Kit::from), status, latency_ms);
        core.extra = extra_from(extra)?;
        core.cost = cost.map(|cost| cost.get().core());
        let usage = usage.map_or_else(|| Py::new(py, Usage(core::Usage::default())), Ok)?;
        let response_metadata =
            response_metadata.map_or_else(|| Py::new(py, ResponseMetadata(core::ResponseMetadata::default())), Ok)?;
        Ok(Self { core, output, usage, response_metadata })
    }

    /// The id of the run, such as `run_8f3k2m`.
    #[getter]
    fn id(&self) -> Option<&str> {
        self.core.id.as_deref()
    }

    /// The kit that ran.
    #[getter]
    fn kit(&self) -> Option<&str> {
        self.core.kit.as_ref().map(Kit::as_str)
    }

    /// The status of the run, such as `completed`. New values may be added.
    #[getter]
    fn status(&self) -> Option<&str> {
        self.core.status.as_deref()
    }

    /// Processing time of the service in milliseconds.
    #[getter]
    fn latency_ms(&self) -> Option<u64> {
        self.core.latency_ms
    }

    /// Fields that this version does not know, as the service sent them. A new dict on each access.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, &self.core.extra)
    }

    /// The cost of the run: the price of its kit times its total tokens. None if either is not known. Not part of
    /// the API response.
    #[getter]
    fn cost(&self) -> Option<Cost> {
        self.core.cost.map(Cost::from)
    }

    /// Returns the API fields as a dict. Absent fields are left out.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        set_if_some(&dict, "id", self.id())?;
        set_if_some(&dict, "kit", self.kit())?;
        set_if_some(&dict, "status", self.status())?;
        dict.set_item("output", self.output.get().to_dict(py)?)?;
        dict.set_item("usage", self.usage.get().to_dict(py)?)?;
        set_if_some(&dict, "latency_ms", self.latency_ms())?;
        add_extra(dict, &self.core.extra)
    }

    /// Returns the API fields as JSON text.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        json_text(&self.to_core(py)?)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let run = &self.core;
        let repr = Repr::new("Run")
            .text("id", run.id.as_deref())
            .text("kit", run.kit.as_ref().map(Kit::as_str))
            .text("status", run.status.as_deref())
            .value("output", Some(self.output.get().__repr__(py)?))
            .value("usage", Some(self.usage.get().__repr__()))
            .value("latency_ms", run.latency_ms)
            .extra(&run.extra);
        Ok(repr.finish())
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
        let Ok(other) = other.cast::<Self>() else { return Ok(None) };
        let other = other.get();
        Ok(Some(
            self.core == other.core
                && self.usage.get().0 == other.usage.get().0
                && self.output.get().equals(py, other.output.get())?,
        ))
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<u64> {
        hash((&self.core.id, self.output.bind(py).hash()?))
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let keywords = PyDict::new(py);
        keywords.set_item("id", self.id())?;
        keywords.set_item("kit", self.kit())?;
        keywords.set_item("status", self.status())?;
        keywords.set_item("latency_ms", self.latency_ms())?;
        keywords.set_item("extra", self.extra(py)?)?;
        keywords.set_item("cost", self.cost())?;
        keywords.set_item("response_metadata", &self.response_metadata)?;
        Ok(((&self.output, &self.usage).into_pyobject(py)?, keywords))
    }
}
