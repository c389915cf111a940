//! The data plane of the account, as strict as the service.

pub mod definition;
pub mod rid;
