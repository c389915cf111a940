//! rawcosmos: Azure Cosmos DB for NoSQL over raw HTTP, with a managed identity.

pub mod cosmos;
#[cfg(feature = "sandbox")]
pub mod sandbox;
