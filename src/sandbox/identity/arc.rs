//! The agent of Azure Arc: who asks must show that it may read a file of the agent's.

mod keys;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::identities::{Asked, By, Identity, answering, asked, find, id, own};
use super::query::Query;
use super::troubles::{Lure, Trouble};
use super::{aadsts, absent, tokens};
use crate::sandbox::http::{Request, Response};
use crate::sandbox::imds::{TOKEN_PATH, complaint};
use crate::sandbox::world::World;

pub use keys::Keys;

const VERSIONS: [&str; 3] = ["2019-11-01", "2020-06-01", "2021-02-01"];
/// The other spelling, `mi_res_id`, is passed over.
const SELECTORS: &[(&str, By)] = &[
    ("client_id", By::Client),
    ("object_id", By::Object),
    ("msi_res_id", By::Resource),
];

/// Answers one request.
pub(super) fn handle(world: &mut World, request: &Request, now: OffsetDateTime) -> Response {
    route(world, request, now.unix_timestamp()).unwrap_or_else(|refusal| refusal)
}

fn route(world: &mut World, request: &Request, now: i64) -> Result<Response, Response> {
    if request.path() != TOKEN_PATH {
        return Err(absent());
    }
    if request.method != "GET" {
        return Err(complaint::error(405, "method_not_allowed", "Not allowed"));
    }
    if request.header("Metadata") != Some("true") {
        return Err(complaint::invalid(complaint::NO_HEADER));
    }
    let query = Query::parse(request.query().as_bytes());
    complaint::check_twice(&query)?;
    if !VERSIONS.contains(&query.get("api-version").unwrap_or_default()) {
        return Err(complaint::invalid("The api-version is not supported"));
    }
    let resource = complaint::resource(&query)?;
    let by = selector(world, &query)?;
    authorize(world, request, now)?;
    token(world, resource, by, now)
}

/// The selector that counts; the agent's own identity cannot be asked for by an id.
fn selector<'a>(world: &World, query: &'a Query) -> Result<Option<(By, &'a str)>, Response> {
    if world.identity.has(Trouble::OldAgent) {
        return Ok(None);
    }
    match asked(query, SELECTORS) {
        Asked::ForNone => Ok(None),
        Asked::ForSeveral => Err(complaint::invalid(complaint::ONLY_ONE)),
        Asked::For(by, value) if is_own(world, by, value) => Err(complaint::invalid(
            "The id is that of the system-assigned identity, which is not to be asked for by its id",
        )),
        Asked::For(by, value) => Ok(Some((by, value))),
    }
}

fn is_own(world: &World, by: By, value: &str) -> bool {
    find(world, by, value).is_some_and(|identity| identity.name.is_none())
}

fn authorize(world: &mut World, request: &Request, now: i64) -> Result<(), Response> {
    let sent = request.header("Authorization");
    let key = sent.and_then(|sent| sent.strip_prefix("Basic "));
    let known = key.is_some_and(|key| world.identity.keys.redeem(key, now));
    match known {
        true => Ok(()),
        false => Err(challenge(world, sent.is_some(), now)),
    }
}

fn challenge(world: &mut World, again: bool, now: i64) -> Response {
    let lure = world
        .identity
        .troubles
        .iter()
        .find_map(|trouble| match trouble {
            Trouble::Rogue(lure) => Some(*lure),
            _ => None,
        });
    let written = match &world.identity.folder {
        Some(folder) => world.identity.keys.write(folder, lure, now),
        None => Err(std::io::ErrorKind::NotFound.into()),
    };
    let Ok(path) = written else {
        return complaint::error(500, "server_error", "The key cannot be written");
    };
    let description = match again {
        false => "Missing Basic Authorization header",
        true => "Invalid Basic Authorization header",
    };
    let body = json!({
        "error": "unauthorized_client",
        "error_description": description,
        "error_codes": [401],
    });
    Response::empty(401)
        .with("Content-Type", "application/json")
        .with(
            "Www-Authenticate",
            format!("Basic realm={}", path.display()),
        )
        .carrying(body.to_string())
}

fn token(
    world: &mut World,
    resource: &str,
    by: Option<(By, &str)>,
    now: i64,
) -> Result<Response, Response> {
    let found = match by {
        Some((by, value)) => find(world, by, value),
        None => own(world),
    };
    let found = found.ok_or_else(|| complaint::invalid(complaint::NOT_FOUND))?;
    let identity = answering(world, found);
    let Some(token) = tokens::give(world, identity, resource, now) else {
        return Err(aadsts::unknown_resource(world, resource, now));
    };
    let mut body = json!({
        "token_type": "Bearer",
        "expires_in": token.left(now).to_string(),
        "expires_on": token.claims.exp.to_string(),
        "ext_expires_in": world.identity.host.lifetime() - 1,
        "access_token": token.text,
        "resource": resource,
    });
    if let Some((by, _)) = by {
        echo(world, &mut body, by, identity);
    }
    Ok(Response::json(200, &body))
}

/// Says which identity it was, by the kind of id that was asked for.
fn echo(world: &World, body: &mut Value, by: By, identity: &Identity) {
    let name = SELECTORS.iter().find(|(_, other)| *other == by);
    if let (Some((name, _)), Some(members), Some(id)) =
        (name, body.as_object_mut(), id(world, identity, by))
    {
        members.insert((*name).to_owned(), json!(id));
    }
}

#[cfg(test)]
mod tests;
