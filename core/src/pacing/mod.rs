//! Rate limits: what was sent in a window, what may be sent next, and the queue of those that wait.

pub(crate) mod gate;
pub(crate) mod ledger;
pub(crate) mod limit;
pub(crate) mod limiter;
#[cfg(test)]
mod limiter_tests;
#[cfg(test)]
mod model_server;
pub(crate) mod output_estimates;
pub(crate) mod pacer;
pub(crate) mod queue;
#[cfg(test)]
mod simulation;
pub(crate) mod state;
pub(crate) mod waiters;
