//! The identity endpoint of a machine, with its metadata.

pub(super) mod complaint;
mod instance;

use serde_json::json;
use time::OffsetDateTime;

use complaint::{bad, error, invalid};

use super::guid;
use super::http::{Request, Response};
use super::identity::identities::{self, Asked, By, Identity};
use super::identity::{aadsts, odd, query::Query, tokens};
use super::world::World;

pub use super::identity::identities::IDENTITIES;

/// Where the metadata service and those who imitate it give tokens.
pub(super) const TOKEN_PATH: &str = "/metadata/identity/oauth2/token";
// MSAL for Node.js ends it so where a variable names the host.
const ENDED_TOKEN_PATH: &str = "/metadata/identity/oauth2/token/";
const SERVER: &str = "IMDS/150.870.65.1324";
const SELECTORS: &[(&str, By)] = &[
    ("client_id", By::Client),
    ("object_id", By::Object),
    ("msi_res_id", By::Resource),
    ("mi_res_id", By::Resource),
];
/// `/metadata/identity` is no older than this.
const OLDEST: &str = "2018-02-01";
/// What the service has beside the identity and the instance.
const ABSENT: [&str; 3] = [
    "/metadata/attested",
    "/metadata/scheduledevents",
    "/metadata/loadbalancer",
];

/// Answers one request.
pub fn handle(world: &mut World, request: &Request, now: OffsetDateTime) -> Response {
    let answer = route(world, request, now.unix_timestamp()).unwrap_or_else(|refusal| refusal);
    let id = guid(world);
    signed(answer, id)
}

/// The answer with the headers by which the service is known.
pub(super) fn signed(answer: Response, id: String) -> Response {
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
    let query = Query::parse(request.query().as_bytes());
    complaint::check_twice(&query)?;
    check_version(&query, identity)?;
    match path {
        TOKEN_PATH | ENDED_TOKEN_PATH => token(world, &query, now),
        "/metadata/identity/info" => info(world),
        _ if ABSENT.iter().any(|part| path.starts_with(part)) => Err(error(
            501,
            "not_implemented",
            "The sandbox does not have this part of the metadata",
        )),
        _ => instance::read(world, path, query.get("format")),
    }
}

fn check_headers(request: &Request, identity: bool) -> Result<(), Response> {
    let complaint = match (
        request.header("Metadata"),
        request.header("X-Forwarded-For"),
    ) {
        (Some("true"), None) => return Ok(()),
        (Some("true"), Some(_)) => "Requests with an X-Forwarded-For header are refused",
        _ => complaint::NO_HEADER,
    };
    Err(match identity {
        true => invalid(complaint),
        false => bad(complaint),
    })
}

fn check_version(query: &Query, identity: bool) -> Result<(), Response> {
    let sent = query.get("api-version").unwrap_or_default();
    let known = instance::VERSIONS.contains(&sent) && (!identity || sent >= OLDEST);
    match known {
        true => Ok(()),
        false => Err(Response::json(400, &instance::bad_version())),
    }
}

fn info(world: &World) -> Result<Response, Response> {
    match identities::own(world) {
        Some(_) => Ok(Response::json(200, &json!({"tenantId": world.tenant}))),
        None => Err(invalid(complaint::NOT_FOUND)),
    }
}

fn token(world: &mut World, query: &Query, now: i64) -> Result<Response, Response> {
    let resource = complaint::resource(query)?;
    let identity = default_or(world, query, SELECTORS)?;
    let Some(token) = tokens::give(world, identity, resource, now) else {
        return Err(aadsts::unknown_resource(world, resource, now));
    };
    let (left, expiry) = (token.left(now), token.claims.exp);
    let usual = json!({
        "access_token": token.text,
        "client_id": identity.client_id,
        "expires_in": left.to_string(),
        "expires_on": expiry.to_string(),
        "ext_expires_in": (world.identity.host.lifetime() - 1).to_string(),
        "not_before": token.claims.nbf.to_string(),
        "resource": resource,
        "token_type": "Bearer",
    });
    let answer = odd::bend(world, usual, expiry, left);
    Ok(Response::json(200, &answer))
}

/// Who is asked for: without a selector the machine's own identity, or the only one there is.
pub(super) fn default_or(
    world: &World,
    query: &Query,
    selectors: &[(&str, By)],
) -> Result<&'static Identity, Response> {
    let found = match identities::asked(query, selectors) {
        Asked::ForSeveral => Err(complaint::ONLY_ONE),
        Asked::For(by, id) => identities::find(world, by, id).ok_or(complaint::NOT_FOUND),
        Asked::ForNone => match identities::assigned(world) {
            [] => Err(complaint::NOT_FOUND),
            [first, ..] if first.name.is_none() => Ok(first),
            [only] => Ok(only),
            _ => Err(complaint::MULTIPLE),
        },
    };
    found
        .map(|identity| identities::answering(world, identity))
        .map_err(invalid)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;
    use crate::sandbox::cloud::Cloud;
    use crate::sandbox::host::Host;
    use crate::sandbox::token;
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
            identities::resource_id(&world, "SANDBOX-identity")
        );
        assert_eq!(
            token_of(&mut world, &by_id).1["client_id"],
            IDENTITIES[1].client_id
        );
        world.two_identities = true;
        assert_eq!(
            token_of(&mut world, rest).1["error_description"],
            complaint::MULTIPLE
        );
        let by_object = format!("{rest}&object_id={}", IDENTITIES[2].object_id);
        assert_eq!(
            token_of(&mut world, &by_object).1["client_id"],
            IDENTITIES[2].client_id
        );
        world.no_identity = true;
        assert_eq!(
            token_of(&mut world, rest).1["error_description"],
            complaint::NOT_FOUND
        );
        assert_eq!(
            get(&mut world, "/metadata/identity/info?api-version=2018-02-01").0,
            400
        );
    }

    #[test]
    fn the_path_of_a_token_may_end_in_a_slash() {
        let rest = "/?api-version=2018-02-01&resource=https://cosmos.azure.com";
        let (status, body) = get(&mut world(), &format!("{TOKEN_PATH}{rest}"));
        assert_eq!(status, 200, "{body}");
        let (status, _) = get(&mut world(), &format!("{TOKEN_PATH}/{rest}"));
        assert_eq!(status, 404);
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

    #[test]
    fn a_machine_has_what_its_kind_has() {
        let rest = "resource=https://cosmos.azure.com";
        let info = "/metadata/identity/info?api-version=2018-02-01";
        // Who answers without a selector, whether the other one is there, and whether there is a tenant of its own.
        let rows = [
            (Host::Vm, 0, (1, 400), 200),
            (Host::VmUser, 1, (0, 400), 400),
            (Host::VmBoth, 0, (1, 200), 200),
        ];
        for (host, first, (other, status), own) in rows {
            let mut world = world();
            world.identity.host = host;
            let (_, body) = token_of(&mut world, rest);
            assert_eq!(body["client_id"], IDENTITIES[first].client_id, "{host:?}");
            let by_id = format!("{rest}&client_id={}", IDENTITIES[other].client_id);
            assert_eq!(token_of(&mut world, &by_id).0, status, "{host:?}");
            assert_eq!(get(&mut world, info).0, own, "{host:?}");
        }
    }

    #[test]
    fn faults_decide_before_the_kind_of_machine() {
        for host in [Host::Vm, Host::VmUser, Host::VmBoth] {
            let mut world = world();
            world.identity.host = host;
            world.two_identities = true;
            assert_eq!(identities::assigned(&world).len(), 2, "{host:?}");
            world.no_identity = true;
            assert_eq!(identities::assigned(&world).len(), 0, "{host:?}");
        }
    }

    #[test]
    fn a_cloud_knows_its_own_audiences_alone() {
        let rows = [
            ("usgov", "AzureUSGovernmentCloud", "usgovcloudapi.net", "us"),
            ("china", "AzureChinaCloud", "chinacloudapi.cn", "cn"),
        ];
        for (name, environment, arm, end) in rows {
            let mut world = world();
            world.cloud = Cloud::parse(name).unwrap();
            let compute = "/metadata/instance/compute?api-version=2021-02-01";
            assert_eq!(get(&mut world, compute).1["azEnvironment"], environment);
            for resource in [
                format!("https://management.{arm}/"),
                format!("https://management.core.{arm}"),
                format!("https://cosmos.azure.{end}"),
                format!("https://sandbox-account.documents.azure.{end}"),
            ] {
                let (status, body) = token_of(&mut world, &format!("resource={resource}"));
                assert_eq!((status, &body["resource"]), (200, &json!(resource)));
            }
            for resource in ["https://cosmos.azure.com", "https://management.azure.com/"] {
                let (status, body) = token_of(&mut world, &format!("resource={resource}"));
                assert_eq!((status, &body["error"]), (400, &json!("invalid_resource")));
            }
        }
    }
}
