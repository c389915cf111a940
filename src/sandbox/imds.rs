//! The identity endpoint of a machine, with its metadata.

mod complaint;
mod instance;

use serde_json::json;
use time::OffsetDateTime;
use url::form_urlencoded;

use complaint::{bad, error, invalid, unknown_resource};

use super::guid;
use super::http::{Request, Response};
use super::token::{self, Claims};
use super::world::World;

const SERVER: &str = "IMDS/150.870.65.1324";
const TOKEN_PATH: &str = "/metadata/identity/oauth2/token";
const LIFETIME: i64 = 24 * 60 * 60;
const BACKDATED: i64 = 5 * 60;
const SELECTORS: [&str; 4] = ["client_id", "object_id", "msi_res_id", "mi_res_id"];
/// `/metadata/identity` is no older than this.
const OLDEST: &str = "2018-02-01";
/// What the service has beside the identity and the instance.
const ABSENT: [&str; 3] = [
    "/metadata/attested",
    "/metadata/scheduledevents",
    "/metadata/loadbalancer",
];
const MULTIPLE: &str = "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request";
const NOT_FOUND: &str = "Identity not found";

/// An identity of the machine.
pub struct Identity {
    /// What `client_id` and `appid` say.
    pub client_id: &'static str,
    /// What `oid` says: the principal of a role assignment.
    pub object_id: &'static str,
    /// The name of a user-assigned identity; `None` for the machine's own.
    pub name: Option<&'static str>,
}

/// Every identity there is in the tenant, the machine's own one first.
pub const IDENTITIES: [Identity; 3] = [
    Identity {
        client_id: "5a0db0c5-0000-4000-8000-0000000000c1",
        object_id: "5a0db0c5-0000-4000-8000-0000000000a1",
        name: None,
    },
    Identity {
        client_id: "5a0db0c5-0000-4000-8000-0000000000c2",
        object_id: "5a0db0c5-0000-4000-8000-0000000000a2",
        name: Some("sandbox-identity"),
    },
    Identity {
        client_id: "5a0db0c5-0000-4000-8000-0000000000c3",
        object_id: "5a0db0c5-0000-4000-8000-0000000000a3",
        name: Some("sandbox-identity-2"),
    },
];

type Query = Vec<(String, String)>;

/// Answers one request.
pub fn handle(world: &mut World, request: &Request, now: OffsetDateTime) -> Response {
    let answer = route(world, request, now.unix_timestamp()).unwrap_or_else(|refusal| refusal);
    let id = guid(world);
    answer.with("Server", SERVER).with("x-ms-request-id", id)
}

fn route(world: &mut World, request: &Request, now: i64) -> Result<Response, Response> {
    let path = request.path();
    let identity = path.starts_with("/metadata/identity");
    if request.method != "GET" {
        return Err(error(405, "method_not_allowed", "Not allowed"));
    }
    check_headers(request, identity)?;
    if path == "/metadata/versions" {
        return Ok(Response::json(
            200,
            &json!({"apiVersions": instance::VERSIONS}),
        ));
    }
    let query = parse(request.query())?;
    check_version(&query, identity)?;
    match path {
        TOKEN_PATH => token(world, &query, now),
        "/metadata/identity/info" => info(world),
        _ if ABSENT.iter().any(|part| path.starts_with(part)) => Err(error(
            501,
            "not_implemented",
            "The sandbox does not have this part of the metadata",
        )),
        _ => instance::read(world, path, get(&query, "format")),
    }
}

fn check_headers(request: &Request, identity: bool) -> Result<(), Response> {
    let complaint = match (
        request.header("Metadata"),
        request.header("X-Forwarded-For"),
    ) {
        (Some("true"), None) => return Ok(()),
        (Some("true"), Some(_)) => "Requests with an X-Forwarded-For header are refused",
        _ => "Required metadata header not specified",
    };
    Err(match identity {
        true => invalid(complaint),
        false => bad(complaint),
    })
}

fn parse(query: &str) -> Result<Query, Response> {
    let pairs: Query = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let twice =
        |(name, _): &&(String, String)| pairs.iter().filter(|(other, _)| other == name).count() > 1;
    match pairs.iter().find(twice) {
        Some((name, _)) => Err(invalid(&format!(
            "Query variable '{name}' is specified more than once"
        ))),
        None => Ok(pairs),
    }
}

fn get<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    let found = query.iter().find(|(sent, _)| sent == name);
    found.map(|(_, value)| value.as_str())
}

fn check_version(query: &Query, identity: bool) -> Result<(), Response> {
    let sent = get(query, "api-version").unwrap_or_default();
    let known = instance::VERSIONS.contains(&sent) && (!identity || sent >= OLDEST);
    match known {
        true => Ok(()),
        false => Err(Response::json(400, &instance::bad_version())),
    }
}

fn info(world: &World) -> Result<Response, Response> {
    let own = assigned(world)
        .iter()
        .any(|identity| identity.name.is_none());
    match own {
        true => Ok(Response::json(200, &json!({"tenantId": world.tenant}))),
        false => Err(invalid(NOT_FOUND)),
    }
}

fn token(world: &mut World, query: &Query, now: i64) -> Result<Response, Response> {
    let resource = match get(query, "resource") {
        Some(resource) if !resource.is_empty() => resource,
        _ => return Err(invalid("Required query variable 'resource' is missing")),
    };
    let identity = select(world, query)?;
    let Some(other) = counterpart(world, resource) else {
        return Err(unknown_resource(world, resource, now));
    };
    let audience = if world.wrong_audience {
        other
    } else {
        resource
    };
    let (access_token, claims) = issue(world, identity, audience, now);
    Ok(Response::json(
        200,
        &json!({
            "access_token": access_token,
            "client_id": identity.client_id,
            "expires_in": (claims.exp - now).to_string(),
            "expires_on": claims.exp.to_string(),
            "ext_expires_in": (LIFETIME - 1).to_string(),
            "not_before": claims.nbf.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }),
    ))
}

fn assigned(world: &World) -> &'static [Identity] {
    match (world.no_identity, world.two_identities) {
        (true, _) => &[],
        (false, true) => IDENTITIES.get(1..).unwrap_or_default(),
        (false, false) => IDENTITIES.get(..2).unwrap_or_default(),
    }
}

fn select(world: &World, query: &Query) -> Result<&'static Identity, Response> {
    let mut sent = SELECTORS
        .iter()
        .filter_map(|name| Some((*name, get(query, name)?)));
    let identities = assigned(world);
    match (sent.next(), sent.next()) {
        (Some(_), Some(_)) => Err(invalid(
            "Only one of client_id, object_id and msi_res_id may be specified",
        )),
        (Some((name, value)), None) => identities
            .iter()
            .find(|identity| is(world, identity, name, value))
            .ok_or_else(|| invalid(NOT_FOUND)),
        (None, _) => match identities {
            [] => Err(invalid(NOT_FOUND)),
            [first, ..] if first.name.is_none() => Ok(first),
            [only] => Ok(only),
            _ => Err(invalid(MULTIPLE)),
        },
    }
}

fn is(world: &World, identity: &Identity, selector: &str, value: &str) -> bool {
    let id = match selector {
        "client_id" => identity.client_id.to_owned(),
        "object_id" => identity.object_id.to_owned(),
        _ => identity
            .name
            .map_or_else(String::new, |name| resource_id(world, name)),
    };
    !id.is_empty() && id.eq_ignore_ascii_case(value)
}

/// The ARM id of a user-assigned identity.
fn resource_id(world: &World, name: &str) -> String {
    format!(
        "{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}",
        instance::group(world)
    )
}

/// For a resource the tenant knows, one of the other plane; `None` for one it does not know.
fn counterpart(world: &World, resource: &str) -> Option<&'static str> {
    let account = format!("https://{}.documents.azure.com", world.account);
    let bare = resource.strip_suffix('/').unwrap_or(resource);
    match bare.to_ascii_lowercase().as_str() {
        "https://management.azure.com" | "https://management.core.windows.net" => {
            Some("https://cosmos.azure.com")
        }
        "https://cosmos.azure.com" => Some("https://management.azure.com"),
        own if own == account => Some("https://management.azure.com"),
        _ => None,
    }
}

/// The token given out before as long as it lasts, as the machine's own cache does.
fn issue(world: &mut World, identity: &Identity, audience: &str, now: i64) -> (String, Claims) {
    let key = (identity.object_id.to_owned(), audience.to_owned());
    let kept = world
        .tokens
        .get(&key)
        .and_then(|kept| Some((kept.clone(), token::verify(kept)?)));
    if let Some((token, claims)) = kept
        && (claims.nbf..claims.exp - BACKDATED).contains(&now)
    {
        return (token, claims);
    }
    let claims = claims(world, identity, audience, now);
    let token = token::mint(&claims);
    world.tokens.insert(key, token.clone());
    (token, claims)
}

fn claims(world: &World, identity: &Identity, audience: &str, now: i64) -> Claims {
    let machine = instance::machine(world);
    let (xms_mirid, xms_az_rid) = match identity.name {
        None => (machine, None),
        Some(name) => (resource_id(world, name), Some(machine)),
    };
    Claims {
        aud: audience.to_owned(),
        oid: identity.object_id.to_owned(),
        appid: identity.client_id.to_owned(),
        tid: world.tenant.clone(),
        iat: now - BACKDATED,
        nbf: now - BACKDATED,
        exp: now + LIFETIME,
        xms_mirid,
        xms_az_rid,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;
    use serde_json::Value;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn ask(
        world: &mut World,
        target: &str,
        headers: &[(&str, &str)],
        now: OffsetDateTime,
    ) -> (u16, Value) {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = Request {
            method: "GET".into(),
            target: target.into(),
            headers: headers.iter().map(own).collect(),
            body: Vec::new(),
        };
        let answer = handle(world, &request, now);
        let body = String::from_utf8(answer.body).unwrap();
        (
            answer.status,
            serde_json::from_str(&body).unwrap_or(Value::String(body)),
        )
    }

    fn get(world: &mut World, target: &str) -> (u16, Value) {
        ask(world, target, &[("Metadata", "true")], NOW)
    }

    fn token_of(world: &mut World, rest: &str) -> (u16, Value) {
        get(
            world,
            &format!("{TOKEN_PATH}?api-version=2018-02-01&{rest}"),
        )
    }

    fn world() -> World {
        crate::sandbox::fresh_world(&Default::default())
    }

    #[test]
    fn a_token_says_who_for_what_and_for_how_long() {
        let mut world = world();
        let (status, body) = token_of(&mut world, "resource=https%3A%2F%2Fcosmos.azure.com");
        assert_eq!(status, 200);
        let names: Vec<&str> = body
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            names,
            [
                "access_token",
                "client_id",
                "expires_in",
                "expires_on",
                "ext_expires_in",
                "not_before",
                "resource",
                "token_type"
            ]
        );
        assert!(body.as_object().unwrap().values().all(Value::is_string));
        assert_eq!(body["expires_in"], "86400");
        let claims = token::verify(body["access_token"].as_str().unwrap()).unwrap();
        assert_eq!(claims.aud, "https://cosmos.azure.com");
        assert_eq!(claims.exp - claims.nbf, 86_700);
        assert_eq!(claims.oid, IDENTITIES[0].object_id);

        let later = NOW + time::Duration::seconds(499);
        let target =
            format!("{TOKEN_PATH}?api-version=2025-04-07&resource=https://cosmos.azure.com");
        let (_, again) = ask(&mut world, &target, &[("metadata", "true")], later);
        assert_eq!(again["access_token"], body["access_token"]);
        assert_eq!(again["expires_in"], "85901");
    }

    #[test]
    fn a_slash_at_the_end_of_a_resource_stays() {
        let mut world = world();
        for resource in [
            "https://sandbox-account.documents.azure.com/",
            "https://management.azure.com/",
        ] {
            let (_, body) = token_of(&mut world, &format!("resource={resource}"));
            assert_eq!(body["resource"], resource);
            let claims = token::verify(body["access_token"].as_str().unwrap()).unwrap();
            assert_eq!(claims.aud, resource);
        }
    }

    #[test]
    fn what_imds_refuses() {
        let mut world = world();
        let target =
            format!("{TOKEN_PATH}?api-version=2018-02-01&resource=https://cosmos.azure.com");
        let missing = json!({"error": "invalid_request", "error_description": "Required metadata header not specified"});
        for headers in [&[][..], &[("Metadata", "True")], &[("Metadata", "1")]] {
            assert_eq!(
                ask(&mut world, &target, headers, NOW),
                (400, missing.clone())
            );
        }
        let forwarded = [("Metadata", "true"), ("X-Forwarded-For", "")];
        assert_eq!(ask(&mut world, &target, &forwarded, NOW).0, 400);
        let rest = "resource=https://cosmos.azure.com&";
        assert_eq!(token_of(&mut world, &format!("{rest}{rest}")).0, 400);
        assert_eq!(token_of(&mut world, "").0, 400);
        assert_eq!(
            token_of(&mut world, &format!("{rest}client_id=a&object_id=b")).0,
            400
        );
        let unknown = token_of(&mut world, &format!("{rest}client_id={}", world_id()));
        assert_eq!(unknown.1["error_description"], "Identity not found");
        let (status, body) = token_of(&mut world, "resource=https://cosmos.azure.us");
        assert_eq!((status, &body["error"]), (400, &json!("invalid_resource")));
        let (status, body) = get(&mut world, &format!("{TOKEN_PATH}?{rest}"));
        assert_eq!(
            (status, &body["newest-versions"][0]),
            (400, &json!("2025-04-07"))
        );
        let old = get(
            &mut world,
            &format!("{TOKEN_PATH}?api-version=2017-12-01&{rest}"),
        );
        assert_eq!(old.0, 400);
    }

    fn world_id() -> &'static str {
        "00000000-0000-0000-0000-000000000000"
    }

    #[test]
    fn which_identity_answers() {
        let mut world = world();
        let rest = "resource=https://cosmos.azure.com";
        let by_id = format!(
            "{rest}&msi_res_id={}",
            resource_id(&world, "SANDBOX-identity")
        );
        assert_eq!(
            token_of(&mut world, &by_id).1["client_id"],
            IDENTITIES[1].client_id
        );
        world.two_identities = true;
        assert_eq!(token_of(&mut world, rest).1["error_description"], MULTIPLE);
        let by_object = format!("{rest}&object_id={}", IDENTITIES[2].object_id);
        assert_eq!(
            token_of(&mut world, &by_object).1["client_id"],
            IDENTITIES[2].client_id
        );
        world.no_identity = true;
        assert_eq!(token_of(&mut world, rest).1["error_description"], NOT_FOUND);
        assert_eq!(
            get(&mut world, "/metadata/identity/info?api-version=2018-02-01").0,
            400
        );
    }

    #[test]
    fn the_wrong_audience_is_that_of_the_other_plane() {
        let mut world = world();
        world.wrong_audience = true;
        let (_, body) = token_of(&mut world, "resource=https://cosmos.azure.com");
        let claims = token::verify(body["access_token"].as_str().unwrap()).unwrap();
        assert_eq!(claims.aud, "https://management.azure.com");
        assert_eq!(body["resource"], "https://cosmos.azure.com");
    }

    #[test]
    fn the_machine_describes_itself() {
        let mut world = world();
        let compute = get(
            &mut world,
            "/metadata/instance/compute?api-version=2021-02-01",
        )
        .1;
        assert_eq!(compute["subscriptionId"], world.subscription);
        assert_eq!(compute["azEnvironment"], "AzurePublicCloud");
        let leaf = "/metadata/instance/compute/location?api-version=2021-02-01";
        assert_eq!(get(&mut world, leaf).0, 400);
        assert_eq!(
            get(&mut world, &format!("{leaf}&format=text")),
            (200, json!("westeurope"))
        );
        assert_eq!(
            get(
                &mut world,
                "/metadata/instance/nothing?api-version=2021-02-01"
            )
            .0,
            404
        );
        let proof = "/metadata/attested/document?api-version=2021-02-01";
        assert_eq!(get(&mut world, proof).0, 501);
        assert_eq!(
            get(&mut world, "/metadata/versions").1["apiVersions"][5],
            "2018-02-01"
        );
        assert_eq!(
            get(&mut world, "/metadata/instance?api-version=2021-02-01").1["compute"],
            compute
        );
    }
}
