//! How an account looks from outside.

use serde_json::{Map, Value, json};

use super::account_body::SETTABLE;
use super::accounts;
use super::regions::{self, display};
use crate::sandbox::azure::{Account, NOBODY};
use crate::sandbox::cosmos::regions::{multi_write, serving};
use crate::sandbox::world::World;

/// The account as an answer of some version shows it.
pub(super) fn account(world: &World, account: &Account, version: &str) -> Value {
    let mut properties = account.properties.clone();
    for (name, since, _) in SETTABLE {
        if *since > version {
            properties.remove(*name);
        }
    }
    describe(world, account, &mut properties);
    json!({
        "id": accounts::id_of(world, account),
        "name": account.name,
        "location": display(&account.location),
        "type": "Microsoft.DocumentDB/databaseAccounts",
        "kind": "GlobalDocumentDB",
        "tags": account.tags,
        "systemData": {"createdAt": created(account.created)},
        "properties": properties,
        "identity": {"type": "None"},
    })
}

fn describe(world: &World, account: &Account, properties: &mut Map<String, Value>) {
    let regions = regions(world, account);
    let mut add = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    add("provisioningState", json!(account.state));
    add("EnabledApiTypes", json!("Sql"));
    let own = account.name == world.account && !world.azure.vacant;
    let writable = if own && multi_write(world) {
        regions.len()
    } else {
        1
    };
    let writing = regions.iter().take(writable).cloned().collect();
    add("writeLocations", Value::Array(writing));
    add("failoverPolicies", regions.iter().map(policy).collect());
    add("readLocations", json!(regions));
    add("locations", json!(regions));
    if is_made(account) {
        add("documentEndpoint", json!(endpoint(world, account)));
    } else {
        add("defaultIdentity", json!(""));
        unknown_redundancy(properties);
    }
}

/// The order the regions take over in.
fn policy(region: &Value) -> Value {
    let kept = ["id", "locationName", "failoverPriority"];
    let kept = kept.map(|name| {
        (
            name.to_owned(),
            region.get(name).cloned().unwrap_or_default(),
        )
    });
    Value::Object(kept.into_iter().collect())
}

/// Where copies will be is not decided while the account is being made.
fn unknown_redundancy(properties: &mut Map<String, Value>) {
    let backup = properties.get_mut("backupPolicy");
    let periodic = backup.and_then(|backup| backup.get_mut("periodicModeProperties"));
    if let Some(Value::Object(periodic)) = periodic {
        periodic.insert("backupStorageRedundancy".to_owned(), json!("Invalid"));
    }
}

fn is_made(account: &Account) -> bool {
    !matches!(account.state, "Creating" | "Failed")
}

/// Only the account with the data plane is anywhere; the others lead to a port that nobody listens on.
pub(super) fn endpoint(world: &World, account: &Account) -> String {
    let own = account.name == world.account && !world.azure.vacant;
    let origin = if own { world.cosmos.as_str() } else { NOBODY };
    format!("{origin}/")
}

/// The region that takes the writes first. Only the account with the data plane may have a second one.
fn regions(world: &World, account: &Account) -> Vec<Value> {
    let own = account.name == world.account && !world.azure.vacant;
    if !own {
        return vec![region(
            account,
            &account.region,
            0,
            &endpoint(world, account),
        )];
    }
    let name = |origin: &str| match origin == world.cosmos {
        true => account.region.clone(),
        false => regions::pair(&account.region).to_owned(),
    };
    let serving = serving(world).into_iter().enumerate();
    serving
        .map(|(place, (_, origin))| region(account, &name(origin), place, &format!("{origin}/")))
        .collect()
}

fn region(account: &Account, name: &str, priority: usize, endpoint: &str) -> Value {
    let mut region = json!({
        "id": format!("{}-{name}", account.name),
        "locationName": display(name),
        "provisioningState": account.state,
        "failoverPriority": priority,
        "isZoneRedundant": false,
    });
    if let Some(members) = region.as_object_mut().filter(|_| is_made(account)) {
        members.insert("documentEndpoint".to_owned(), json!(endpoint));
    }
    region
}

/// `2026-01-01T00:00:00.0000000Z`.
pub(super) fn created(epoch: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(epoch);
    let time = time.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.0000000Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}
