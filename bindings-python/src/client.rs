//! The client: blocking calls, and calls that finish in a queue.

use std::time::Duration;

use builderaikits::Config;
use builderaikits_bridge as bridge;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::completion_queue::CompletionQueue;
use crate::errors::{Rejection, call_result};
use crate::shutdown::without_gil;
use crate::{options, request};

/// Upper bound for the delay of Ctrl-C in a blocking call.
const SIGNAL_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A client. Its methods return their result, or the record of an error.
#[pyclass(frozen, module = "builderaikits._native")]
pub(crate) struct Client(bridge::Client);

/// Creates a client from the environment and these options, which take precedence.
#[pyfunction]
pub(crate) fn create_client(py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
    let config = Config::from_env().map_err(Rejection::from).and_then(|config| options::client(config, options));
    into_py(py, config.and_then(|config| Ok(without_gil(py, || bridge::Client::new(config, "python"))?)))
}

#[pymethods]
impl Client {
    /// Returns a copy with these options.
    fn with_options(&self, py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
        let config = options::client(self.0.config().clone(), options);
        into_py(py, config.and_then(|config| Ok(without_gil(py, || self.0.with_options(config))?)))
    }

    /// Runs a kit and blocks. The main thread checks for signals.
    #[pyo3(signature = (kit, input, config, options, is_main_thread, /))]
    fn run(
        &self,
        py: Python<'_>,
        kit: &Bound<'_, PyAny>,
        input: &Bound<'_, PyAny>,
        config: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
        is_main_thread: bool,
    ) -> PyResult<Py<PyAny>> {
        let (request, options) = match parse_call(kit, input, config, options) {
            Ok(call) => call,
            Err(rejection) => return rejection.into_py(py),
        };
        let mut signal = None;
        let should_continue = || {
            signal = if is_main_thread { Python::attach(|py| py.check_signals()).err() } else { None };
            signal.is_none()
        };
        let result = without_gil(py, || self.0.run_blocking(request, options, SIGNAL_POLL_INTERVAL, should_continue));
        match (result, signal) {
            (Some(result), _) => call_result(py, result),
            (None, Some(signal)) => Err(signal),
            (None, None) => Ok(py.None()),
        }
    }

    /// Starts a call that finishes in `queue`, and returns its id.
    #[pyo3(signature = (queue, kit, input, config, options, /))]
    fn submit(
        &self,
        py: Python<'_>,
        queue: &CompletionQueue,
        kit: &Bound<'_, PyAny>,
        input: &Bound<'_, PyAny>,
        config: &Bound<'_, PyAny>,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Py<PyAny>> {
        match parse_call(kit, input, config, options) {
            Ok((request, options)) => self.0.submit(queue.queue()?, request, options).into_py_any(py),
            Err(rejection) => rejection.into_py(py),
        }
    }

    /// Rejects new calls.
    fn close(&self) {
        self.0.close();
    }

    /// The URL of the service.
    #[getter]
    fn base_url(&self) -> &str {
        &self.0.config().base_url
    }
}

fn parse_call(
    kit: &Bound<'_, PyAny>,
    input: &Bound<'_, PyAny>,
    config: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
) -> Result<(builderaikits::RunRequest, builderaikits::CallOptions), Rejection> {
    let extra_body = options.get_item(options::EXTRA_BODY)?;
    Ok((request::run(kit, input, config, extra_body.as_ref())?, options::request(options)?))
}

fn into_py(py: Python<'_>, client: Result<bridge::Client, Rejection>) -> PyResult<Py<PyAny>> {
    match client {
        Ok(client) => Client(client).into_py_any(py),
        Err(rejection) => rejection.into_py(py),
    }
}
