//! The locks that the queue is built on: the standard library's, or loom's where it is model-checked.

#[cfg(feature = "model-check")]
pub(crate) use loom::sync::Mutex;
#[cfg(not(feature = "model-check"))]
pub(crate) use std::sync::Mutex;
