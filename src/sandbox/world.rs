//! What exists behind the three listeners: one account and what was made in it.

use std::collections::BTreeMap;

/// The account, its identities, roles, databases and containers.
///
/// One value behind one mutex; every handler is given it with the time of the request.
#[derive(Debug, Default)]
pub struct World {
    /// Subscription id, a GUID.
    pub subscription: String,
    /// Resource group.
    pub resource_group: String,
    /// Account name.
    pub account: String,
    /// Primary account key, base64.
    pub key: String,
    /// Tenant id, a GUID.
    pub tenant: String,
    /// Origin of each listener, without a trailing slash: `http://127.0.0.1:1234`.
    pub imds: String,
    /// See [`World::imds`].
    pub arm: String,
    /// See [`World::imds`].
    pub cosmos: String,
    /// How many partition ranges a new container gets.
    pub partitions: usize,
    /// Keys are refused, as with `disableLocalAuth`.
    pub local_auth_disabled: bool,
    /// Seconds by which the service's clock is ahead of the machine's.
    pub skew: i64,
    /// Databases by name.
    pub databases: BTreeMap<String, Database>,
    /// `sqlRoleAssignments` by their GUID, lower case.
    pub role_assignments: BTreeMap<String, RoleAssignment>,
    /// Source of `_rid`s, `_etag`s and LSNs.
    pub counter: u64,
    /// The machine has no identity.
    pub no_identity: bool,
    /// The machine has two user-assigned identities and no system-assigned one.
    pub two_identities: bool,
    /// ARM refuses the identity everything.
    pub no_arm_role: bool,
    /// The data plane refuses the identity everything, whatever is assigned.
    pub no_data_role: bool,
    /// IMDS gives tokens for another audience than was asked for.
    pub wrong_audience: bool,
    /// The account's firewall refuses this machine.
    pub firewall: bool,
}

/// A grant of a data role.
#[derive(Debug, Clone)]
pub struct RoleAssignment {
    /// GUID at the end of `roleDefinitionId`.
    pub role_definition: String,
    /// Relative to the account: empty, `/dbs/D` or `/dbs/D/colls/C`.
    pub scope: String,
    /// Object id of the principal.
    pub principal: String,
}

/// A database.
#[derive(Debug, Default)]
pub struct Database {
    /// Four bytes, base64.
    pub rid: String,
    /// With its own quotes.
    pub etag: String,
    /// Epoch seconds.
    pub ts: i64,
    /// The offer it was created with.
    pub offer: Option<Offer>,
    /// Containers by name.
    pub containers: BTreeMap<String, Container>,
}

/// Dedicated throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// RU/s.
    Manual(u64),
    /// Maximum RU/s.
    Autoscale(u64),
}

/// A container.
#[derive(Debug, Default)]
pub struct Container {
    /// Eight bytes, base64.
    pub rid: String,
    /// With its own quotes.
    pub etag: String,
    /// Epoch seconds.
    pub ts: i64,
    /// The offer it was created with.
    pub offer: Option<Offer>,
    /// The resource without its system members: `id`, `partitionKey`, `indexingPolicy`, `defaultTtl`, `uniqueKeyPolicy`, ...
    pub definition: serde_json::Map<String, serde_json::Value>,
    /// Partition ranges in the order of their bounds.
    pub ranges: Vec<Range>,
}

/// A partition range and what is in it.
#[derive(Debug, Default)]
pub struct Range {
    /// A decimal number.
    pub id: String,
    /// Upper-case hex; empty for the first.
    pub min: String,
    /// Upper-case hex; `FF` for the last.
    pub max: String,
    /// Ids of the ranges it was split from.
    pub parents: Vec<String>,
    /// The last log sequence number given out.
    pub lsn: u64,
    /// Items by effective partition key, then partition key as JSON, then id.
    pub items: BTreeMap<(String, String, String), Item>,
}

/// An item.
#[derive(Debug, Clone, Default)]
pub struct Item {
    /// JSON text, members in the order they came, system members last.
    pub text: String,
    /// With its own quotes.
    pub etag: String,
    /// Epoch seconds.
    pub ts: i64,
    /// Epoch seconds after which it is gone.
    pub expires: Option<i64>,
    /// The range's LSN at its last write.
    pub lsn: u64,
}
