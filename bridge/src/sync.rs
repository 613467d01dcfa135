//! The locks of the queue: the standard library's, or loom's when the queue is model-checked.

#[cfg(feature = "model-check")]
pub(crate) use loom::sync::Mutex;
#[cfg(not(feature = "model-check"))]
pub(crate) use std::sync::Mutex;
