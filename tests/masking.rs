//! Canaries: secrets of every kind, and no text shown holds one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use rawcosmos::authorize::{aad, bearer, master_key};
use rawcosmos::message::{Plane, Request, Response};
use rawcosmos::name::Secret;
use rawcosmos::show::{self, Mask, unsigned};

const JWT: &str = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ";
const OPAQUE: &str = "opaque-token-canary-0123456789";
const KEY: &str = "Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5+/==";
const SIGNATURE: &str = "c2lnbmF0dXJl+Y2FuYXJ5/MDEyMzQ1Njc4OWFiY2RlZg==";
const CANARIES: [&str; 6] = [JWT, OPAQUE, KEY, SIGNATURE, "PARAMETER", "c2lnbmF0dXJl%2B"];

fn answer(headers: &[(&str, String)], body: &str) -> Response {
    let headers = headers.iter().map(|(n, v)| (n.to_string(), v.clone()));
    Response {
        status: 403,
        headers: headers.collect(),
        body: body.into(),
        ..Response::default()
    }
}

fn assert_clean(text: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} in\n{text}");
    }
}

/// Requests that carry every kind of secret there is.
fn requests() -> Vec<Request> {
    let token = Secret::token(OPAQUE);
    let signed = "https://management.azure.com/op?api-version=1&t=PARAMETER&c=PARAMETER&s=PARAMETER&h=PARAMETER";
    let url = Secret::within(signed.into(), unsigned(signed));
    let arm = Request::new(Plane::Arm, "GET", url).header("authorization", bearer(&token));
    let data = Request::new(Plane::Data, "POST", "https://a.documents.azure.com/dbs");
    let body = format!(r#"{{"id":"x","token":"{JWT}","access_token":"{OPAQUE}"}}"#);
    vec![
        arm,
        data.clone().header("authorization", aad(&token)).body(body),
        data.clone()
            .header("authorization", bearer(&Secret::token(JWT))),
        data.header("authorization", master_key::header(SIGNATURE))
            .body(""),
    ]
}

#[test]
fn no_secret_of_a_request_is_shown() {
    let mask = Mask::default();
    for request in requests() {
        mask.learn_from(&request);
        assert_clean(&show::request(&request, &mask));
        assert_clean(&show::curl(&request, &mask));
        assert_clean(&format!("{:?} {:?}", request.url, request.headers));
        assert_clean(&request.line());
    }
    let unmasked = show::request(&requests()[0], &mask);
    assert!(unmasked.contains("GET /op?api-version=1&<signature> HTTP/1.1"));
}

#[test]
fn no_secret_of_an_answer_is_shown() {
    let mask = Mask::default();
    mask.learn(&Secret::new("key", KEY));
    requests()
        .iter()
        .for_each(|request| mask.learn_from(request));
    let link = "https://a.example/op?s=PARAMETER&api-version=1".to_string();
    let headers = [
        ("Location", link.clone()),
        ("azure-asyncoperation", link),
        ("Set-Cookie", format!("a={OPAQUE}")),
        ("Authorization", format!("Bearer {JWT}")),
        ("x-other", format!("{KEY} {SIGNATURE}")),
    ];
    for body in [
        format!(r#"{{"error":{{"message":"the token {JWT} and {OPAQUE} and {SIGNATURE}"}}}}"#),
        format!(r#"{{"access_token" : "{JWT}","expires_in":"1"}}"#),
        format!(r#"{{"message":"Message: {{\"access_token\":\"{OPAQUE}\",\"a\":1}}"}}"#),
        format!("key {KEY}, cut off: {{\"access_token\":\"{OPAQUE}"),
        "\u{1b}[2Jhello".to_string(),
    ] {
        let shown = show::response(&answer(&headers, &body), &mask);
        assert_clean(&shown);
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }
}

#[test]
fn keys_are_recognised_although_never_seen_before() {
    let mask = Mask::default();
    let keys = format!(
        r#"{{"primaryMasterKey":"{KEY}","secondaryMasterKey":"{SIGNATURE}","primaryReadonlyMasterKey": "{KEY}","secondaryReadonlyMasterKey":"{KEY}"}}"#
    );
    let strings = format!(
        r#"{{"connectionStrings":[{{"connectionString":"AccountEndpoint=https://a/;AccountKey={KEY};","description":"Primary"}}]}}"#
    );
    let text = format!("AccountEndpoint=https://a/;AccountKey={KEY};Database=d");
    for body in [keys, strings, text] {
        let shown = show::response(&answer(&[], &body), &mask);
        assert_clean(&shown);
        assert!(shown.contains("sha256="), "{shown}");
    }
    assert_eq!(mask.text("AccountKey=;x"), "AccountKey=;x");
    let harmless = r#"{"access_token":"","_token":null,"n":"eyJ.x","path":"/a?b=c&h"}"#;
    assert_eq!(mask.text(harmless), harmless);
}
