//! The locks that the queue is built on: the standard library's, or loom's where it is model-checked.

#[cfg(model_check)]
pub(crate) use loom::sync::Mutex;
#[cfg(not(model_check))]
pub(crate) use std::sync::Mutex;
