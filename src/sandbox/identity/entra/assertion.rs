//! The token of the pod's service account: what Kubernetes writes into the file, and what the token service thinks of it.

use std::{fs, io};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::ASSERTION;
use super::super::aadsts::timestamp;
use super::super::identities::{Identity, assigned};
use super::super::troubles::Trouble;
use super::Refusal;
use crate::sandbox::secrets::secret;
use crate::sandbox::world::World;

const AUDIENCE: &str = "api://AzureADTokenExchange";
const SUBJECT: &str = "system:serviceaccount:default:sandbox-workload";
/// What a decoded header shows to somebody who mistakes the token for a real one.
const KEY_ID: &str = "rawcosmos-sandbox-not-a-real-token";
/// `not-a-real-signature`.
const SIGNATURE: &str = "bm90LWEtcmVhbC1zaWduYXR1cmU";
const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;
/// How far the clocks may differ.
const TOLERANCE: i64 = 5 * 60;

/// Writes a fresh token where the old one was.
pub(in super::super) fn write(world: &mut World, now: i64) -> io::Result<()> {
    let start = match world.identity.has(Trouble::AssertionExpired) {
        true => now - DAY - HOUR,
        false => now,
    };
    let text = mint(&issuer(world), start);
    if let Some(folder) = &world.identity.folder {
        // What is replaced whole is never read half.
        let fresh = folder.write(&secret(), &text)?;
        fs::rename(fresh, folder.path(ASSERTION))?;
    }
    world.identity.assertion = text;
    Ok(())
}

fn issuer(world: &World) -> String {
    format!("https://oidc.sandbox.invalid/{}/", world.tenant)
}

fn mint(issuer: &str, start: i64) -> String {
    let header = json!({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"});
    let payload = json!({
        "aud": [AUDIENCE], "exp": start + DAY, "iat": start, "nbf": start, "iss": issuer, "sub": SUBJECT,
        "jti": secret(),
    });
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}.{SIGNATURE}", encode(&header), encode(&payload))
}

fn payload(assertion: &str) -> Option<Value> {
    let parts: Vec<&str> = assertion.split('.').collect();
    let [_, body, _] = parts.as_slice() else {
        return None;
    };
    let body = URL_SAFE_NO_PAD.decode(body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    body.is_object().then_some(body)
}

/// Whether the token stands for that identity, to the letter.
pub(super) fn judge(
    world: &mut World,
    identity: &Identity,
    assertion: &str,
    now: i64,
) -> Result<(), Refusal> {
    let refused = |number: u32, text: String| Err((401, "invalid_client", number, text));
    let Some(payload) = payload(assertion) else {
        return refused(50_027, "JWT token is invalid or malformed.".to_owned());
    };
    if !is_federated(world, identity) {
        return Err((400, "invalid_request", 70_021, no_record(&payload)));
    }
    if let Some((number, text)) = mismatch(world, &payload) {
        return refused(number, text);
    }
    if assertion != world.identity.assertion {
        let text = "Assertion failed signature validation.";
        return refused(50_013, text.to_owned());
    }
    let time = |name: &str| {
        payload
            .get(name)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    };
    let (start, end) = (time("nbf"), time("exp"));
    let expired = world.identity.has(Trouble::AssertionExpired);
    if !expired && (start - TOLERANCE..end).contains(&now) {
        return Ok(());
    }
    // Kubernetes would have written a new one by now; where it cannot, the old one goes on being refused.
    let _ = write(world, now);
    refused(700_024, out_of_time(start, end, now))
}

/// The first of the pod's identities trusts the service account.
fn is_federated(world: &World, identity: &Identity) -> bool {
    let first = assigned(world).first();
    first.is_some_and(|first| first.client_id == identity.client_id)
}

/// A claim; of an audience the first.
fn claim<'a>(payload: &'a Value, name: &str) -> &'a str {
    let value = payload.get(name).unwrap_or(&Value::Null);
    let value = value.get(0).unwrap_or(value);
    value.as_str().unwrap_or_default()
}

fn no_record(payload: &Value) -> String {
    format!(
        "No matching federated identity record found for presented assertion. Assertion Issuer: '{}'. Assertion Subject: '{}'. Assertion Audience: '{}'.",
        claim(payload, "iss"),
        claim(payload, "sub"),
        claim(payload, "aud")
    )
}

fn mismatch(world: &World, payload: &Value) -> Option<(u32, String)> {
    let issuer = issuer(world);
    let rows = [
        ("iss", issuer.as_str(), "issuer", 700_211),
        ("aud", AUDIENCE, "audience", 700_212),
        ("sub", SUBJECT, "subject", 700_213),
    ];
    let wrong = |(name, right, ..): &(&str, &str, &str, u32)| claim(payload, name) != *right;
    let (name, _, word, number) = rows.into_iter().find(wrong)?;
    let text = format!(
        "No matching federated identity record found for presented assertion {word} '{}'. \
         Check your federated identity credential Subject, Audience and Issuer against the presented assertion. \
         https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
        claim(payload, name)
    );
    Some((number, text))
}

fn out_of_time(start: i64, end: i64, now: i64) -> String {
    format!(
        "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time of assertion {}.",
        timestamp(now),
        timestamp(start),
        timestamp(end)
    )
}
