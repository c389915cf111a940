//! What the roles of the identity cover.

use super::call::Call;
use super::{errors, rbac};
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

/// Refuses what the caller has no role for.
pub(super) fn authorize(world: &World, call: &Call<'_>) -> Result<(), Response> {
    let (action, scope) = action(call);
    let caller = &call.claims.oid;
    let allowed = match reach(call) {
        Reach::Signed => !world.azure.has("poll-refused"),
        Reach::Filtered => rbac::known(world, caller),
        Reach::Role => rbac::may(world, caller, &action, &scope),
    };
    match allowed {
        true => Ok(()),
        false => Err(forbidden(call, &action, &scope)),
    }
}

/// Whether the caller may read one entry of a list.
pub(super) fn may_read(world: &World, call: &Call<'_>, kind: &str, id: &str) -> bool {
    rbac::may(world, &call.claims.oid, &format!("{kind}/read"), id)
}

/// What lets a request in.
enum Reach {
    /// The signature in the URL of an operation.
    Signed,
    /// Any role: what it does not cover is left out of the answer.
    Filtered,
    /// A role that covers it.
    Role,
}

fn reach(call: &Call<'_>) -> Reach {
    match (call.method, call.words().as_slice()) {
        ("GET", [.., "operationsstatus" | "operationresults", _]) => Reach::Signed,
        ("GET", ["subscriptions", _] | ["subscriptions", _, "resourcegroups"]) => Reach::Filtered,
        (
            "GET",
            [
                "subscriptions",
                _,
                "providers",
                "microsoft.documentdb",
                "databaseaccounts",
            ],
        ) => Reach::Filtered,
        _ => Reach::Role,
    }
}

fn forbidden(call: &Call<'_>, action: &str, scope: &str) -> Response {
    let message = format!(
        "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        call.claims.appid, call.claims.oid
    );
    errors::front(403, "AuthorizationFailed", &message)
}

/// The action that the method is on the types of the path, and the scope it would happen in.
pub(super) fn action(call: &Call<'_>) -> (String, String) {
    let words = call.words();
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let provider = words.iter().rposition(|word| *word == "providers");
    let verb = match call.method {
        "PUT" | "PATCH" => "write",
        "DELETE" => "delete",
        "POST" => "action",
        _ => "read",
    };
    let Some(place) = provider else {
        let kind = if words.len() > 2 {
            "subscriptions/resourceGroups"
        } else {
            "subscriptions"
        };
        return (
            format!("Microsoft.Resources/{kind}/{verb}"),
            format!("/{}", segments.join("/")),
        );
    };
    let (before, after) = segments.split_at(place);
    let types: Vec<&str> = after.iter().skip(2).step_by(2).copied().collect();
    let namespace = after.get(1).copied().unwrap_or_default();
    if after.len() == 2 {
        let action = format!("Microsoft.Resources/subscriptions/providers/{verb}");
        return (action, format!("/{}", before.join("/")));
    }
    let named = after.len() % 2 == 0;
    let scope = match (named, after.len()) {
        (false, 3) => before.join("/"),
        (true, _) => segments.join("/"),
        (false, _) => segments
            .get(..segments.len() - 1)
            .unwrap_or_default()
            .join("/"),
    };
    let types: String = types.iter().map(|kind| format!("/{kind}")).collect();
    (format!("{namespace}{types}/{verb}"), format!("/{scope}"))
}
