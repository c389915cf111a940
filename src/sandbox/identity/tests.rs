//! Every host against what was recorded of it, and what can be wrong with any of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::identities::IDENTITIES;
use super::*;
use crate::sandbox::faults::{self, Fault, Faults, Service};
use crate::sandbox::host::environment;
use crate::sandbox::token::{self, Claims};
use crate::sandbox::{Options, Sandbox, arm, cosmos, start};

// ---- What the tests of the hosts have in common

pub(super) const NOW: OffsetDateTime = time::macros::datetime!(2026-01-02 03:04:05 UTC);
pub(super) const COSMOS: &str = "https://cosmos.azure.com";

/// A world on such a host, ready to answer.
pub(super) fn world_on(host: Host) -> World {
    let options = Options {
        host,
        ..Options::default()
    };
    let mut world = crate::sandbox::fresh_world(&options);
    prepare(&mut world, NOW).unwrap();
    world
}

/// A request in the making.
pub(super) struct Asking {
    request: Request,
    now: OffsetDateTime,
}

impl Asking {
    pub(super) fn get(target: &str) -> Self {
        let request = Request {
            method: "GET".into(),
            target: target.into(),
            ..Request::default()
        };
        Self { request, now: NOW }
    }

    pub(super) fn method(mut self, method: &str) -> Self {
        self.request.method = method.into();
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.request.headers.push((name.into(), value.into()));
        self
    }

    pub(super) fn body(mut self, body: &str) -> Self {
        self.request.body = body.into();
        self
    }

    pub(super) fn later(mut self, seconds: i64) -> Self {
        self.now += time::Duration::seconds(seconds);
        self
    }

    pub(super) fn answer(&self, world: &mut World) -> Response {
        handle(world, &self.request, self.now)
    }

    /// The status and the body, which is a text where it is no JSON.
    pub(super) fn json(&self, world: &mut World) -> (u16, Value) {
        let answer = self.answer(world);
        (answer.status, body(&answer))
    }
}

pub(super) fn body(answer: &Response) -> Value {
    let text = String::from_utf8(answer.body.clone()).unwrap();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

pub(super) fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|(sent, _)| sent == name);
    found.map(|(_, value)| value.as_str())
}

/// What the token in an answer says.
pub(super) fn claims(body: &Value) -> Claims {
    token::verify(body["access_token"].as_str().unwrap()).unwrap()
}

// ---- Asking as each host wants to be asked

fn world_with(host: Host, troubles: &[&str]) -> World {
    let mut world = world_on(host);
    for fault in troubles {
        Faults::new(vec![Fault::parse(fault).unwrap()], &mut world);
    }
    world
}

fn variable(world: &World, wanted: &str) -> String {
    let found = environment(world)
        .into_iter()
        .find(|(name, _)| *name == wanted);
    found.unwrap().1
}

fn imds(rest: &str) -> Asking {
    let target = format!("{}?api-version=2018-02-01&{rest}", imds::TOKEN_PATH);
    Asking::get(&target).header("Metadata", "true")
}

fn app(world: &World, version: &str, rest: &str) -> Asking {
    let name = match version {
        "2017-09-01" => "secret",
        _ => "X-IDENTITY-HEADER",
    };
    let target = format!("/msi/token?api-version={version}&{rest}");
    Asking::get(&target).header(name, &world.identity.header)
}

fn arc(rest: &str) -> Asking {
    let target = format!("{}?api-version=2020-06-01&{rest}", imds::TOKEN_PATH);
    Asking::get(&target).header("Metadata", "true")
}

fn aks(world: &World, client: &str, subject: Option<&str>) -> Asking {
    let mut assertion = world.identity.assertion.clone();
    if let Some(subject) = subject {
        let mut payload = payload(&assertion);
        payload["sub"] = json!(subject);
        assertion = format!("e30.{}.e30", URL_SAFE_NO_PAD.encode(payload.to_string()));
    }
    let scope = format!("{COSMOS}/.default");
    let form = [
        ("client_assertion", assertion.as_str()),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_id", client),
        ("grant_type", "client_credentials"),
        ("scope", &scope),
    ];
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(form);
    Asking::get(&format!("/{}/oauth2/v2.0/token", world.tenant))
        .method("POST")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(&text.finish())
}

fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The answer to the host's usual question for a token.
fn usual(world: &mut World) -> Response {
    let rest = format!("resource={COSMOS}");
    match world.identity.host {
        Host::AppService => app(world, "2019-08-01", &rest).answer(world),
        Host::Arc => through_arc(world, &rest),
        Host::Aks => aks(world, IDENTITIES[1].client_id, None).answer(world),
        _ => imds(&rest).answer(world),
    }
}

fn through_arc(world: &mut World, rest: &str) -> Response {
    let first = arc(rest).answer(world);
    let Some(path) = header(&first, "Www-Authenticate") else {
        return first;
    };
    let key = std::fs::read_to_string(path.strip_prefix("Basic realm=").unwrap()).unwrap();
    arc(rest)
        .header("Authorization", &format!("Basic {key}"))
        .answer(world)
}

fn usual_on(host: Host, troubles: &[&str]) -> Response {
    usual(&mut world_with(host, troubles))
}

fn imds_on(host: Host, troubles: &[&str], target: &str) -> Response {
    let asking = Asking::get(target).header("Metadata", "true");
    asking.answer(&mut world_with(host, troubles))
}

fn fails(status: u16) -> Response {
    faults::refuse(&mut world_on(Host::Vm), Service::Imds, status, None)
}

/// The claims of a token as if they were an answer.
fn payload_on(host: Host, troubles: &[&str]) -> Response {
    let token = body(&usual_on(host, troubles))["access_token"].clone();
    Response::json(200, &payload(token.as_str().unwrap()))
}

/// What the data plane answers to the host's token.
fn data_with(world: &mut World) -> Response {
    let token = body(&usual(world))["access_token"].clone();
    let sent = format!("type=aad&ver=1.0&sig={}", token.as_str().unwrap());
    let request = Request {
        method: "GET".into(),
        target: "/".into(),
        headers: vec![
            ("authorization".into(), sent),
            ("x-ms-date".into(), "Fri, 02 Jan 2026 03:04:05 GMT".into()),
            ("x-ms-version".into(), "2020-07-15".into()),
        ],
        body: Vec::new(),
    };
    cosmos::handle(world, &request, NOW)
}

/// What ARM answers to the host's token.
fn arm_with(world: &mut World, target: &str) -> Response {
    let resource = format!("resource={}/", world.cloud.arm);
    let token = body(&imds(&resource).answer(world))["access_token"].clone();
    let request = Request {
        method: "GET".into(),
        target: target.into(),
        headers: vec![(
            "Authorization".into(),
            format!("Bearer {}", token.as_str().unwrap()),
        )],
        body: Vec::new(),
    };
    arm::handle(world, &request, NOW)
}

// ---- What was recorded

type Play = fn() -> Response;

const FOUND: &str =
    "resource=https://cosmos.azure.com&client_id=5a0db0c5-0000-4000-8000-0000000000c2";
const UNKNOWN: &str =
    "resource=https://cosmos.azure.com&client_id=00000000-0000-0000-0000-000000000000";
const NOWHERE: &str = "resource=https://nowhere.example";
const COMPUTE: &str = "/metadata/instance/compute?api-version=2021-02-01";

/// A recorded answer and how the sandbox comes to give one like it.
#[rustfmt::skip]
const RECORDED: &[(&str, u16, Play)] = &[
    ("aci_linux_probe_400.txt", 400, || usual_on(Host::Aci, &["metadata-header-lost"])),
    ("aci_linux_success.json", 200, || usual_on(Host::Aci, &[])),
    ("appservice_success.json", 200, || usual_on(Host::AppService, &[])),
    ("appservice_2017_400_no_msi.json", 400, || { let mut world = world_on(Host::AppService); app(&world, "2017-09-01", &format!("resource={COSMOS}&clientid=x")).answer(&mut world) }),
    ("appservice_2017_expires_on_linux.json", 200, || { let mut world = world_on(Host::AppService); app(&world, "2017-09-01", &format!("resource={COSMOS}")).answer(&mut world) }),
    ("appservice_2017_expires_on_windows.json", 200, || { let mut world = world_with(Host::AppService, &["answer=windows-date"]); app(&world, "2017-09-01", &format!("resource={COSMOS}")).answer(&mut world) }),
    ("appservice_400_identity_not_found.json", 400, || { let mut world = world_on(Host::AppService); app(&world, "2019-08-01", UNKNOWN).answer(&mut world) }),
    ("appservice_400_no_default_identity.json", 400, || usual_on(Host::AppService, &["two-identities"])),
    ("appservice_500_wrong_resource.json", 500, || { let mut world = world_on(Host::AppService); app(&world, "2019-08-01", NOWHERE).answer(&mut world) }),
    ("arc_401_challenge.http", 401, || arc(FOUND).answer(&mut world_on(Host::Arc))),
    ("arc_success.json", 200, || usual_on(Host::Arc, &[])),
    ("cosmos_401_aad_invalid_audience.http", 401, || data_with(&mut world_with(Host::Vm, &["wrong-audience"]))),
    ("cosmos_401_aad_invalid_issuer.http", 401, || data_with(&mut world_with(Host::Vm, &["token-other-tenant"]))),
    ("docker_desktop_403.txt", 403, || usual_on(Host::Vm, &["docker-desktop"])),
    ("identity_info.json", 200, || imds_on(Host::Vm, &[], "/metadata/identity/info?api-version=2018-02-01")),
    ("imds_400_generic_swagger.json", 400, || fails(400)),
    ("imds_400_identity_not_found.json", 400, || usual_on(Host::Vm, &["no-identity"])),
    ("imds_400_invalid_resource_aadsts500011.json", 400, || imds(NOWHERE).answer(&mut world_on(Host::Vm))),
    ("imds_400_invalid_resource_error_codes_string.json", 400, || imds(NOWHERE).answer(&mut world_with(Host::Vm, &["answer=text-codes"]))),
    ("imds_400_missing_metadata.json", 400, || usual_on(Host::Vm, &["metadata-header-lost"])),
    ("imds_400_missing_metadata_legacy.json", 400, || usual_on(Host::Arc, &["metadata-header-lost"])),
    ("imds_400_multiple_identities.json", 400, || usual_on(Host::Vm, &["two-identities"])),
    ("imds_401_unauthorized_client.json", 401, || fails(401)),
    ("imds_404_swagger.json", 404, || fails(404)),
    ("imds_405_swagger.json", 405, || imds("").method("POST").answer(&mut world_on(Host::Vm))),
    ("imds_410_empty.txt", 410, || fails(410)),
    ("imds_429_swagger.json", 429, || fails(429)),
    ("imds_500_swagger.json", 500, || fails(500)),
    ("imds_500_unknown_docs.json", 500, || fails(500)),
    ("imds_response_headers_200.http", 200, || usual_on(Host::Vm, &[])),
    ("imds_success_docs.json", 200, || usual_on(Host::Vm, &["answer=docs"])),
    ("imds_success_empty_expires_in.json", 200, || usual_on(Host::Vm, &["answer=empty-expiry"])),
    ("imds_success_expires_on_iso8601.json", 200, || usual_on(Host::Vm, &["answer=iso-date"])),
    ("imds_success_refresh_in.json", 200, || usual_on(Host::Vm, &["answer=refresh-in"])),
    ("imds_success_swagger.json", 200, || usual_on(Host::Vm, &["answer=swagger"])),
    ("imds_success_system.json", 200, || usual_on(Host::Vm, &[])),
    ("imds_success_user.json", 200, || imds(FOUND).answer(&mut world_on(Host::VmUser))),
    ("imds_versions.json", 200, || imds_on(Host::Vm, &[], "/metadata/versions")),
    ("instance_400_bad_api_version.json", 400, || imds_on(Host::Vm, &[], "/metadata/instance")),
    ("instance_compute_public.json", 200, || imds_on(Host::Vm, &[], COMPUTE)),
    ("instance_compute_usgov.json", 200, || in_cloud("usgov")),
    ("instance_compute_china.json", 200, || in_cloud("china")),
    ("instance_linux_docs.json", 200, || imds_on(Host::Vm, &[], "/metadata/instance?api-version=2021-02-01")),
    ("jwt_claims_system.json", 200, || payload_on(Host::Vm, &[])),
    ("jwt_claims_user.json", 200, || payload_on(Host::VmUser, &[])),
    ("jwt_claims_wrong_audience_slash.json", 200, || payload_on(Host::Vm, &["wrong-audience"])),
    ("not_azure_ec2_401.http", 401, || usual_on(Host::Vm, &["other-cloud"])),
    ("wireserver_500_not_imds.http", 500, || usual_on(Host::Vm, &["imds-restarting"])),
    ("workload_identity_success.json", 200, || usual_on(Host::Aks, &[])),
    ("workload_identity_400_aadsts70021.json", 400, || { let mut world = world_on(Host::Aks); aks(&world, IDENTITIES[2].client_id, None).answer(&mut world) }),
    ("workload_identity_401_aadsts700213.json", 401, || { let mut world = world_on(Host::Aks); aks(&world, IDENTITIES[1].client_id, Some("other")).answer(&mut world) }),
];

/// Where the sandbox has members the recording lacks: it was cut, or shows one version of many.
const MORE: &[&str] = &[
    "appservice_400_identity_not_found.json",
    "instance_compute_public.json",
    "instance_compute_usgov.json",
    "instance_compute_china.json",
    "instance_linux_docs.json",
];

fn in_cloud(name: &str) -> Response {
    let mut world = world_on(Host::Vm);
    world.cloud = crate::sandbox::cloud::Cloud::parse(name).unwrap();
    let asking = Asking::get(COMPUTE).header("Metadata", "true");
    asking.answer(&mut world)
}

/// Where two values differ in their members or types.
fn differences(recorded: &Value, played: &Value, more: bool, at: &str) -> Vec<String> {
    match (recorded, played) {
        (Value::Object(recorded), Value::Object(played)) => {
            let extra = played.keys().filter(|name| !recorded.contains_key(*name));
            let extra = extra.filter(|_| !more).map(|name| format!("{at}/{name}"));
            let inner = recorded.iter().flat_map(|(name, value)| {
                let played = played.get(name).unwrap_or(&Value::Null);
                differences(value, played, more, &format!("{at}/{name}"))
            });
            extra.chain(inner).collect()
        }
        (Value::Array(recorded), Value::Array(played)) => {
            match (recorded.first(), played.first()) {
                (Some(recorded), Some(played)) => {
                    differences(recorded, played, more, &format!("{at}/0"))
                }
                _ => Vec::new(),
            }
        }
        _ if std::mem::discriminant(recorded) == std::mem::discriminant(played) => Vec::new(),
        _ => vec![at.to_owned()],
    }
}

/// Status where the recording has one, names of headers, and the body.
fn recording(file: &str) -> (Option<u16>, Vec<String>, Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/identity/answers");
    let text = std::fs::read_to_string(path.join(file)).unwrap();
    let text = text.replace("\r\n", "\n");
    let json = |text: &str| serde_json::from_str(text).unwrap_or(json!(text.trim()));
    if !file.ends_with(".http") {
        return (None, Vec::new(), json(&text));
    }
    let (head, body) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse();
    let names = lines.map(|line| line.split(':').next().unwrap().to_lowercase());
    (Some(status.unwrap()), names.collect(), json(body))
}

#[test]
fn every_recorded_answer_has_its_like() {
    for (file, status, play) in RECORDED {
        let (recorded_status, names, recorded) = recording(file);
        let played = play();
        assert_eq!(played.status, *status, "{file}");
        assert_eq!(played.status, recorded_status.unwrap_or(*status), "{file}");
        for name in names {
            // These are the server's own to add.
            let added = ["date", "content-length", "connection"].contains(&name.as_str());
            let sent = played.headers.iter();
            let found = sent
                .map(|(name, _)| name.to_lowercase())
                .any(|sent| sent == name);
            assert!(added || found, "{file}: {name}");
        }
        if file.starts_with("imds_response_headers") {
            continue;
        }
        let found = differences(&recorded, &body(&played), MORE.contains(file), "");
        assert_eq!(found, Vec::<String>::new(), "{file}: {}", body(&played));
    }
}

#[test]
fn recorded_texts_are_said_to_the_letter() {
    for (file, member) in [
        ("appservice_2017_400_no_msi.json", "Message"),
        ("appservice_400_identity_not_found.json", "message"),
        ("appservice_400_no_default_identity.json", "message"),
        ("appservice_500_wrong_resource.json", "message"),
        ("arc_401_challenge.http", "error_description"),
        ("imds_400_identity_not_found.json", "error_description"),
        ("imds_400_missing_metadata.json", "error_description"),
        ("imds_400_multiple_identities.json", "error_description"),
        ("imds_400_invalid_resource_aadsts500011.json", "error"),
        ("workload_identity_400_aadsts70021.json", "error"),
        ("workload_identity_401_aadsts700213.json", "error"),
        ("docker_desktop_403.txt", ""),
        ("aci_linux_probe_400.txt", ""),
        ("not_azure_ec2_401.http", ""),
    ] {
        let (_, _, play) = RECORDED.iter().find(|row| row.0 == file).unwrap();
        let part = |value: &Value| match member {
            "" => value.clone(),
            _ => value[member].clone(),
        };
        assert_eq!(part(&recording(file).2), part(&body(&play())), "{file}");
    }
}

#[test]
fn only_the_metadata_service_says_that_it_is() {
    let server = |answer: &Response| header(answer, "Server").unwrap_or_default().to_owned();
    assert!(server(&usual_on(Host::Vm, &[])).starts_with("IMDS/"));
    assert!(server(&fails(500)).starts_with("IMDS/"));
    for trouble in [
        "docker-desktop",
        "other-cloud",
        "proxy-page",
        "imds-restarting",
    ] {
        assert!(!server(&usual_on(Host::Vm, &[trouble])).starts_with("IMDS/"));
    }
    for host in [Host::AppService, Host::Arc, Host::Aks] {
        assert!(!server(&usual_on(host, &[])).starts_with("IMDS/"));
        let failed = faults::refuse(&mut world_on(host), Service::Imds, 503, None);
        assert!(!server(&failed).starts_with("IMDS/"));
        assert_eq!(failed.status, 503);
    }
    let failed = faults::refuse(&mut world_on(Host::AppService), Service::Imds, 503, None);
    assert_eq!(body(&failed)["statusCode"], json!(503));
    let failed = faults::refuse(&mut world_on(Host::Aks), Service::Imds, 503, None);
    assert_eq!(body(&failed)["error_codes"], json!([90_033]));
}

// ---- Container Instances

#[test]
fn a_container_group_has_tokens_and_nothing_else() {
    let mut world = world_on(Host::Aci);
    let (status, answer) = imds("resource=https://cosmos.azure.com").json(&mut world);
    assert_eq!((status, &answer["refresh_token"]), (200, &json!("")));
    assert_eq!(answer["resource"], "https://cosmos.azure.com/");
    assert_eq!(answer["expires_in"], "28800");
    assert_eq!(claims(&answer).aud, COSMOS);
    let (_, answer) = imds(FOUND).json(&mut world);
    assert_eq!(claims(&answer).oid, IDENTITIES[1].object_id);
    let resource = identities::resource_id(&world, "sandbox-identity");
    for (name, who) in [("msi_res_id", 1), ("mi_res_id", 0)] {
        let rest = format!("resource={COSMOS}&{name}={resource}");
        let (_, answer) = imds(&rest).json(&mut world);
        assert_eq!(claims(&answer).oid, IDENTITIES[who].object_id, "{name}");
    }
    let newer = imds::TOKEN_PATH.to_owned() + "?api-version=2021-02-01&resource=r";
    for (target, status) in [
        (newer.as_str(), 400),
        (COMPUTE, 404),
        ("/metadata/versions", 404),
    ] {
        let asking = Asking::get(target).header("Metadata", "true");
        assert_eq!(asking.answer(&mut world).status, status, "{target}");
    }
    assert_eq!(imds(UNKNOWN).json(&mut world).0, 400);
    assert_eq!(
        imds(NOWHERE).json(&mut world).1["error"],
        "invalid_resource"
    );
}

// ---- What can be wrong

const TOKENS: [Host; 5] = [Host::Vm, Host::AppService, Host::Arc, Host::Aks, Host::Aci];

#[test]
fn tokens_in_a_bad_state_are_refused_by_both_planes() {
    let now = NOW.unix_timestamp();
    let subscription = |world: &World| {
        format!(
            "/subscriptions/{}?api-version=2021-01-01",
            world.subscription
        )
    };
    for (trouble, substatus, code) in [
        ("token-expired", "5006", "ExpiredAuthenticationToken"),
        ("token-future", "5005", "InvalidAuthenticationToken"),
        (
            "token-other-tenant",
            "5007",
            "InvalidAuthenticationTokenTenant",
        ),
    ] {
        for host in TOKENS {
            let mut world = world_with(host, &[trouble]);
            let answer = data_with(&mut world);
            assert_eq!(
                header(&answer, "x-ms-substatus"),
                Some(substatus),
                "{host:?}"
            );
        }
        let mut world = world_with(Host::Vm, &[trouble]);
        let target = subscription(&world);
        let answer = arm_with(&mut world, &target);
        assert_eq!(body(&answer)["error"]["code"], code);
        assert!(header(&answer, "WWW-Authenticate").is_some());
    }
    let future = claims(&body(&usual_on(Host::Vm, &["token-future"])));
    assert_eq!(future.nbf, now + 3600);
    let (expired, answer) = {
        let answer = body(&usual_on(Host::Vm, &["token-expired"]));
        (claims(&answer), answer)
    };
    assert!(expired.nbf < expired.exp && expired.exp < now);
    assert_eq!(answer["expires_on"], json!(expired.exp.to_string()));
    assert_eq!(answer["expires_in"], "0");
    let mut world = world_with(Host::Vm, &["token-other-tenant"]);
    let list = arm_with(&mut world, "/subscriptions?api-version=2021-01-01");
    assert_eq!((list.status, body(&list)), (200, json!({"value": []})));
}

#[test]
fn a_fault_that_comes_later_makes_kept_tokens_worthless() {
    let mut world = world_on(Host::Vm);
    let good = claims(&body(&usual(&mut world)));
    assert!(disturb(&mut world, "token-other-tenant"));
    assert_ne!(claims(&body(&usual(&mut world))).tid, good.tid);
    assert!(!disturb(&mut world, "firewall"));
}

#[test]
fn another_identity_says_that_it_is_another() {
    let mut world = world_with(Host::VmBoth, &["identity-other"]);
    let (_, answer) = imds(FOUND).json(&mut world);
    assert_eq!(answer["client_id"], IDENTITIES[0].client_id);
    assert_eq!(claims(&answer).oid, IDENTITIES[0].object_id);
    let mut world = world_with(Host::AppService, &["identity-other"]);
    let answer = body(&app(&world, "2019-08-01", FOUND).answer(&mut world));
    let other = IDENTITIES[0].client_id.to_ascii_uppercase();
    assert_eq!(answer["client_id"], json!(other));
    let mut world = world_with(Host::Arc, &["identity-other"]);
    let answer = body(&through_arc(&mut world, FOUND));
    assert_eq!(answer["client_id"], IDENTITIES[0].client_id);
    let answer = body(&usual_on(Host::Aks, &["identity-other"]));
    assert_eq!(claims(&answer).appid, IDENTITIES[0].client_id);
    let answer = body(&usual_on(Host::Aci, &["identity-other"]));
    assert_eq!(claims(&answer).appid, IDENTITIES[1].client_id);
}

#[test]
fn a_proxy_has_a_page_of_its_own() {
    for (trouble, status) in [("proxy-page", 502), ("proxy-page=200", 200)] {
        let answer = usual_on(Host::Vm, &[trouble]);
        assert_eq!(answer.status, status);
        assert!(
            header(&answer, "Content-Type")
                .unwrap()
                .starts_with("text/html")
        );
        assert!(answer.body.starts_with(b"<!DOCTYPE html>"));
    }
}

#[test]
fn a_cloud_is_one_for_all_services() {
    for (name, suffix) in [("usgov", "us"), ("china", "cn")] {
        let options = Options {
            cloud: crate::sandbox::cloud::Cloud::parse(name).unwrap(),
            ..Options::default()
        };
        let mut world = crate::sandbox::fresh_world(&options);
        let target = |world: &World, version: &str| {
            format!(
                "/subscriptions/{}/providers/Microsoft.DocumentDB/databaseAccounts?api-version={version}",
                world.subscription
            )
        };
        let old = target(&world, "2023-03-15");
        assert_eq!(arm_with(&mut world, &old).status, 200, "{name}");
        let new = target(&world, "2024-11-15");
        let refused = arm_with(&mut world, &new);
        let error = body(&refused)["error"].clone();
        assert_eq!(
            (refused.status, &error["code"]),
            (400, &json!("NoRegisteredProviderFound"))
        );
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains(", 2023-03-15'. The supported locations"),
            "{message}"
        );
        // A token of the public cloud is for nobody here, and a data token of this one is accepted.
        let audience = format!("resource=https://cosmos.azure.{suffix}");
        let token = body(&imds(&audience).answer(&mut world))["access_token"].clone();
        let header = format!("type=aad&ver=1.0&sig={}", token.as_str().unwrap());
        let request = Request {
            method: "GET".into(),
            target: "/".into(),
            headers: vec![
                ("authorization".into(), header),
                ("x-ms-version".into(), "2020-07-15".into()),
            ],
            body: Vec::new(),
        };
        let answer = cosmos::handle(&mut world, &request, NOW);
        assert_eq!(answer.status, 403, "{}", body(&answer));
        world.cloud = <&crate::sandbox::cloud::Cloud>::default();
        let answer = cosmos::handle(&mut world, &request, NOW);
        assert_eq!(answer.status, 401);
    }
}

// ---- Over sockets

fn on(host: Host, faults: &[&str]) -> Sandbox {
    let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap());
    start(Options {
        host,
        faults: faults.collect(),
        ..Options::default()
    })
    .unwrap()
}

fn connect(origin: &str) -> std::io::Result<TcpStream> {
    TcpStream::connect(origin.trim_start_matches("http://"))
}

fn ask(origin: &str, head: &str) -> String {
    let mut stream = connect(origin).unwrap();
    write!(stream, "{head}\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn environment_of(sandbox: &Sandbox) -> Value {
    let ready: Value = serde_json::from_str(&sandbox.ready_line()).unwrap();
    ready["environment"].clone()
}

#[test]
fn keys_of_arc_come_and_go_with_the_sandbox() {
    let sandbox = on(Host::Arc, &[]);
    let environment = environment_of(&sandbox);
    let directory = PathBuf::from(environment["RAWCOSMOS_ARC_KEY_DIRECTORY"].as_str().unwrap());
    let parent = std::fs::canonicalize(std::env::temp_dir()).unwrap();
    assert!(directory.is_absolute() && directory.starts_with(&parent));
    let endpoint = environment["IDENTITY_ENDPOINT"].as_str().unwrap();
    let origin = environment["IMDS_ENDPOINT"].as_str().unwrap();
    assert_eq!(origin, sandbox.imds());
    let path = endpoint.strip_prefix(origin).unwrap();
    let head =
        format!("GET {path}?api-version=2021-02-01&resource={COSMOS} HTTP/1.1\r\nMetadata: true");
    let challenge = ask(origin, &head);
    assert!(
        challenge.starts_with("HTTP/1.1 401 Unauthorized\r\n"),
        "{challenge}"
    );
    let line = challenge
        .lines()
        .find_map(|line| line.strip_prefix("Www-Authenticate: Basic realm="));
    let file = PathBuf::from(line.unwrap());
    assert_eq!(file.parent().unwrap(), directory);
    let key = std::fs::read_to_string(&file).unwrap();
    let answer = ask(origin, &format!("{head}\r\nAuthorization: Basic {key}"));
    assert!(answer.starts_with("HTTP/1.1 200 Ok\r\n"), "{answer}");
    assert!(!file.exists());
    ask(origin, &head);
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
    sandbox.stop();
    assert!(!directory.parent().unwrap().exists());
}

#[test]
fn on_no_host_nobody_answers() {
    let sandbox = on(Host::None, &[]);
    assert!(connect(&sandbox.imds()).is_err());
    assert!(connect(&sandbox.arm()).is_ok() && connect(&sandbox.cosmos()).is_ok());
    assert_eq!(environment_of(&sandbox), json!({}));
    // A port that was asked for is named, and stays closed.
    let named = (0..20).find_map(|_| {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let options = Options {
            port,
            host: Host::None,
            ..Options::default()
        };
        Some((port, start(options).ok()?))
    });
    let (port, sandbox) = named.unwrap();
    assert_eq!(sandbox.imds(), format!("http://127.0.0.1:{port}"));
    assert!(connect(&sandbox.imds()).is_err());
}

#[test]
fn silence_lasts_until_somebody_gives_up() {
    for (host, faults) in [(Host::Vm, &["imds-silent"][..]), (Host::Aks, &[])] {
        let sandbox = on(host, faults);
        let mut stream = connect(&sandbox.imds()).unwrap();
        let patience = Some(Duration::from_millis(200));
        stream.set_read_timeout(patience).unwrap();
        let path = "/metadata/instance/compute?api-version=2021-02-01";
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nMetadata: true\r\n\r\n"
        )
        .unwrap();
        let kind = stream.read(&mut [0]).unwrap_err().kind();
        assert!(matches!(
            kind,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
        ));
        // The other services are not held up, and neither is the end.
        assert!(ask(&sandbox.arm(), "GET /subscriptions HTTP/1.1").starts_with("HTTP/1.1 401"));
        sandbox.stop();
    }
}

#[test]
fn the_ready_line_names_the_host_and_its_variables() {
    let rows: [(Host, &str, &[&str]); 4] = [
        (Host::VmBoth, "vm-both", &[]),
        (
            Host::AppService,
            "app-service",
            &[
                "IDENTITY_ENDPOINT",
                "IDENTITY_HEADER",
                "MSI_ENDPOINT",
                "MSI_SECRET",
            ],
        ),
        (
            Host::Arc,
            "arc",
            &[
                "IDENTITY_ENDPOINT",
                "IMDS_ENDPOINT",
                "RAWCOSMOS_ARC_KEY_DIRECTORY",
            ],
        ),
        (
            Host::Aks,
            "aks",
            &[
                "AZURE_AUTHORITY_HOST",
                "AZURE_CLIENT_ID",
                "AZURE_FEDERATED_TOKEN_FILE",
                "AZURE_TENANT_ID",
                "KUBERNETES_SERVICE_HOST",
            ],
        ),
    ];
    for (host, name, variables) in rows {
        let sandbox = on(host, &[]);
        let ready: Value = serde_json::from_str(&sandbox.ready_line()).unwrap();
        assert_eq!(
            (&ready["host"], &ready["cloud"]),
            (&json!(name), &json!("public"))
        );
        let names: Vec<&String> = ready["environment"].as_object().unwrap().keys().collect();
        assert_eq!(names, variables);
    }
    let pod = on(Host::Aks, &["clock-skew=-10h"]);
    let file = variable(&pod.state.world(), "AZURE_FEDERATED_TOKEN_FILE");
    let text = std::fs::read_to_string(&file).unwrap();
    // The clock of the service is the one that counts.
    let start = payload(&text)["nbf"].as_i64().unwrap();
    assert!(start < OffsetDateTime::now_utc().unix_timestamp() - 9 * 3600);
    drop(pod);
    assert!(!PathBuf::from(file).exists());
}
