//! How an account looks from outside.

use serde_json::{Map, Value, json};

use super::account_body::SETTABLE;
use super::accounts;
use super::regions::display;
use crate::sandbox::azure::{Account, NOBODY};
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
    let region = json!([region(world, account)]);
    let mut add = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    add("provisioningState", json!(account.state));
    add("EnabledApiTypes", json!("Sql"));
    add("writeLocations", region.clone());
    add("readLocations", region.clone());
    add("locations", region);
    let policy = json!([{
        "id": format!("{}-{}", account.name, account.region),
        "locationName": display(&account.region),
        "failoverPriority": 0,
    }]);
    add("failoverPolicies", policy);
    if is_made(account) {
        add("documentEndpoint", json!(endpoint(world, account)));
    } else {
        add("defaultIdentity", json!(""));
        unknown_redundancy(properties);
    }
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

fn region(world: &World, account: &Account) -> Value {
    let mut region = json!({
        "id": format!("{}-{}", account.name, account.region),
        "locationName": display(&account.region),
        "provisioningState": account.state,
        "failoverPriority": 0,
        "isZoneRedundant": false,
    });
    if let Some(members) = region.as_object_mut().filter(|_| is_made(account)) {
        let endpoint = endpoint(world, account);
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
