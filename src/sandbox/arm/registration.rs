//! The provider `Microsoft.DocumentDB` itself: whether the subscription may use it.

use serde_json::json;

use super::call::Call;
use super::effects::Effect;
use super::front::ok;
use super::operations::enqueue;
use super::{Answer, versions};
use crate::sandbox::world::World;

/// `GET` of the provider.
pub(super) fn provider(world: &World, call: &Call<'_>) -> Answer {
    versions::check_resources(call)?;
    let state = match world.azure.has("provider-unregistered") {
        true if world.azure.has("registering") => "Registering",
        true => "NotRegistered",
        false => "Registered",
    };
    match call.method {
        "GET" => answer(world, state),
        _ => Err(call.wrong_method()),
    }
}

/// `POST` of `register`: it takes a while.
pub(super) fn register(world: &mut World, call: &Call<'_>) -> Answer {
    versions::check_resources(call)?;
    if call.method != "POST" {
        return Err(call.wrong_method());
    }
    if !world.azure.has("provider-unregistered") {
        return answer(world, "Registered");
    }
    world.azure.troubles.insert("registering");
    enqueue(world, call, Effect::Register, |subscription, id| {
        (None, format!("{subscription}/operationresults/{id}"))
    });
    answer(world, "Registering")
}

fn answer(world: &World, state: &str) -> Answer {
    ok(&json!({
        "id": format!("/subscriptions/{}/providers/Microsoft.DocumentDB", world.subscription),
        "namespace": "Microsoft.DocumentDB",
        "registrationState": state,
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [{"resourceType": "databaseAccounts", "apiVersions": versions::provider(world, "")}],
    }))
}

/// Some of what the provider can do; the list needs no subscription.
pub(super) fn operations(call: &Call<'_>) -> Answer {
    if call.method != "GET" {
        return Err(call.wrong_method());
    }
    let row = |(kind, verb, description): &(&str, &str, &str)| {
        json!({
            "name": format!("Microsoft.DocumentDB/{kind}/{verb}"),
            "display": {
                "provider": "Microsoft Azure Cosmos DB",
                "resource": kind,
                "operation": description,
                "description": description,
            },
        })
    };
    ok(&json!({"value": OPERATIONS.iter().map(row).collect::<Vec<_>>()}))
}

const OPERATIONS: &[(&str, &str, &str)] = &[
    ("databaseAccounts", "read", "Read database account"),
    (
        "databaseAccounts",
        "write",
        "Create or update database account",
    ),
    ("databaseAccounts", "delete", "Delete database account"),
    (
        "databaseAccounts/listKeys",
        "action",
        "List the keys of a database account",
    ),
    (
        "databaseAccounts/sqlDatabases",
        "write",
        "Create a SQL database",
    ),
    (
        "databaseAccounts/sqlDatabases/containers",
        "write",
        "Create or update a SQL container",
    ),
];
