//! The wire: one request and its response over a pool of connections. It knows nothing of retries or deadlines.

pub(crate) mod error;
pub(crate) mod tls;
pub(crate) mod tracked_body;
pub(crate) mod transport;
