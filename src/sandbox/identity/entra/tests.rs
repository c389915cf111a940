//! The token service as a pod of AKS meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::super::tests::{Asking, COSMOS, claims, world_on};
use super::super::troubles::Trouble;
use super::*;
use crate::sandbox::cloud::Cloud;
use crate::sandbox::host::{Host, environment};

/// A request as it should be; tests spoil it.
struct Pod {
    world: World,
    form: Vec<(&'static str, String)>,
}

fn pod() -> Pod {
    pod_of(world_on(Host::Aks))
}

fn pod_of(world: World) -> Pod {
    let variables = environment(&world);
    let variable = |wanted: &str| {
        let found = variables.iter().find(|(name, _)| *name == wanted);
        found.unwrap().1.clone()
    };
    let file = fs::read_to_string(variable("AZURE_FEDERATED_TOKEN_FILE")).unwrap();
    assert_eq!(variable("AZURE_TENANT_ID"), world.tenant);
    assert!(variable("AZURE_AUTHORITY_HOST").ends_with('/'));
    let form = vec![
        ("client_assertion", file),
        ("client_assertion_type", TYPE.to_owned()),
        ("client_id", variable("AZURE_CLIENT_ID")),
        ("grant_type", "client_credentials".to_owned()),
        ("scope", format!("{COSMOS}/.default")),
    ];
    Pod { world, form }
}

impl Pod {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        let found = self.form.iter_mut().find(|(known, _)| *known == name);
        found.unwrap().1 = value.to_owned();
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.form.retain(|(known, _)| *known != name);
        self
    }

    fn asking(&self) -> Asking {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(&self.form);
        Asking::get(&format!("/{}/oauth2/v2.0/token", self.world.tenant))
            .method("POST")
            .header("Content-Type", FORM)
            .body(&form.finish())
    }

    fn ask(&mut self) -> (u16, Value) {
        self.asking().json(&mut self.world)
    }

    /// Status, `error` and number of the refusal.
    fn refused(mut self) -> (u16, String, u64) {
        let (status, body) = self.ask();
        let number = body["error_codes"][0].as_u64().unwrap();
        let text = body["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{number}: ")), "{text}");
        (status, body["error"].as_str().unwrap().to_owned(), number)
    }
}

#[test]
fn the_text_of_the_file_is_worth_a_token() {
    let mut pod = pod();
    let (status, body) = pod.ask();
    assert_eq!(status, 200, "{body}");
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    let usual = "access_token expires_in ext_expires_in token_type";
    assert_eq!(names, usual.split(' ').collect::<Vec<_>>());
    assert_eq!(body["expires_in"], json!(3600));
    let claims = claims(&body);
    assert_eq!(
        (claims.aud.as_str(), claims.appid.as_str()),
        (COSMOS, IDENTITIES[1].client_id)
    );
    assert_eq!(claims.xms_az_rid, None);
    let slash = pod
        .with("scope", "https://management.azure.com//.default")
        .ask();
    let claims = super::super::tests::claims(&slash.1);
    assert_eq!(claims.aud, "https://management.azure.com/");
}

#[test]
fn every_parameter_is_looked_at() {
    type Row = (&'static str, fn(Pod) -> Pod, (u16, &'static str, u64));
    let rows: [Row; 14] = [
        (
            "grant",
            |pod| pod.without("grant_type"),
            (400, "invalid_request", 900_144),
        ),
        (
            "client",
            |pod| pod.with("client_id", ""),
            (400, "invalid_request", 900_144),
        ),
        (
            "scope",
            |pod| pod.without("scope"),
            (400, "invalid_request", 900_144),
        ),
        (
            "other grant",
            |pod| pod.with("grant_type", "password"),
            (400, "unsupported_grant_type", 70_003),
        ),
        (
            "no suffix",
            |pod| pod.with("scope", COSMOS),
            (400, "invalid_scope", 1_002_012),
        ),
        (
            "suffix alone",
            |pod| pod.with("scope", "/.default"),
            (400, "invalid_scope", 1_002_012),
        ),
        (
            "two scopes",
            |pod| pod.with("scope", "a/.default b/.default"),
            (400, "invalid_scope", 70_011),
        ),
        (
            "unknown client",
            |pod| pod.with("client_id", "nobody"),
            (400, "unauthorized_client", 700_016),
        ),
        (
            "no assertion",
            |pod| pod.without("client_assertion"),
            (401, "invalid_client", 7_000_218),
        ),
        (
            "its type",
            |pod| pod.with("client_assertion_type", "jwt"),
            (401, "invalid_client", 7_000_218),
        ),
        (
            "no JWT",
            |pod| pod.with("client_assertion", "a.b.c"),
            (401, "invalid_client", 50_027),
        ),
        (
            "not trusted",
            |pod| pod.with("client_id", IDENTITIES[0].client_id),
            (400, "invalid_request", 70_021),
        ),
        (
            "unknown resource",
            |pod| pod.with("scope", "https://cosmos.azure.us/.default"),
            (400, "invalid_resource", 500_011),
        ),
        (
            "deleted",
            |mut pod| {
                pod.world.no_identity = true;
                pod
            },
            (400, "unauthorized_client", 700_016),
        ),
    ];
    for (name, spoil, (status, error, number)) in rows {
        let refused = spoil(pod()).refused();
        assert_eq!(refused, (status, error.to_owned(), number), "{name}");
    }
}

/// The file's token with one claim changed.
fn forged(assertion: &str, name: &str, value: &str) -> String {
    let parts: Vec<&str> = assertion.split('.').collect();
    let body = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    body[name] = json!(value);
    let body = URL_SAFE_NO_PAD.encode(body.to_string());
    format!("{}.{body}.{}", parts[0], parts[2])
}

#[test]
fn another_assertion_is_not_the_file() {
    let file = pod().form[0].1.clone();
    assert!(file.split('.').count() == 3 && file.len() < 4096);
    let rows = [
        ("iss", "https://elsewhere.example/", 700_211),
        ("aud", "api://other", 700_212),
        ("sub", "system:serviceaccount:other:other", 700_213),
        ("jti", "x", 50_013),
    ];
    for (name, value, number) in rows {
        let pod = pod();
        let file = pod.form[0].1.clone();
        let refused = pod
            .with("client_assertion", &forged(&file, name, value))
            .refused();
        assert_eq!(refused, (401, "invalid_client".to_owned(), number));
    }
    for changed in [format!("{file}\n"), file.to_uppercase(), String::new()] {
        let mut pod = pod().with("client_assertion", &changed);
        assert_eq!(pod.ask().0, 401);
    }
}

#[test]
fn an_old_assertion_is_refused_and_written_anew() {
    let mut old = pod();
    let (status, body) = old.asking().later(25 * 3600).json(&mut old.world);
    assert_eq!((status, &body["error_codes"]), (401, &json!([700_024])));
    let mut fresh = pod_of(old.world);
    let answer = fresh.asking().later(25 * 3600).json(&mut fresh.world);
    assert_eq!(answer.0, 200);

    let mut late = pod();
    late.world.identity.add(Trouble::AssertionExpired);
    assert_eq!(late.refused(), (401, "invalid_client".into(), 700_024));

    let mut world = world_on(Host::Aks);
    world.identity.add(Trouble::AssertionExpired);
    write(&mut world, super::super::tests::NOW.unix_timestamp()).unwrap();
    let pod = pod_of(world);
    assert_eq!(pod.refused(), (401, "invalid_client".into(), 700_024));
}

#[test]
fn the_place_the_method_and_the_form_are_checked() {
    let mut pod = pod();
    let path = format!("/{}/oauth2/v2.0/token", pod.world.tenant);
    for (path, status) in [
        (format!("/{path}"), 404),
        (format!("{path}/"), 404),
        (path.replace("v2.0/", ""), 404),
        (path.replace(&pod.world.tenant, "other"), 400),
        ("/".to_owned(), 404),
    ] {
        let asking = Asking::get(&path)
            .method("POST")
            .header("Content-Type", FORM);
        assert_eq!(asking.answer(&mut pod.world).status, status, "{path}");
    }
    assert_eq!(
        pod.asking().method("GET").answer(&mut pod.world).status,
        405
    );
    let json = Asking::get(&path)
        .method("POST")
        .header("Content-Type", "application/json");
    assert_eq!(json.json(&mut pod.world).1["error_codes"], json!([900_144]));
    let twice = ("scope", format!("{COSMOS}/.default"));
    pod.form.push(twice);
    assert_eq!(pod.refused(), (400, "invalid_request".into(), 9_000_411));
}

#[test]
fn another_cloud_signs_its_own_refusals() {
    let mut pod = pod();
    pod.world.cloud = Cloud::parse("china").unwrap();
    let (_, body) = pod.ask();
    let link = "https://login.chinacloudapi.cn/error?code=500011";
    assert_eq!(body["error_uri"], link);
    let mut pod = pod.with("scope", "https://cosmos.azure.cn/.default");
    assert_eq!(pod.ask().0, 200);
}
