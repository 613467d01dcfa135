//! Amounts of money.

use builderaikits as core;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// An amount of US dollars, exact. `str(cost)` is the amount in dollars, such as `0.0001328`.
///
/// Costs are immutable and can be compared. In tests, construct one with `Cost(nano_usd=132_800)`.
#[pyclass(frozen, eq, ord, hash, module = "builderaikits")]
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cost(core::Cost);

impl From<core::Cost> for Cost {
    fn from(cost: core::Cost) -> Self {
        Self(cost)
    }
}

impl Cost {
    pub(crate) fn core(&self) -> core::Cost {
        self.0
    }
}

#[pymethods]
impl Cost {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str,) = ("nano_usd",);

    #[new]
    #[pyo3(signature = (nano_usd))]
    fn new(nano_usd: u64) -> Self {
        Self(core::Cost::from_nano_usd(nano_usd))
    }

    /// The amount in billionths of a US dollar.
    #[getter]
    fn nano_usd(&self) -> u64 {
        self.0.nano_usd()
    }

    /// The amount in US dollars as a `decimal.Decimal`, exact.
    #[getter]
    fn usd<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        // Imported here, because the import takes longer than that of this package.
        py.import("decimal")?.getattr("Decimal")?.call1((self.0.to_string(),))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Cost(nano_usd={})", self.0.nano_usd())
    }

    fn __getnewargs__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (self.nano_usd(),).into_pyobject(py)
    }
}
