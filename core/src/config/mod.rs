//! The options of clients and calls: declaration, defaults, validation, and the environment.

pub(crate) mod api_key;
pub(crate) mod base_url;
pub(crate) mod environment;
pub(crate) mod headers;
pub(crate) mod options;
pub(crate) mod prices;
pub(crate) mod proxy;
pub(crate) mod rate_limit;
pub(crate) mod resolve;
