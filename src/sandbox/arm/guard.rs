//! What stands in the way of a change although a role covers it: registration, policies, locks, and the state of the account.

use serde_json::json;

use super::call::Call;
use super::errors::{self, refused};
use super::operations::RETRY_MS;
use super::{accounts, authorize};
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

/// The provider has to be registered with the subscription.
pub(super) fn registered(world: &World) -> Result<(), Response> {
    if !world.azure.has("provider-unregistered") {
        return Ok(());
    }
    let (code, namespace) = ("MissingSubscriptionRegistration", "Microsoft.DocumentDB");
    let message = format!(
        "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions."
    );
    let detail = json!({"code": code, "target": namespace, "message": message});
    Err(Response::json(
        409,
        &json!({"error": {"code": code, "message": message, "details": [detail]}}),
    ))
}

/// A lock of the resource group that only lets read.
pub(super) fn unlocked(world: &World, call: &Call<'_>) -> Result<(), Response> {
    let verb = match call.method {
        _ if !world.azure.has("locked") => return Ok(()),
        "DELETE" => "delete",
        "GET" | "HEAD" => return Ok(()),
        _ => "write",
    };
    let (_, scope) = authorize::action(call);
    let message = format!(
        "The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: '/subscriptions/{}/resourceGroups/{}'. Please remove the lock and try again.",
        world.subscription,
        call.name("resourcegroups")
    );
    Err(errors::front(409, "ScopeLocked", &message))
}

/// A policy that wants accounts without keys, and leaves what is in them to others.
pub(super) fn allowed(world: &World, call: &Call<'_>) -> Result<(), Response> {
    let writes = matches!(call.method, "PUT" | "PATCH");
    if !world.azure.has("policy") || !writes {
        return Ok(());
    }
    let whole = call.words().len() == 8;
    let keyless = || {
        let body = call.properties().unwrap_or_default();
        body.get("disableLocalAuth") == Some(&json!(true))
    };
    match whole {
        true if keyless() => Ok(()),
        true => Err(disallowed(
            call,
            "Local authentication methods are not allowed.",
        )),
        false => Err(disallowed(
            call,
            "Changes are left to the deployment pipeline.",
        )),
    }
}

fn disallowed(call: &Call<'_>, reason: &str) -> Response {
    let name = call.segments.last().map_or("", String::as_str);
    let message = format!(
        "Resource '{name}' was disallowed by policy. Reasons: '{reason}'. See error details for policy resource IDs."
    );
    let expression = json!({
        "result": "True",
        "expressionKind": "Field",
        "expression": "Microsoft.DocumentDB/databaseAccounts/disableLocalAuth",
        "path": "properties.disableLocalAuth",
        "targetValue": "True",
        "operator": "NotEquals",
    });
    let info = json!({"evaluationDetails": {"evaluatedExpressions": [expression]}});
    Response::json(
        403,
        &json!({"error": {
            "code": "RequestDisallowedByPolicy",
            "target": name,
            "message": message,
            "additionalInfo": [{"type": "PolicyViolation", "info": info}],
        }}),
    )
}

/// What the account is in the middle of, and whether somebody else holds its lock.
pub(super) fn ready(world: &mut World, call: &Call<'_>) -> Result<(), Response> {
    let words = call.words();
    let reads = matches!(call.method, "GET" | "HEAD");
    let asks = call.method == "POST" && words.last().is_some_and(|word| word.starts_with("list"));
    let state = accounts::find(world, call).map(|account| account.state);
    match (state, call.method, words.len()) {
        (Some("Failed"), "GET" | "DELETE", 8) => Ok(()),
        (Some("Failed"), _, _) => Err(failed(call)),
        _ if reads || asks => Ok(()),
        (Some("Creating" | "Updating" | "Deleting"), _, _) => Err(in_progress(world, call)),
        _ => free(world, call),
    }
}

fn failed(call: &Call<'_>) -> Response {
    let message = format!(
        "DatabaseAccount {} is in a failed provisioning state because the previous attempt to create it was not successful. Please delete the previous instance before attempting to recreate this account.",
        call.name("databaseaccounts")
    );
    errors::provider(400, "BadRequest", &message)
}

fn in_progress(world: &mut World, call: &Call<'_>) -> Response {
    let sentence = format!(
        "There is already an operation in progress which requires exclusive lock on this service {}. Please retry the operation after sometime.",
        call.name("databaseaccounts")
    );
    precondition(world, &sentence)
}

fn free(world: &mut World, call: &Call<'_>) -> Result<(), Response> {
    if world.azure.busy == 0 {
        return Ok(());
    }
    world.azure.busy = match world.azure.busy {
        u32::MAX => u32::MAX,
        left => left - 1,
    };
    Err(locked(world, call))
}

/// Somebody else is changing the account.
pub(super) fn locked(world: &mut World, call: &Call<'_>) -> Response {
    let sentence = format!(
        "There is another user operation in progress which requires an exclusive lock on [{}]. Please retry after sometime.",
        call.name("databaseaccounts")
    );
    precondition(world, &sentence)
}

fn precondition(world: &mut World, sentence: &str) -> Response {
    refused(world, 412, "PreconditionFailed", sentence).with("x-ms-retry-after-ms", RETRY_MS)
}

#[cfg(test)]
mod tests;
