//! The service's data: requests, responses, and how they are read.

pub(crate) mod bill;
pub(crate) mod catalog;
pub(crate) mod client_usage;
pub(crate) mod cost;
pub(crate) mod decode;
pub(crate) mod decode_lenient;
pub(crate) mod estimate;
pub(crate) mod json_object;
pub(crate) mod kit;
pub(crate) mod request_json;
pub(crate) mod response_metadata;
pub(crate) mod run;
pub(crate) mod run_request;
