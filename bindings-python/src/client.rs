//! The client, and its calls: those that block, and those that end in a queue.

use std::time::Duration;

use builderaikits::Config;
use builderaikits_bridge as bridge;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::calls::Calls;
use crate::exit::detached;
use crate::failure::{failed, outcome};
use crate::options;

/// How long a blocking call does not look for Ctrl-C.
const TICK: Duration = Duration::from_millis(50);

/// A client. Its methods give what they are for, or the fields of an error as a tuple.
#[pyclass(frozen, module = "builderaikits._native")]
pub(crate) struct Client(bridge::Client);

/// Makes a client of the environment's options, with these over them.
#[pyfunction]
pub(crate) fn client(py: Python<'_>, given: &Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
    let config = Config::from_env().and_then(|config| options::configured(config, given));
    made(py, config.and_then(|config| detached(py, || bridge::Client::new(config, "python"))))
}

#[pymethods]
impl Client {
    /// A copy with these options over its own.
    fn with_options(&self, py: Python<'_>, given: &Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
        let config = options::configured(self.0.config().clone(), given);
        made(py, config.and_then(|config| detached(py, || self.0.with_options(config))))
    }

    /// Runs and blocks; in the main thread, signals are looked for.
    #[pyo3(signature = (kit, input, config, extra_body, given, is_main, /))]
    #[expect(clippy::too_many_arguments, reason = "they cross one by one, which is the fastest way")]
    fn run(
        &self,
        py: Python<'_>,
        kit: &Bound<'_, PyAny>,
        input: &Bound<'_, PyAny>,
        config: &Bound<'_, PyAny>,
        extra_body: &Bound<'_, PyAny>,
        given: Option<&Bound<'_, PyDict>>,
        is_main: bool,
    ) -> PyResult<Py<PyAny>> {
        let (request, options) = match options::call(kit, input, config, extra_body, given) {
            Ok(call) => call,
            Err(error) => return failed(py, error),
        };
        let mut signal = None;
        let go_on = || {
            signal = if is_main { Python::attach(|py| py.check_signals()).err() } else { None };
            signal.is_none()
        };
        let end = detached(py, || self.0.run_blocking(request, options, TICK, go_on));
        match (end, signal) {
            (Some(end), _) => outcome(py, end),
            (None, Some(signal)) => Err(signal),
            (None, None) => Ok(py.None()),
        }
    }

    /// Begins a call that ends in `calls`, and gives its id.
    #[pyo3(signature = (calls, kit, input, config, extra_body, given, /))]
    #[expect(clippy::too_many_arguments, reason = "they cross one by one, which is the fastest way")]
    fn submit(
        &self,
        py: Python<'_>,
        calls: &Calls,
        kit: &Bound<'_, PyAny>,
        input: &Bound<'_, PyAny>,
        config: &Bound<'_, PyAny>,
        extra_body: &Bound<'_, PyAny>,
        given: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        match options::call(kit, input, config, extra_body, given) {
            Ok((request, options)) => self.0.submit(calls.queue()?, request, options).into_py_any(py),
            Err(error) => failed(py, error),
        }
    }

    /// Refuses new calls.
    fn close(&self) {
        self.0.close();
    }

    /// Where the service is.
    #[getter]
    fn base_url(&self) -> &str {
        &self.0.config().base_url
    }
}

fn made(py: Python<'_>, client: builderaikits::Result<bridge::Client>) -> PyResult<Py<PyAny>> {
    match client {
        Ok(client) => Client(client).into_py_any(py),
        Err(error) => failed(py, error),
    }
}
