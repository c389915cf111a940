//! Limits of the service that requests are measured by. The service has the last word: a limit here only saves a request
//! that could not succeed.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/concepts-limits>

/// The largest item, and the largest request, as UTF-8.
pub const ITEM_BYTES: usize = 2 * 1024 * 1024;
/// The largest response.
pub const RESPONSE_BYTES: usize = 4 * 1024 * 1024;
/// The longest id of an item.
pub const ID_BYTES: usize = 1023;
/// The longest string in a partition key.
pub const KEY_BYTES: usize = 2048;
/// The most operations of one batch, and the largest request of one.
///
/// <https://learn.microsoft.com/azure/cosmos-db/transactional-batch>
pub const BATCH_OPERATIONS: usize = 100;
/// The most operations of one patch.
///
/// <https://learn.microsoft.com/azure/cosmos-db/partial-document-update>
pub const PATCH_OPERATIONS: usize = 10;
/// The longest text of a query.
pub const QUERY_BYTES: usize = 512 * 1024;
