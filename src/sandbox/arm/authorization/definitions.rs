//! `roleDefinitions`: the roles there are.

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::front::ok;
use super::super::{Answer, errors, rbac};
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

pub(super) fn definitions(world: &World, call: &Call<'_>, rest: &[&str]) -> Answer {
    match (call.method, rest) {
        ("GET", []) => {
            let named = match call.query("$filter") {
                None => None,
                Some(filter) => Some(operand(filter, "rolename")?),
            };
            let wanted = |role: &&rbac::Role| named.is_none_or(|name| role.title == name);
            let all = rbac::ROLES.iter().filter(wanted);
            let all: Vec<Value> = all.map(|role| definition(world, role)).collect();
            ok(&json!({"value": all}))
        }
        ("GET", [id]) => match rbac::by_id(id) {
            Some(role) => ok(&definition(world, role)),
            None => Err(no_role(id)),
        },
        ("PUT" | "DELETE", [_]) => Err(errors::unsupported(
            "The sandbox has Azure's built-in roles for accounts and takes no others.",
        )),
        _ => Err(call.wrong_method()),
    }
}

/// The text of `NAME eq 'TEXT'`.
pub(super) fn operand<'a>(filter: &'a str, name: &str) -> Result<&'a str, Response> {
    let mut words = filter.trim().splitn(3, ' ');
    let (left, verb) = (words.next().unwrap_or_default(), words.next());
    let text = words.next().map(str::trim);
    let text = text.and_then(|text| text.strip_prefix('\'')?.strip_suffix('\''));
    match text {
        Some(text) if left.eq_ignore_ascii_case(name) && verb == Some("eq") => Ok(text),
        _ => Err(bad_filter(filter)),
    }
}

fn bad_filter(filter: &str) -> Response {
    let message = format!("The filter '{filter}' is not supported.");
    errors::front(400, "UnsupportedQuery", &message)
}

pub(super) fn no_role(id: &str) -> Response {
    let message = format!("The specified role definition with ID '{id}' does not exist.");
    errors::front(404, "RoleDefinitionDoesNotExist", &message)
}

pub(super) fn role_id(world: &World, id: &str) -> String {
    format!(
        "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{id}",
        world.subscription
    )
}

fn definition(world: &World, role: &rbac::Role) -> Value {
    json!({
        "id": role_id(world, role.id),
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": role.id,
        "properties": {
            "roleName": role.title,
            "type": "BuiltInRole",
            "description": "",
            "assignableScopes": ["/"],
            "permissions": [{
                "actions": role.actions,
                "notActions": role.not_actions,
                "dataActions": [],
                "notDataActions": [],
            }],
        },
    })
}
