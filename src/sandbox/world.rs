//! What exists behind the three listeners: one account and what was made in it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::azure::Azure;
use super::cosmos::regions::Regions;
use super::cosmos::{cut, definition, rid};
use super::faults::Trouble;

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
    /// Seconds by which the service's clock is ahead of the machine's.
    pub skew: i64,
    /// Databases by name.
    pub databases: BTreeMap<String, Database>,
    /// What Azure knows around the account's content.
    pub azure: Azure,
    /// `sqlRoleDefinitions` of one's own by their GUID, lower case.
    pub role_definitions: BTreeMap<String, RoleDefinition>,
    /// `sqlRoleAssignments` by their GUID, lower case.
    pub role_assignments: BTreeMap<String, RoleAssignment>,
    /// Source of `_rid`s, `_etag`s and LSNs.
    pub counter: u64,
    /// The machine has no identity.
    pub no_identity: bool,
    /// The machine has two user-assigned identities and no system-assigned one.
    pub two_identities: bool,
    /// The data plane refuses the identity everything, whatever is assigned.
    pub no_data_role: bool,
    /// IMDS gives tokens for another audience than was asked for.
    pub wrong_audience: bool,
    /// Tokens given out, by object id and audience.
    pub tokens: BTreeMap<(String, String), String>,
    /// Operations of the management plane by their GUID.
    pub operations: BTreeMap<String, super::arm::Operation>,
    /// How long an operation takes, in milliseconds.
    pub operation_ms: i64,
    /// Resources to a page of a management list.
    pub page_size: usize,
    /// Pages of items end anywhere, by this seed.
    pub ragged_pages: Option<u64>,
    /// The regions of the account, and which of them takes writes.
    pub regions: Regions,
    /// An identity may not read the account itself, as with roles of containers alone.
    pub account_unreadable: bool,
    /// What the next operations on items find in their way.
    pub trouble: Trouble,
    /// The cloud it is all in.
    pub cloud: &'static super::cloud::Cloud,
    /// The host, and what is wrong with its identity.
    pub identity: super::identity::State,
}

/// A data role that is not built in.
#[derive(Debug, Clone)]
pub struct RoleDefinition {
    /// `roleName`, unique in the account.
    pub name: String,
    /// Where it may be given, relative to the account: empty, `/dbs/D` or `/dbs/D/colls/C`.
    pub scopes: Vec<String>,
    /// Data actions without what they all begin with.
    pub actions: Vec<String>,
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
    pub definition: Map<String, Value>,
    /// Partition ranges in the order of their bounds.
    pub ranges: Vec<Range>,
    /// Epoch seconds until which the items of a deleted key are still being removed.
    pub deleting: i64,
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
    /// Ids of the ranges it was split or merged from.
    pub parents: Vec<String>,
    /// It is being split or merged, and serves nothing meanwhile.
    pub locked: bool,
    /// The last log sequence number given out.
    pub lsn: u64,
    /// Items by effective partition key, then partition key as JSON, then id.
    pub items: BTreeMap<Slot, Item>,
    /// What the last writes replaced, for a batch to be undone and for a replica to lag.
    pub history: Vec<(Slot, Option<Item>)>,
}

/// Effective partition key, partition key as JSON, id.
pub type Slot = (String, String, String);

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
    /// Sixteen bytes, base64.
    pub rid: String,
    /// The number its `_rid` was made from: feeds are in this order.
    pub number: u64,
}

impl World {
    /// The next number of the one sequence that `_rid`s, `_etag`s and keys of rows come from.
    #[expect(
        clippy::should_implement_trait,
        reason = "a world is no iterator, and this never ends"
    )]
    pub fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Makes a database; the caller has looked that the name is free.
    pub fn create_database(&mut self, name: &str, offer: Option<Offer>, now: i64) {
        let number = self.next();
        let database = Database {
            rid: rid::database(number),
            etag: etag(number, now),
            ts: now,
            offer,
            containers: BTreeMap::new(),
        };
        self.databases.insert(name.to_owned(), database);
    }

    /// Makes a container from its definition, or says in the service's words why not.
    ///
    /// The caller has looked that the database exists and the name (`definition.id`) is free.
    pub fn create_container(
        &mut self,
        database: &str,
        definition: Map<String, Value>,
        offer: Option<Offer>,
        now: i64,
    ) -> Result<(), String> {
        let alone = !self.serverless();
        let definition = definition::complete(definition)?;
        let name = definition::text(&definition, "id").to_owned();
        let ranges = cut::ranges(self.partitions, definition::hash_version(&definition));
        let number = self.next();
        let parent = self
            .databases
            .get_mut(database)
            .ok_or("Owner resource does not exist")?;
        // Where nothing is shared it has throughput of its own, asked for or not.
        let alone = alone && parent.offer.is_none();
        let offer = offer.or(alone.then_some(Offer::Manual(400)));
        let container = Container {
            rid: rid::container(&parent.rid, number),
            etag: etag(number, now),
            ts: now,
            offer,
            definition,
            ranges,
            deleting: 0,
        };
        parent.containers.insert(name, container);
        Ok(())
    }
}

/// An entity tag with its own quotes: a number and a time, as the service writes them.
pub fn etag(number: u64, now: i64) -> String {
    format!(
        "\"{:08x}-0000-0100-0000-{:08x}0000\"",
        number as u32, now as u32
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use serde_json::json;

    fn definition(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_container_nests_in_its_database() {
        let mut world = World {
            partitions: 2,
            ..World::default()
        };
        world.create_database("d", None, 1);
        let body =
            json!({"id": "c", "partitionKey": {"paths": ["/pk"], "kind": "Hash", "version": 2}});
        world
            .create_container("d", definition(body), Some(Offer::Manual(400)), 1)
            .unwrap();
        let database = &world.databases["d"];
        let container = &database.containers["c"];
        assert_eq!(container.ranges.len(), 2);
        assert!(container.rid.starts_with(&database.rid[..5]));
        assert_ne!(container.etag, database.etag);
    }

    #[test]
    fn a_container_without_a_key_is_refused() {
        let mut world = World::default();
        world.create_database("d", None, 1);
        let refused = world.create_container("d", definition(json!({"id": "c"})), None, 1);
        assert!(refused.unwrap_err().contains("partitionKey"));
        assert!(world.databases["d"].containers.is_empty());
    }
}
