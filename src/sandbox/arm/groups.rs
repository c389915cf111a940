//! Subscriptions, and the resource groups in them.

use serde_json::{Map, Value, json};

use super::account_body::tags;
use super::call::Call;
use super::effects::Effect;
use super::front::{check_group, ok};
use super::operations::begin_front;
use super::regions::{self, location, plain};
use super::{Answer, accounts, authorize, errors, guard, rbac, versions};
use crate::sandbox::azure::Group;
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

pub(super) fn subscriptions(world: &World, call: &Call<'_>) -> Answer {
    let known = call.claims.tid == world.tenant && rbac::known(world, &call.claims.oid);
    match (call.method, known) {
        ("GET", false) => ok(&json!({"value": []})),
        ("GET", true) => ok(&json!({"value": [subscription_document(world)]})),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn subscription(world: &World, call: &Call<'_>) -> Answer {
    match call.method {
        "GET" => ok(&subscription_document(world)),
        _ => Err(call.wrong_method()),
    }
}

/// Those the caller may see.
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    versions::check_resources(call)?;
    let kind = "Microsoft.Resources/subscriptions/resourceGroups";
    let seen = |group: &&Group| authorize::may_read(world, call, kind, &id(world, group));
    let all = world.azure.groups.values().filter(seen);
    let all: Vec<Value> = all.map(|group| document(world, group)).collect();
    match call.method {
        "GET" => ok(&json!({"value": all})),
        _ => Err(call.wrong_method()),
    }
}

pub(super) fn group(world: &mut World, call: &Call<'_>) -> Answer {
    versions::check_resources(call)?;
    let name = call.name("resourcegroups").to_ascii_lowercase();
    let there = world.azure.groups.get(&name).cloned();
    match (call.method, there) {
        ("HEAD", Some(_)) => Ok(Response::empty(204)),
        ("HEAD", None) => Ok(Response::empty(404)),
        ("PUT", there) => create(world, call, name, there),
        ("GET" | "DELETE", None) => {
            check_group(world, call).and_then(|()| Err(call.wrong_method()))
        }
        ("GET", Some(there)) => ok(&document(world, &there)),
        ("DELETE", Some(there)) => delete(world, call, name, there),
        _ => Err(call.wrong_method()),
    }
}

fn create(world: &mut World, call: &Call<'_>, key: String, there: Option<Group>) -> Answer {
    if there.is_some() {
        check_group(world, call)?;
    }
    guard::unlocked(world, call)?;
    let name = call.name("resourcegroups");
    check_name(name)?;
    let group = wanted(world, call, there.as_ref())?;
    world.azure.groups.insert(key, group.clone());
    let status = if there.is_some() { 200 } else { 201 };
    Ok(Response::json(status, &document(world, &group)))
}

/// Letters, digits, parentheses, hyphens, underscores and dots, of which none is at the end.
fn check_name(name: &str) -> Result<(), Response> {
    let fits = |letter: char| letter.is_alphanumeric() || "()-_.".contains(letter);
    if name.chars().all(fits) && name.chars().count() <= 90 && !name.ends_with('.') {
        return Ok(());
    }
    let message = format!(
        "The provided resource group name '{name}' has these invalid characters or is too long. The name can only be a letter, digit, '-', '.', '(', ')' or '_', of at most 90 of them, and cannot end with '.'."
    );
    Err(errors::front(400, "InvalidResourceGroup", &message))
}

fn wanted(world: &World, call: &Call<'_>, there: Option<&Group>) -> Result<Group, Response> {
    let body = call.body()?;
    let sent = location(&body)?;
    let place = plain(sent);
    if let Some(there) = there.filter(|there| there.location != place) {
        let message = format!(
            "Invalid resource group location '{sent}'. The Resource group already exists in location '{}'.",
            there.location
        );
        return Err(errors::front(409, "InvalidResourceGroupLocation", &message));
    }
    if !regions::is_known(world, &place) {
        let message = format!(
            "The provided location '{sent}' is not available for resource group. List of available regions is '{}'.",
            regions::all(world)
        );
        let code = "LocationNotAvailableForResourceGroup";
        return Err(errors::front(400, code, &message));
    }
    let name = there.map_or(call.name("resourcegroups"), |there| &there.name);
    Ok(Group {
        name: name.to_owned(),
        location: place,
        tags: body.get("tags").map_or(Ok(Map::new()), tags)?,
        deleting: false,
    })
}

fn delete(world: &mut World, call: &Call<'_>, name: String, there: Group) -> Answer {
    guard::unlocked(world, call)?;
    let group = Group {
        deleting: true,
        ..there
    };
    let inside = |group: &str| group.eq_ignore_ascii_case(&name);
    for account in world.azure.accounts.values_mut() {
        if inside(&account.group) {
            account.state = "Deleting";
        }
    }
    world.azure.groups.insert(name.clone(), group);
    begin_front(world, call, Effect::DeleteGroup { name })
}

/// Takes a group away, and all that is in it.
pub(super) fn remove(world: &mut World, name: &str) {
    let accounts = world.azure.accounts.values();
    let inside = accounts.filter(|account| account.group.eq_ignore_ascii_case(name));
    let inside: Vec<String> = inside.map(|account| account.name.clone()).collect();
    for account in inside {
        remove_account(world, &account);
    }
    if let Some(group) = world.azure.groups.remove(name) {
        let scope = id(world, &group);
        revoke(world, &scope);
    }
}

/// Takes an account away, and the data plane with it if it is the one that has it.
pub(super) fn remove_account(world: &mut World, name: &str) {
    let Some(account) = world.azure.accounts.remove(name) else {
        return;
    };
    let scope = accounts::id_of(world, &account);
    revoke(world, &scope);
    if name == world.account && !world.azure.vacant {
        world.vacate();
    }
}

/// Roles end with what they were given on.
fn revoke(world: &mut World, scope: &str) {
    let assignments = &mut world.azure.assignments;
    assignments.retain(|_, held| !rbac::within(scope, &held.scope));
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

fn id(world: &World, group: &Group) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}",
        world.subscription, group.name
    )
}

fn document(world: &World, group: &Group) -> Value {
    let state = if group.deleting {
        "Deleting"
    } else {
        "Succeeded"
    };
    json!({
        "id": id(world, group),
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "tags": group.tags,
        "properties": {"provisioningState": state},
    })
}

#[cfg(test)]
mod tests;
