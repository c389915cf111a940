//! rawcosmos: Azure Cosmos DB for NoSQL over raw HTTP, with a managed identity.

pub mod error;
pub mod exchange;
pub mod message;
pub mod name;
pub mod show;

pub mod arm;
pub mod authorize;
pub mod cli;
pub mod cosmos;
pub mod identity;
#[cfg(feature = "sandbox")]
pub mod sandbox;
