//! STEP 3: requests to the data plane of a Cosmos DB account.

pub mod effective_key;
pub mod key_definition;
pub mod partition_key;
