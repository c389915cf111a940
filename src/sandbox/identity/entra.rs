//! A pod of AKS: no metadata service, but a signed token in a file that the token service takes for an identity.

mod assertion;

use serde_json::json;
use time::OffsetDateTime;

use super::identities::{IDENTITIES, Identity, answering, assigned};
use super::query::Query;
use super::{aadsts, absent, tokens};
use crate::sandbox::http::{Request, Response};
use crate::sandbox::world::World;

pub(super) use assertion::write;

const FORM: &str = "application/x-www-form-urlencoded";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SUFFIX: &str = "/.default";

/// Status, `error`, number and text of a refusal.
type Refusal = (u16, &'static str, u32, String);

/// Answers one request.
pub(super) fn handle(world: &mut World, request: &Request, now: OffsetDateTime) -> Response {
    let now = now.unix_timestamp();
    let mut parts = request.path().split('/').skip(1);
    let (Some(tenant), ["oauth2", "v2.0", "token"]) = (
        parts.next().filter(|tenant| !tenant.is_empty()),
        parts.collect::<Vec<_>>().as_slice(),
    ) else {
        return absent();
    };
    if request.method != "POST" {
        return Response::empty(405).with("Allow", "POST");
    }
    let answer = token(world, tenant, request, now);
    let answer = answer.unwrap_or_else(|(status, error, number, text)| {
        aadsts::refuse(world, (status, error, number), &text, now)
    });
    answer
        .with("Cache-Control", "no-store, no-cache")
        .with("Pragma", "no-cache")
}

fn token(
    world: &mut World,
    tenant: &str,
    request: &Request,
    now: i64,
) -> Result<Response, Refusal> {
    if !tenant.eq_ignore_ascii_case(&world.tenant) {
        return Err((400, "invalid_request", 90_002, no_tenant(tenant)));
    }
    let form = form(request)?;
    let sent = |name: &'static str| form.full(name).ok_or_else(|| missing(name));
    let (grant, client, scope) = (sent("grant_type")?, sent("client_id")?, sent("scope")?);
    if grant != "client_credentials" {
        return Err((400, "unsupported_grant_type", 70_003, wrong_grant(grant)));
    }
    let resource = resource(scope)?;
    let identity = client_of(world, client)?;
    let assertion = match form.full("client_assertion_type") {
        Some(TYPE) => form.full("client_assertion"),
        _ => None,
    };
    let assertion = assertion.ok_or((401, "invalid_client", 7_000_218, NO_ASSERTION.to_owned()))?;
    assertion::judge(world, identity, assertion, now)?;
    let identity = answering(world, identity);
    let token = tokens::give(world, identity, resource, now).ok_or_else(|| {
        (
            400,
            "invalid_resource",
            500_011,
            aadsts::no_resource(world, resource),
        )
    })?;
    let left = token.left(now);
    Ok(Response::json(
        200,
        &json!({
            "access_token": token.text, "expires_in": left, "ext_expires_in": left, "token_type": "Bearer",
        }),
    ))
}

const NO_ASSERTION: &str =
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";

/// The body, if it is a form in which nothing comes twice.
fn form(request: &Request) -> Result<Query, Refusal> {
    let kind = request.header("Content-Type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(FORM) {
        return Err(missing("grant_type"));
    }
    let form = Query::parse(&request.body);
    match form.twice() {
        Some(name) => {
            let text = format!(
                "The request is not properly formatted. The parameter '{name}' is duplicated."
            );
            Err((400, "invalid_request", 9_000_411, text))
        }
        None => Ok(form),
    }
}

fn missing(name: &str) -> Refusal {
    let text = format!("The request body must contain the following parameter: '{name}'.");
    (400, "invalid_request", 900_144, text)
}

fn no_tenant(tenant: &str) -> String {
    format!(
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. \
         Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
    )
}

fn wrong_grant(grant: &str) -> String {
    format!("The app requested an unsupported grant type '{grant}'.")
}

/// One scope, and that of everything the identity may do.
fn resource(scope: &str) -> Result<&str, Refusal> {
    if scope.split_whitespace().count() != 1 || scope.trim() != scope {
        let text = format!(
            "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."
        );
        return Err((400, "invalid_scope", 70_011, text));
    }
    let bare = scope.strip_suffix(SUFFIX).filter(|bare| !bare.is_empty());
    bare.ok_or_else(|| {
        let text = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
        );
        (400, "invalid_scope", 1_002_012, text)
    })
}

/// The identity with that client id, federated or not.
fn client_of(world: &World, client: &str) -> Result<&'static Identity, Refusal> {
    static ALL: [Identity; 3] = IDENTITIES;
    let known = if assigned(world).is_empty() {
        &[][..]
    } else {
        &ALL
    };
    let found = known
        .iter()
        .find(|identity| identity.client_id.eq_ignore_ascii_case(client));
    found.ok_or_else(|| {
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{}'. \
             This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. \
             You may have sent your authentication request to the wrong tenant.",
            world.tenant
        );
        (400, "unauthorized_client", 700_016, text)
    })
}

#[cfg(test)]
mod tests;
