//! The other side: IMDS, ARM and the data plane on loopback.

pub mod cosmos;
pub mod http;
pub mod sql;
pub mod token;
pub mod world;
