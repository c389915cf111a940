//! STEP 3: requests to the data plane of a Cosmos DB account.

pub mod partition_key;
