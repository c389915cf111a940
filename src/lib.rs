//! rawcosmos: Azure Cosmos DB for NoSQL over raw HTTP, with a managed identity.

pub mod error;
pub mod message;
pub mod name;
pub mod show;

pub mod cosmos;
#[cfg(feature = "sandbox")]
pub mod sandbox;
