//! What lies around the provider: the subscription and its one resource group.

use serde_json::{Value, json};

use super::call::Call;
use super::front::{check_group, ok};
use super::{Answer, errors};
use crate::sandbox::LOCATION;
use crate::sandbox::world::World;

pub(super) fn subscriptions(world: &World, call: &Call<'_>) -> Answer {
    let nothing = world.no_arm_role || call.claims.tid != world.tenant;
    match (call.method, nothing) {
        ("GET", true) => ok(&json!({"value": []})),
        ("GET", false) => ok(&json!({"value": [subscription_document(world)]})),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn subscription(world: &World, call: &Call<'_>) -> Answer {
    match call.method {
        "GET" => ok(&subscription_document(world)),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    match call.method {
        "GET" => ok(&json!({"value": [document(world)]})),
        _ => Err(call.wrong_method()),
    }
}

/// Making and deleting one was refused at the front door: the role does not cover it.
pub(super) fn group(world: &World, call: &Call<'_>) -> Answer {
    let found = check_group(world, call);
    match call.method {
        "GET" => found.and_then(|()| ok(&document(world))),
        "HEAD" if found.is_ok() => Ok(crate::sandbox::http::Response::empty(204)),
        "HEAD" => Ok(crate::sandbox::http::Response::empty(404)),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn provider(world: &World, call: &Call<'_>) -> Answer {
    match call.method {
        "GET" => ok(&json!({
            "id": format!("/subscriptions/{}/providers/Microsoft.DocumentDB", world.subscription),
            "namespace": "Microsoft.DocumentDB",
            "registrationState": "Registered",
            "registrationPolicy": "RegistrationRequired",
            "resourceTypes": [],
        })),
        _ => Err(errors::unsupported(
            "The sandbox's provider is registered already.",
        )),
    }
}

fn subscription_document(world: &World) -> Value {
    json!({
        "id": format!("/subscriptions/{}", world.subscription),
        "subscriptionId": world.subscription,
        "tenantId": world.tenant,
        "displayName": "Sandbox",
        "state": "Enabled",
    })
}

fn document(world: &World) -> Value {
    json!({
        "id": format!("/subscriptions/{}/resourceGroups/{}", world.subscription, world.resource_group),
        "name": world.resource_group,
        "type": "Microsoft.Resources/resourceGroups",
        "location": LOCATION,
        "properties": {"provisioningState": "Succeeded"},
    })
}
