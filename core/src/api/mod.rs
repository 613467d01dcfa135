//! The operations of the service: one file per resource.

pub(crate) mod kits;
pub(crate) mod operation;
