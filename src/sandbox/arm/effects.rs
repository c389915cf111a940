//! What operations do to the world when their time has come.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{containers, databases, errors, groups, role_definitions, roles, throughput};
use crate::sandbox::azure::Account;
use crate::sandbox::secrets::guid;
use crate::sandbox::world::{Offer, RoleAssignment, RoleDefinition, World};

/// What the world will have seen when the operation is done.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    CreateAccount {
        name: String,
    },
    ChangeAccount {
        wanted: Box<Account>,
    },
    DeleteAccount {
        name: String,
    },
    RegenerateKey {
        name: String,
        kind: usize,
    },
    DeleteGroup {
        name: String,
    },
    Register,
    PutDatabase {
        name: String,
        offer: Option<Offer>,
    },
    DeleteDatabase {
        name: String,
    },
    PutContainer {
        database: String,
        definition: Map<String, Value>,
        offer: Option<Offer>,
    },
    DeleteContainer {
        database: String,
        name: String,
    },
    SetOffer {
        database: String,
        container: Option<String>,
        offer: Offer,
    },
    PutDefinition {
        id: String,
        definition: RoleDefinition,
    },
    DeleteDefinition {
        id: String,
    },
    PutAssignment {
        id: String,
        assignment: RoleAssignment,
    },
    DeleteAssignment {
        id: String,
    },
}

/// Why an operation failed: a code and a message.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Failure {
    /// A refusal of the data plane, wrapped.
    pub(super) fn nested(world: &mut World, code: &'static str, sentence: &str, uri: &str) -> Self {
        let message = errors::nested_message(world, code, sentence, uri);
        Self { code, message }
    }
}

impl Effect {
    pub(super) fn deletes(&self) -> bool {
        matches!(
            self,
            Self::DeleteAccount { .. }
                | Self::DeleteGroup { .. }
                | Self::DeleteDatabase { .. }
                | Self::DeleteContainer { .. }
                | Self::DeleteDefinition { .. }
                | Self::DeleteAssignment { .. }
        )
    }

    /// Whether it changes who may do what, which only one operation at a time can.
    pub(super) fn grants(&self) -> bool {
        matches!(
            self,
            Self::PutAssignment { .. }
                | Self::DeleteAssignment { .. }
                | Self::PutDefinition { .. }
                | Self::DeleteDefinition { .. }
        )
    }
}

pub(super) fn apply(world: &mut World, effect: Effect, now: OffsetDateTime) -> Result<(), Failure> {
    let time = now.unix_timestamp();
    match effect {
        Effect::PutDatabase { name, offer } => databases::put(world, &name, offer, time),
        Effect::PutContainer {
            database,
            definition,
            offer,
        } => containers::put(world, &database, definition, offer, time),
        Effect::SetOffer {
            database,
            container,
            offer,
        } => throughput::set(world, &database, container.as_deref(), offer, now),
        Effect::CreateAccount { name } => create_account(world, &name),
        other => {
            change(world, other);
            Ok(())
        }
    }
}

/// What cannot fail any more.
fn change(world: &mut World, effect: Effect) {
    match effect {
        Effect::ChangeAccount { wanted } => change_account(world, *wanted),
        Effect::DeleteAccount { name } => groups::remove_account(world, &name),
        Effect::RegenerateKey { name, kind } => regenerate(world, &name, kind),
        Effect::DeleteGroup { name } => groups::remove(world, &name),
        Effect::Register => {
            world.azure.troubles.remove("registering");
            world.azure.troubles.remove("provider-unregistered");
        }
        Effect::DeleteDatabase { name } => {
            world.databases.remove(&name);
        }
        Effect::DeleteContainer { database, name } => {
            if let Some(database) = world.databases.get_mut(&database) {
                database.containers.remove(&name);
            }
        }
        Effect::PutDefinition { id, definition } => role_definitions::put(world, id, definition),
        Effect::DeleteDefinition { id } => {
            world.role_definitions.remove(&id);
        }
        Effect::PutAssignment { id, assignment } => roles::put(world, id, assignment),
        Effect::DeleteAssignment { id } => {
            world.role_assignments.remove(&id);
        }
        _ => {}
    }
}

/// Where the region is full the account stays behind, failed, until somebody deletes it.
fn create_account(world: &mut World, name: &str) -> Result<(), Failure> {
    let full = world.azure.has("no-capacity");
    if let Some(account) = world.azure.accounts.get_mut(name) {
        account.state = if full { "Failed" } else { "Succeeded" };
    }
    if !full {
        world.settle(name);
        return Ok(());
    }
    let (operation, activity) = (guid(world), guid(world));
    let message = format!(
        "Database account creation failed. Operation Id: {operation}, Error : Sorry, we are currently experiencing high demand in this region, and cannot fulfill your request at this time.\r\nActivityId: {activity}, {}",
        errors::SDK
    );
    let code = "ServiceUnavailable";
    Err(Failure { code, message })
}

/// Keys and creation are of the account that is there, the rest is what was asked for.
fn change_account(world: &mut World, wanted: Account) {
    if let Some(there) = world.azure.accounts.get_mut(&wanted.name) {
        there.tags = wanted.tags;
        there.properties = wanted.properties;
        there.state = "Succeeded";
    }
}

fn regenerate(world: &mut World, name: &str, kind: usize) {
    let key = world.new_key(kind);
    let account = world.azure.accounts.get_mut(name);
    if let Some(place) = account.and_then(|account| account.keys.get_mut(kind)) {
        place.clone_from(&key);
    }
    if kind == 0 && name == world.account && !world.azure.vacant {
        world.key = key;
    }
}
