//! What a kit answered, as Python has it: immutable, made here or by users for their tests.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use builderaikits::{self as core, HeaderMap, Kit};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::failure::header_dict;
use crate::value::{Path, dict, object, to_python};

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

/// What a kit answered.
#[pyclass(frozen, module = "builderaikits")]
pub(crate) struct Output {
    /// The answer's text.
    #[pyo3(get)]
    text: Py<PyString>,
    extra: Map<String, Value>,
}

/// The tokens that a run is billed by; None where the service did not say.
#[pyclass(frozen, module = "builderaikits")]
pub(crate) struct Usage(core::Usage);

/// How an answer came to be; not of the wire, and no part of a run's `==` and `to_dict()`.
#[pyclass(frozen, module = "builderaikits")]
pub(crate) struct ResponseMetadata(core::ResponseMetadata);

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

impl Output {
    fn whole(&self, py: Python<'_>) -> PyResult<core::Output> {
        let mut output = core::Output::default();
        output.text = self.text.bind(py).to_str()?.to_owned();
        output.extra = self.extra.clone();
        Ok(output)
    }

    fn is_as(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        Ok(self.extra == other.extra && self.text.bind(py).as_any().eq(other.text.bind(py))?)
    }
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
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let wire = PyDict::new(py);
        wire.set_item("text", &self.text)?;
        set_extra(wire, &self.extra)
    }

    /// The wire's form as JSON text.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        wire_text(&self.whole(py)?)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
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
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
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

    fn __repr__(&self) -> String {
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

#[pymethods]
impl ResponseMetadata {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str, &'static str, &'static str, &'static str) =
        ("attempts", "request_id", "idempotency_key", "elapsed", "headers");

    #[new]
    #[pyo3(signature = (attempts=0, request_id=None, idempotency_key=String::new(), elapsed=0.0, headers=None))]
    fn made(
        attempts: u32,
        request_id: Option<String>,
        idempotency_key: String,
        elapsed: f64,
        headers: Option<HashMap<String, String>>,
    ) -> PyResult<Self> {
        let mut metadata = core::ResponseMetadata::default();
        (metadata.attempts, metadata.request_id, metadata.idempotency_key) = (attempts, request_id, idempotency_key);
        metadata.elapsed = Duration::try_from_secs_f64(elapsed)
            .map_err(|_| PyValueError::new_err("elapsed: must be a number of seconds, 0 or more"))?;
        metadata.headers = HeaderMap::try_from(&headers.unwrap_or_default())
            .map_err(|_| PyValueError::new_err("headers: one cannot stand in an answer"))?;
        Ok(Self(metadata))
    }

    /// Attempts that it took, the one that gave the answer included.
    #[getter]
    fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The service's name for the request, to give to support.
    #[getter]
    fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The `Idempotency-Key` of all attempts.
    #[getter]
    fn idempotency_key(&self) -> &str {
        &self.0.idempotency_key
    }

    /// From the start of the call to its end, in seconds: queue, attempts and waits.
    #[getter]
    fn elapsed(&self) -> f64 {
        self.0.elapsed.as_secs_f64()
    }

    /// The answer's headers: names in lower case, those sent twice joined with a comma. A fresh dict each time.
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        header_dict(py, &self.0.headers)
    }

    /// All of it as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("attempts", self.attempts())?;
        dict.set_item("request_id", self.request_id())?;
        dict.set_item("idempotency_key", self.idempotency_key())?;
        dict.set_item("elapsed", self.elapsed())?;
        dict.set_item("headers", self.headers(py)?)?;
        Ok(dict)
    }

    /// All of it as JSON text.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        let headers: HashMap<String, String> = self.headers(py)?.extract()?;
        wire_text(&json!({
            "attempts": self.attempts(),
            "request_id": self.request_id(),
            "idempotency_key": self.idempotency_key(),
            "elapsed": self.elapsed(),
            "headers": headers,
        }))
    }

    fn __repr__(&self) -> String {
        Fields::new("ResponseMetadata")
            .value("attempts", Some(self.attempts()))
            .text("request_id", self.request_id())
            .text("idempotency_key", Some(self.idempotency_key()))
            .value("elapsed", Some(self.elapsed()))
            .value("headers", Some(format!("<{}>", self.0.headers.len())))
            .end()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> Option<bool> {
        let other = &other.cast::<Self>().ok()?.get().0;
        Some(
            (self.0.attempts, self.0.elapsed) == (other.attempts, other.elapsed)
                && (&self.0.request_id, &self.0.idempotency_key) == (&other.request_id, &other.idempotency_key)
                && self.0.headers == other.headers,
        )
    }

    fn __hash__(&self) -> PyResult<u64> {
        hash((&self.0.idempotency_key, self.0.elapsed))
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let fields = (self.attempts(), self.request_id(), self.idempotency_key(), self.elapsed(), self.headers(py)?);
        fields.into_pyobject(py)
    }
}

fn extra_of(extra: Option<&Bound<'_, PyDict>>) -> PyResult<Map<String, Value>> {
    extra.map_or_else(|| Ok(Map::new()), |extra| object(extra, Path::Root("extra")).map_err(PyValueError::new_err))
}

/// Sets what is there; what is absent is left out.
fn set<'py>(wire: &Bound<'py, PyDict>, name: &str, value: Option<impl IntoPyObject<'py>>) -> PyResult<()> {
    value.map_or(Ok(()), |value| wire.set_item(name, value))
}

/// Beside the fields that are known, as the core writes them: a field of theirs that was odd is not there.
fn set_extra<'py>(wire: Bound<'py, PyDict>, extra: &Map<String, Value>) -> PyResult<Bound<'py, PyDict>> {
    for (name, value) in extra {
        if !wire.contains(name)? {
            wire.set_item(name, to_python(wire.py(), value)?)?;
        }
    }
    Ok(wire)
}

fn wire_text(wire: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(wire).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn hash(of: impl Hash) -> PyResult<u64> {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    Ok(hasher.finish())
}

/// Builds a repr: what is absent is left out, and a long text is cut.
struct Fields(String);

impl Fields {
    const LONGEST: usize = 200;

    fn new(class: &str) -> Self {
        Self(format!("{class}("))
    }

    fn value(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            let comma = if self.0.ends_with('(') { "" } else { ", " };
            self.0 += &format!("{comma}{name}={}", value.to_string());
        }
        self
    }

    fn text(self, name: &str, text: Option<&str>) -> Self {
        let Some(text) = text else { return self };
        let short: String = text.chars().take(Self::LONGEST).collect();
        let more = if short.len() < text.len() { "…" } else { "" };
        // As Python quotes, mostly: it leaves one of the two quotes alone.
        let quoted = short.escape_debug().to_string().replace("\\\"", "\"");
        self.value(name, Some(format!("'{quoted}{more}'")))
    }

    fn extra(self, extra: &Map<String, Value>) -> Self {
        let names: Vec<_> = extra.keys().map(String::as_str).collect();
        let shown = (!names.is_empty()).then(|| format!("<{}>", names.join(", ").escape_debug()));
        self.value("extra", shown)
    }

    fn end(self) -> String {
        self.0 + ")"
    }
}
