//! A call from its request to its response: queueing, attempts, deadlines and retries.

pub(crate) mod attempt;
pub(crate) mod attempt_error;
pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod counters;
pub(crate) mod deadline;
pub(crate) mod error_body;
pub(crate) mod execute;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod retry;
pub(crate) mod retry_after;
