//! What the role of the identity covers.

use super::call::Call;
use super::errors;
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

/// The role of the identity is DocumentDB Account Contributor: all of the provider, and reading the groups.
pub(super) fn authorize(world: &World, call: &Call<'_>) -> Result<(), Response> {
    let (action, scope) = action(call);
    let lower = action.to_ascii_lowercase();
    let reads = [
        "microsoft.resources/subscriptions/read",
        "microsoft.resources/subscriptions/resourcegroups/read",
    ];
    let granted = lower.starts_with("microsoft.documentdb/")
        || reads.contains(&lower.as_str())
        || (lower.starts_with("microsoft.authorization/") && lower.ends_with("/read"));
    match granted && !world.no_arm_role {
        true => Ok(()),
        false => Err(forbidden(call, &action, &scope)),
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
fn action(call: &Call<'_>) -> (String, String) {
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
    let named = after.len() % 2 == 0;
    let scope = match (named, after.len()) {
        (true, 2) | (false, 3) => before.join("/"),
        (true, _) => segments.join("/"),
        (false, _) => segments
            .get(..segments.len() - 1)
            .unwrap_or_default()
            .join("/"),
    };
    let types: String = types.iter().map(|kind| format!("/{kind}")).collect();
    (format!("{namespace}{types}/{verb}"), format!("/{scope}"))
}
