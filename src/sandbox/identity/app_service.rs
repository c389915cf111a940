//! App Service, Functions and Container Apps: an endpoint on loopback that wants a secret of the process's environment.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::identities::{Asked, By, Identity, answering, asked, find, own};
use super::odd::old_date;
use super::query::Query;
use super::{absent, tokens};
use crate::sandbox::guid;
use crate::sandbox::http::{Request, Response};
use crate::sandbox::world::World;

const PATH: &str = "/msi/token";
/// The header of the old protocol is `secret`, its only selector `clientid`, and its errors have capitals.
const OLD: Protocol = Protocol {
    version: "2017-09-01",
    header: "secret",
    selectors: &[("clientid", By::Client)],
    names: ["StatusCode", "Message", "CorrelationId"],
    not_found: "No MSI found for specified ClientId/ResourceId.",
    none: "No MSI found for specified ClientId/ResourceId.",
};
/// What is not among its selectors is passed over, even the spelling of the metadata service.
const CURRENT: Protocol = Protocol {
    version: "2019-08-01",
    header: "X-IDENTITY-HEADER",
    selectors: &[
        ("client_id", By::Client),
        ("principal_id", By::Object),
        ("object_id", By::Object),
        ("mi_res_id", By::Resource),
    ],
    names: ["statusCode", "message", "correlationId"],
    not_found: "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
    none: "Unable to load the proper Managed Identity.",
};
const NO_TOKEN: &str = "An unexpected error occured while fetching the AAD Token.";

struct Protocol {
    version: &'static str,
    header: &'static str,
    selectors: &'static [(&'static str, By)],
    names: [&'static str; 3],
    not_found: &'static str,
    none: &'static str,
}

/// A refusal that still lacks its correlation id.
type Refused = (u16, String);

/// Answers one request.
pub(super) fn handle(world: &mut World, request: &Request, now: OffsetDateTime) -> Response {
    if !request.path().eq_ignore_ascii_case(PATH) {
        return absent();
    }
    if request.method != "GET" {
        return Response::empty(405).with("Allow", "GET");
    }
    let query = Query::parse(request.query().as_bytes());
    let protocol = match query.get("api-version") {
        Some(version) if version == OLD.version => &OLD,
        _ => &CURRENT,
    };
    let answer = token(world, protocol, request, &query, now.unix_timestamp());
    let answer = answer.unwrap_or_else(|(status, text)| refuse(world, protocol, status, &text));
    answer.with("Server", "Kestrel")
}

/// A refusal in the words of the current protocol.
pub(super) fn fail(world: &mut World, status: u16, text: &str) -> Response {
    refuse(world, &CURRENT, status, text)
}

fn refuse(world: &mut World, protocol: &Protocol, status: u16, text: &str) -> Response {
    let [code, message, correlation] = protocol.names;
    let id = guid(world);
    Response::json(
        status,
        &json!({code: status, message: text, correlation: id}),
    )
}

fn token(
    world: &mut World,
    protocol: &Protocol,
    request: &Request,
    query: &Query,
    now: i64,
) -> Result<Response, Refused> {
    admit(world, protocol, request)?;
    let resource = check(protocol, query)?;
    let identity = select(world, protocol, query)?;
    let token = tokens::give(world, identity, resource, now);
    let token = token.ok_or_else(|| (500, NO_TOKEN.to_owned()))?;
    let mut body = json!({
        "access_token": token.text,
        "expires_on": token.claims.exp.to_string(),
        "resource": resource,
        "token_type": "Bearer",
    });
    let old = protocol.version == OLD.version;
    let (name, value) = match old {
        true => ("expires_on", old_date(world, token.claims.exp)),
        false => ("client_id", identity.client_id.to_ascii_uppercase()),
    };
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), Value::from(value));
    }
    Ok(Response::json(200, &body))
}

fn admit(world: &World, protocol: &Protocol, request: &Request) -> Result<(), Refused> {
    let name = protocol.header;
    match request.header(name) {
        Some(sent) if sent == world.identity.header => Ok(()),
        Some(_) => Err((401, format!("The value of the header {name} is wrong."))),
        None => Err((401, format!("The header {name} is missing."))),
    }
}

/// The resource, where the rest is as it should be.
fn check<'a>(protocol: &Protocol, query: &'a Query) -> Result<&'a str, Refused> {
    let wrong = |text: String| Err((400, text));
    if let Some(name) = query.twice() {
        return wrong(format!("The parameter {name} was sent more than once."));
    }
    if query.get("api-version") != Some(protocol.version) {
        return wrong("The api-version is missing or not supported.".to_owned());
    }
    match query.full("resource") {
        Some(resource) => Ok(resource),
        None => wrong("The parameter resource is missing.".to_owned()),
    }
}

/// Without a selector it is the app's own identity or none: a sole user-assigned one does not step in.
fn select(world: &World, protocol: &Protocol, query: &Query) -> Result<&'static Identity, Refused> {
    let wrong = |text: &str| (400, text.to_owned());
    let found = match asked(query, protocol.selectors) {
        Asked::ForNone => own(world).ok_or_else(|| wrong(protocol.none)),
        Asked::For(by, id) => find(world, by, id).ok_or_else(|| wrong(protocol.not_found)),
        Asked::ForSeveral => Err(wrong(
            "Only one of client_id, principal_id, object_id and mi_res_id may be sent.",
        )),
    };
    found.map(|identity| answering(world, identity))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::super::tests::{Asking, COSMOS, claims, world_on};
    use super::*;
    use crate::sandbox::host::Host;
    use crate::sandbox::imds::IDENTITIES;

    fn ask(world: &mut World, rest: &str) -> (u16, Value) {
        let target = format!("{PATH}?api-version=2019-08-01&resource={COSMOS}{rest}");
        let header = world.identity.header.clone();
        Asking::get(&target)
            .header("X-Identity-Header", &header)
            .json(world)
    }

    #[test]
    fn a_token_for_the_app_has_no_duration() {
        let mut world = world_on(Host::AppService);
        let (status, body) = ask(&mut world, "");
        assert_eq!(status, 200);
        let names: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "access_token",
                "client_id",
                "expires_on",
                "resource",
                "token_type"
            ]
        );
        assert_eq!(
            body["client_id"],
            IDENTITIES[0].client_id.to_ascii_uppercase()
        );
        assert!(claims(&body).xms_mirid.contains("/Microsoft.Web/sites/"));
    }

    #[test]
    fn each_selector_finds_the_user_assigned_identity() {
        let mut world = world_on(Host::AppService);
        let user = &IDENTITIES[1];
        let resource = super::super::identities::resource_id(&world, user.name.unwrap());
        for selector in [
            format!("client_id={}", user.client_id.to_uppercase()),
            format!("principal_id={}", user.object_id),
            format!("object_id={}", user.object_id),
            format!("mi_res_id={resource}"),
        ] {
            let (status, body) = ask(&mut world, &format!("&{selector}"));
            assert_eq!(status, 200, "{selector}");
            assert_eq!(claims(&body).appid, user.client_id, "{selector}");
        }
        // Names of other protocols are passed over, and the app's own identity answers.
        for selector in ["msi_res_id", "clientid"] {
            let (_, body) = ask(&mut world, &format!("&{selector}={resource}"));
            assert_eq!(claims(&body).appid, IDENTITIES[0].client_id, "{selector}");
        }
    }

    #[test]
    fn refusals_have_the_words_of_app_service() {
        let mut world = world_on(Host::AppService);
        let both = "&client_id=a&principal_id=b";
        let unknown = "&client_id=00000000-0000-0000-0000-000000000000";
        let (status, body) = ask(&mut world, unknown);
        assert_eq!((status, &body["statusCode"]), (400, &json!(400)));
        assert_eq!(body["message"], CURRENT.not_found);
        assert!(body["correlationId"].is_string());
        assert_eq!(ask(&mut world, both).0, 400);
        assert_eq!(ask(&mut world, "&resource=x").0, 400);
        world.two_identities = true;
        assert_eq!(ask(&mut world, "").1["message"], CURRENT.none);
        world.no_identity = true;
        assert_eq!(ask(&mut world, "").1["message"], CURRENT.none);
        let mut world = world_on(Host::AppService);
        let header = world.identity.header.clone();
        for resource in ["", "&resource="] {
            let target = format!("{PATH}?api-version=2019-08-01{resource}");
            let asking = Asking::get(&target).header("X-IDENTITY-HEADER", &header);
            assert_eq!(asking.json(&mut world).0, 400);
        }
        let target = format!("{PATH}?api-version=2019-08-01&resource=https://nowhere.example");
        let asking = Asking::get(&target).header("X-IDENTITY-HEADER", &header);
        let (status, body) = asking.json(&mut world);
        assert_eq!((status, &body["message"]), (500, &json!(NO_TOKEN)));
    }

    #[test]
    fn the_secret_and_the_method_are_checked() {
        let mut world = world_on(Host::AppService);
        let header = world.identity.header.clone();
        let target = format!("{PATH}?api-version=2019-08-01&resource={COSMOS}");
        for (name, value) in [
            ("X-Identity-Header", "wrong"),
            ("X-Identity-Header", ""),
            ("secret", header.as_str()),
            ("Metadata", "true"),
        ] {
            let asking = Asking::get(&target).header(name, value);
            assert_eq!(asking.json(&mut world).0, 401, "{name}");
        }
        let post = Asking::get(&target)
            .method("POST")
            .header("X-Identity-Header", &header);
        assert_eq!(post.json(&mut world).0, 405);
        for path in ["/metadata/instance?api-version=2021-02-01", "/msi", "/"] {
            let asking = Asking::get(path).header("Metadata", "true");
            assert_eq!(asking.json(&mut world).0, 404, "{path}");
        }
        assert_ne!(header, world_on(Host::AppService).identity.header);
    }

    #[test]
    fn the_old_protocol_has_dates_and_capitals() {
        let mut world = world_on(Host::AppService);
        let header = world.identity.header.clone();
        let mut ask = |name: &str, rest: &str| {
            let target = format!("/MSI/token?api-version=2017-09-01&resource={COSMOS}{rest}");
            Asking::get(&target).header(name, &header).json(&mut world)
        };
        let (status, body) = ask("secret", &format!("&clientid={}", IDENTITIES[1].client_id));
        assert_eq!(
            (status, &body["expires_on"]),
            (200, &json!("01/03/2026 03:04:05 +00:00"))
        );
        assert_eq!(claims(&body).oid, IDENTITIES[1].object_id);
        assert_eq!(body.get("client_id"), None);
        let (status, body) = ask("secret", "&clientid=x");
        assert_eq!((status, &body["StatusCode"]), (400, &json!(400)));
        assert_eq!(body["Message"], OLD.not_found);
        assert!(body["CorrelationId"].is_string());
        assert_eq!(ask("X-IDENTITY-HEADER", "").0, 401);
    }
}
