//! Container Instances on Linux: the metadata service's protocol without the metadata.

use serde_json::json;
use time::OffsetDateTime;

use super::identities::By;
use super::query::Query;
use super::{aadsts, absent, tokens};
use crate::sandbox::http::{Request, Response};
use crate::sandbox::imds::{TOKEN_PATH, complaint, default_or};
use crate::sandbox::world::World;

const VERSION: &str = "2018-02-01";
/// The other spelling, `mi_res_id`, is passed over.
const SELECTORS: &[(&str, By)] = &[
    ("client_id", By::Client),
    ("object_id", By::Object),
    ("msi_res_id", By::Resource),
];
const NO_HEADER: &str = "Required metadata header not specified or not correct";

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
        return Err(Response::empty(400)
            .with("Content-Type", "text/plain; charset=utf-8")
            .carrying(NO_HEADER));
    }
    token(world, &Query::parse(request.query().as_bytes()), now)
}

fn token(world: &mut World, query: &Query, now: i64) -> Result<Response, Response> {
    complaint::check_twice(query)?;
    if query.get("api-version") != Some(VERSION) {
        return Err(complaint::invalid("The api-version is not supported"));
    }
    let resource = complaint::resource(query)?;
    let identity = default_or(world, query, SELECTORS)?;
    let Some(token) = tokens::give(world, identity, resource, now) else {
        return Err(aadsts::unknown_resource(world, resource, now));
    };
    Ok(Response::json(
        200,
        &json!({
            "access_token": token.text,
            "refresh_token": "",
            "expires_in": token.left(now).to_string(),
            "expires_on": token.claims.exp.to_string(),
            "not_before": token.claims.nbf.to_string(),
            "resource": format!("{}/", resource.trim_end_matches('/')),
            "token_type": "Bearer",
        }),
    ))
}
