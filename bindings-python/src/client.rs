//! The client: blocking calls, and calls that complete in a queue.

use std::time::Duration;

use builderaikits::RequestOptions;
use builderaikits_bridge::{self as bridge, Call, HostTimes};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::completion_queue::CompletionQueue;
use crate::errors::{Rejection, call_result};
use crate::json::dict_from_json;
use crate::options::{self, EXTRA_BODY};
use crate::request;
use crate::shutdown::without_gil;

/// Upper bound for the delay of Ctrl-C in a blocking call.
const SIGNAL_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A client. Its methods return their result, or the record of an error.
#[pyclass(frozen, module = "builderaikits._native")]
pub(crate) struct Client {
    inner: bridge::Client,
}

/// Creates a client from the environment and these options, which take precedence.
#[pyfunction]
pub(crate) fn create_client(py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
    let client = options::client_options(options).and_then(|options| {
        let inner = without_gil(py, || bridge::Client::new(options, "python"))?;
        Ok(Client { inner })
    });
    into_py(py, client)
}

#[pymethods]
impl Client {
    /// Returns a copy with these options.
    fn with_options(&self, py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
        let client = options::client_overrides(options).and_then(|overrides| {
            let inner = without_gil(py, || self.inner.with_options(overrides))?;
            Ok(Self { inner })
        });
        into_py(py, client)
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
        let (call, options) = match run_call(kit, input, config, options) {
            Ok(call) => call,
            Err(rejection) => return rejection.into_py(py),
        };
        let mut signal = None;
        let should_continue = || {
            signal = if is_main_thread { Python::attach(|py| py.check_signals()).err() } else { None };
            signal.is_none()
        };
        let result = without_gil(py, || self.inner.run_blocking(call, options, SIGNAL_POLL_INTERVAL, should_continue));
        match (result, signal) {
            (Some(result), _) => call_result(py, result),
            (None, Some(signal)) => Err(signal),
            (None, None) => Ok(py.None()),
        }
    }

    /// Starts a call that completes in `queue`, and returns its id.
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
        match run_call(kit, input, config, options) {
            Ok((call, options)) => {
                self.inner.submit(queue.queue()?, call, options, HostTimes::default()).into_py_any(py)
            }
            Err(rejection) => rejection.into_py(py),
        }
    }

    /// Returns whether the query succeeded, and its record or that of the error.
    fn usage(&self, py: Python<'_>) -> PyResult<(bool, Py<PyAny>)> {
        self.query(py, "usage", Ok(String::new()))
    }

    /// As `usage`, for the estimate of a run.
    #[pyo3(signature = (kit, input, config, /))]
    fn estimate(
        &self,
        py: Python<'_>,
        kit: &Bound<'_, PyAny>,
        input: &Bound<'_, PyAny>,
        config: &Bound<'_, PyAny>,
    ) -> PyResult<(bool, Py<PyAny>)> {
        self.query(py, "kits.estimate", request::run_json(kit, input, config))
    }

    /// Rejects new calls.
    fn close(&self) {
        self.inner.close();
    }

    /// The URL of the service.
    #[getter]
    fn base_url(&self) -> &str {
        self.inner.base_url()
    }
}

impl Client {
    fn query(&self, py: Python<'_>, name: &str, request: Result<String, Rejection>) -> PyResult<(bool, Py<PyAny>)> {
        match request.and_then(|request| Ok(without_gil(py, || self.inner.query(name, &request))?)) {
            Ok(json) => Ok((true, dict_from_json(py, &json)?.into_py_any(py)?)),
            Err(rejection) => Ok((false, rejection.into_py(py)?)),
        }
    }
}

fn run_call(
    kit: &Bound<'_, PyAny>,
    input: &Bound<'_, PyAny>,
    config: &Bound<'_, PyAny>,
    options: &Bound<'_, PyDict>,
) -> Result<(Call, RequestOptions), Rejection> {
    let extra_body = options.get_item(EXTRA_BODY)?;
    Ok((request::run_call(kit, input, config, extra_body.as_ref())?, options::request_options(options)?))
}

fn into_py(py: Python<'_>, client: Result<Client, Rejection>) -> PyResult<Py<PyAny>> {
    match client {
        Ok(client) => client.into_py_any(py),
        Err(rejection) => rejection.into_py(py),
    }
}
