//! Every refusal that is on record, provoked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use serde_json::{Value, json};

use crate::sandbox::arm::accounts;
use crate::sandbox::arm::tests::{Arm, Got, arm};
use crate::sandbox::cosmos;
use crate::sandbox::faults::{Service, refuse};
use crate::sandbox::http::{Request, Response};
use crate::sandbox::imds::IDENTITIES;
use crate::sandbox::token::{self, Claims};
use crate::sandbox::world::RoleAssignment;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/", "fixtures/arm/errors");
const GUID: &str = "cb8ed2d7-2371-4e3c-bd31-6cc1560e84f8";
const OFFER: &str = "~/sqlDatabases/d/throughputSettings/default";

/// A recorded answer, and how to get one like it.
type Provoked = (&'static str, fn() -> Got);

#[rustfmt::skip]
const PROVOKED: &[Provoked] = &[
    ("arm_authorizationfailed_403", || Arm::employed("operator").ask("POST", "~/listKeys", Value::Null)),
    ("arm_expiredauthenticationtoken_401", || with_claims(|claims| claims.exp = claims.nbf)),
    ("arm_invalidauthenticationtokenaudience_401", || with_claims(|claims| claims.aud = "https://datalake.azure.net/".into())),
    ("arm_missingsubscriptionregistration_409", || Arm::with(&["provider-unregistered"]).get("~")),
    ("arm_noregisteredproviderfound_400", || Arm::with(&["api-version-old"]).get("~")),
    ("arm_poll_operationresults_403", poll_refused),
    ("arm_requestdisallowedbypolicy_403", || Arm::with(&["policy"]).ask("PATCH", "~", json!({"properties": {}}))),
    ("arm_resourcegroupnotfound_404", no_group),
    ("arm_resourcenotfound_404", || Arm::with(&["no-account"]).get("~")),
    ("arm_throttled_429", || got(refuse(&mut arm().world, Service::Arm, 429, None))),
    ("dp_401_5008_audience", || data(false, "GET", "/dbs", |claims| claims.aud.push('/'))),
    ("dp_401_localauth_disabled", local_auth),
    ("dp_403_0_metadata_write_disabled", metadata_writes),
    ("dp_403_5300_offers", || data(false, "POST", "/offers", |_| {})),
    ("dp_403_5300_post_colls", || data(false, "POST", "/dbs/d/colls", |_| {})),
    ("dp_403_5300_post_dbs", || data(false, "POST", "/dbs", |_| {})),
    ("dp_403_5301_readmetadata", || data(false, "GET", "/dbs", |_| {})),
    ("dp_403_5302_sqldatabases_write", || data(true, "POST", "/dbs", |_| {})),
    ("dp_403_readmetadata_any_scope", || data(false, "GET", "/", |_| {})),
    ("lro_failed_capacity", capacity),
    ("rp_account_failed_state_400", || Arm::with(&["account-failed"]).ask("PUT", "~", account())),
    ("rp_badrequest_dns_taken_400", taken),
    ("rp_badrequest_principalnotfound_400", || grant(GUID)),
    ("rp_badrequest_principaltype_400", || grant(IDENTITIES[0].client_id)),
    ("rp_badrequest_roleassignment_immutable_400", || grant(IDENTITIES[1].object_id)),
    ("rp_badrequest_serverless_offer_400", || Arm::with(&["serverless"]).get(OFFER)),
    ("rp_notfound_roleassignment_404", || arm().get(&format!("~/sqlRoleAssignments/{GUID}"))),
    ("rp_preconditionfailed_lock_412", || Arm::with(&["lock-busy"]).ask("DELETE", "~/sqlDatabases/d", Value::Null)),
];

#[test]
fn every_refusal_on_record_can_be_had() {
    let files = std::fs::read_dir(FOLDER).unwrap();
    let name = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name();
    let mut names: Vec<String> = files
        .map(|file| name(file).into_string().unwrap())
        .collect();
    names.sort();
    let known: Vec<String> = PROVOKED
        .iter()
        .map(|(name, _)| format!("{name}.json"))
        .collect();
    assert_eq!(names, known);
    for (name, provoke) in PROVOKED {
        let text = std::fs::read_to_string(format!("{FOLDER}/{name}.json")).unwrap();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let got = provoke();
        assert_eq!(
            json!(got.status),
            recorded["status"],
            "{name}: {}",
            got.body
        );
        assert_eq!(shape(&got.body), shape(&recorded["body"]), "{name}");
        let substatus = recorded["headers"]["x-ms-substatus"].as_str();
        if let Some(substatus) = substatus.filter(|number| *number != "0") {
            assert_eq!(got.header("x-ms-substatus"), substatus, "{name}");
        }
    }
}

/// The members that say what it is, with what differs from case to case taken out of the sentences.
fn shape(body: &Value) -> Value {
    match body {
        Value::Object(members) => {
            let kept = members
                .iter()
                .filter(|(name, _)| !["target", "info"].contains(&name.as_str()));
            let kept = kept.map(|(name, value)| (name.clone(), shape(value)));
            Value::Object(kept.collect())
        }
        Value::Array(all) => all.iter().map(shape).collect(),
        Value::String(text) => json!(form(text)),
        other => other.clone(),
    }
}

fn form(text: &str) -> String {
    let ends = ["\r\nActivityId", "\\r\\nActivityId", "Operation Id: "];
    let end = ends.iter().filter_map(|mark| text.find(mark)).min();
    let mut text = text[..end.unwrap_or(text.len())].to_owned();
    for before in ["DatabaseAccount ", "blocked by Auth ", "Dns record for "] {
        if let Some(start) = text.find(before).map(|at| at + before.len()) {
            let length = text[start..].find(' ').unwrap_or(0);
            text.replace_range(start..start + length, "A");
        }
    }
    // One of the sources quotes it without its beginning.
    let text = text.replace("Request blocked by Auth A : Provided", "Provided");
    let text = without(&text, '\'', '\'');
    without(&text, '[', ']')
}

/// The text without what stands between two marks.
fn without(text: &str, open: char, close: char) -> String {
    let mut out = String::new();
    let mut inside = false;
    for letter in text.chars() {
        match inside {
            true if letter == close => inside = false,
            false if letter == open => inside = true,
            false => out.push(letter),
            true => {}
        }
    }
    out
}

fn got(response: Response) -> Got {
    Got {
        status: response.status,
        headers: response.headers,
        body: serde_json::from_slice(&response.body).unwrap_or_default(),
    }
}

fn with_claims(change: fn(&mut Claims)) -> Got {
    let mut arm = arm();
    let mut claims = token::verify(&arm.token).unwrap();
    change(&mut claims);
    arm.token = token::mint(&claims);
    arm.get("~")
}

fn account() -> Value {
    json!({"location": "westeurope", "properties": {
        "databaseAccountOfferType": "Standard", "locations": [{"locationName": "westeurope"}],
    }})
}

fn elsewhere(arm: &Arm, name: &str) -> String {
    let id = accounts::id(&arm.world).replace("sandbox-account", name);
    format!("{id}?api-version=2024-11-15")
}

fn no_group() -> Got {
    let mut arm = Arm::employed("owner");
    let target = elsewhere(&arm, "a").replace("sandbox-group", "nowhere");
    arm.get(&target)
}

fn taken() -> Got {
    let mut arm = arm();
    let target = elsewhere(&arm, "taken");
    arm.ask("PUT", &target, account())
}

fn follow(arm: &mut Arm, begun: &Got, header: &str) -> Got {
    let url = begun.header(header).strip_prefix("http://127.0.0.1:1");
    arm.pass(31);
    arm.get(url.unwrap())
}

fn capacity() -> Got {
    let mut arm = Arm::with(&["no-capacity"]);
    let target = elsewhere(&arm, "full");
    let begun = arm.ask("PUT", &target, account());
    follow(&mut arm, &begun, "azure-asyncoperation")
}

fn poll_refused() -> Got {
    let mut arm = Arm::with(&["poll-refused"]);
    let body = json!({"properties": {"resource": {"id": "d"}}});
    let begun = arm.ask("PUT", "~/sqlDatabases/d", body);
    follow(&mut arm, &begun, "location")
}

/// Where another principal has the grant already.
fn grant(principal: &str) -> Got {
    let mut arm = arm();
    let held = RoleAssignment {
        role_definition: "00000000-0000-0000-0000-000000000001".into(),
        scope: String::new(),
        principal: IDENTITIES[0].object_id.into(),
    };
    arm.world.role_assignments.insert(GUID.into(), held);
    let id = accounts::id(&arm.world);
    let role = format!("{id}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000001");
    let body =
        json!({"properties": {"roleDefinitionId": role, "scope": id, "principalId": principal}});
    arm.ask("PUT", &format!("~/sqlRoleAssignments/{GUID}"), body)
}

/// A request to the data plane with a token of the machine, which has no data role.
fn data(newer: bool, method: &str, path: &str, change: fn(&mut Claims)) -> Got {
    let mut arm = arm();
    arm.world.own_mut().unwrap().newer = newer;
    let mut claims = token::verify(&arm.token).unwrap();
    claims.aud = "https://cosmos.azure.com".into();
    claims.tid.clone_from(&arm.world.tenant);
    change(&mut claims);
    let signature = format!("type=aad&ver=1.0&sig={}", token::mint(&claims));
    converse(&mut arm, method, path, signature)
}

fn converse(arm: &mut Arm, method: &str, path: &str, authorization: String) -> Got {
    let request = Request {
        method: method.into(),
        target: path.into(),
        headers: vec![
            ("x-ms-date".into(), "Fri, 02 Jan 2026 15:04:05 GMT".into()),
            ("authorization".into(), authorization),
        ],
        body: b"{\"id\":\"d\"}".to_vec(),
    };
    got(cosmos::handle(&mut arm.world, &request, arm.now))
}

fn local_auth() -> Got {
    let mut arm = Arm::with(&["local-auth-disabled"]);
    converse(
        &mut arm,
        "GET",
        "/dbs",
        "type=master&ver=1.0&sig=eA==".into(),
    )
}

/// Signed with the account key: the one credential that is refused in this way.
fn metadata_writes() -> Got {
    let mut arm = Arm::with(&["metadata-writes-disabled"]);
    let key = STANDARD.decode(&arm.world.key).unwrap();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(b"post\ndbs\n\nfri, 02 jan 2026 15:04:05 gmt\n\n");
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let signature = signature.replace('+', "%2b");
    converse(
        &mut arm,
        "POST",
        "/dbs",
        format!("type=master&ver=1.0&sig={signature}"),
    )
}
