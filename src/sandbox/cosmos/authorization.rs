//! Who is asking: an account key's signature or an Entra token, as the gateway reads them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::date;
use super::place::{Place, decode};
use super::reply::{Exchange, Refusal};
use crate::sandbox::token::{self, Claims};
use crate::sandbox::world::World;

/// Whoever holds this request's credential.
#[derive(Debug, PartialEq, Eq)]
pub enum Caller {
    /// The account key: everything is allowed.
    Key,
    /// An identity, by its object id.
    Identity(String),
}

/// Who sent the request, or why that is not believed.
pub fn check(world: &World, exchange: &Exchange) -> Result<Caller, Refusal> {
    let header = exchange
        .header("authorization")
        .ok_or_else(|| unauthorized(MISSING).sub(5000))?;
    let (kind, signature) = parse(header)?;
    match kind.as_str() {
        "master" => key(world, exchange, &signature).map(|()| Caller::Key),
        "aad" => identity(world, &signature, exchange.now).map(Caller::Identity),
        "resource" | "sas" => Err(Refusal::absent("resource tokens and SAS tokens")),
        _ => Err(unauthorized(FORMAT).sub(5001)),
    }
}

const MISSING: &str =
    "Required Header authorization is missing. Ensure a valid Authorization token is passed.";
const FORMAT: &str =
    "Authorization header doesn't confirm to the required format. Please verify and try again.";
const SECONDS_VALID: i64 = 15 * 60;
const SECONDS_AHEAD: i64 = 5 * 60;

fn unauthorized(message: impl Into<String>) -> Refusal {
    Refusal::gateway(401, message)
}

/// Kind and signature of `type=…&ver=…&sig=…`, whose parts are known by their place.
fn parse(header: &str) -> Result<(String, String), Refusal> {
    let wrong = || unauthorized(FORMAT).sub(5001);
    let decoded = decode(header, true).ok_or_else(wrong)?;
    let mut parts = decoded.splitn(3, '&');
    let mut part = |name: &str| {
        parts
            .next()
            .and_then(|part| part.strip_prefix(name))
            .map(str::to_owned)
            .ok_or_else(wrong)
    };
    let kind = part("type=")?.to_ascii_lowercase();
    let _version = part("ver=")?;
    let signature = part("sig=")?;
    let signature = signature.split(',').next().unwrap_or_default().to_owned();
    let limit = match kind.as_str() {
        "aad" => 16,
        "resource" => 8,
        _ => 1,
    };
    match header.len() > limit * 1024 || signature.is_empty() {
        true => Err(wrong()),
        false => Ok((kind, signature)),
    }
}

fn key(world: &World, exchange: &Exchange, signature: &str) -> Result<(), Refusal> {
    if world.flag("disableLocalAuth") {
        return Err(unauthorized(NO_KEYS).sub(5202));
    }
    let sent = exchange.header("x-ms-date");
    let date = sent
        .or_else(|| exchange.header("date"))
        .ok_or_else(|| unauthorized(NO_DATE))?;
    let start = date::parse(date).ok_or_else(|| unauthorized(BAD_DATE))?;
    let payload = payload(
        &exchange.request.method,
        &exchange.place,
        sent.unwrap_or_default(),
        if sent.is_some() { "" } else { date },
    );
    let others = world.own().map(|account| &account.keys[1..]);
    let signed = |key: &String| signs(key, &payload, signature);
    let other = others.and_then(|keys| keys.iter().position(signed));
    if other.is_some_and(|place| place > 0) {
        return Err(Refusal::absent("keys that only read"));
    }
    if other.is_none() && !signed(&world.key) {
        return Err(unauthorized(format!("{MISMATCH} '{payload}'")));
    }
    current(start, exchange.now)
}

const NO_KEYS: &str =
    "Local Authorization is disabled. Use an AAD token to authorize all requests.";
const NO_DATE: &str = "The authorization token mandates Date headers. Please set x-ms-date.";
const BAD_DATE: &str = "The Date header is not a valid HTTP date (RFC 1123, GMT).";
const MISMATCH: &str = "The input authorization token can't serve the request. Please check that the expected payload is built as per the protocol, and check the key being used. Server used the following payload to sign:";

/// The text a key signs.
fn payload(method: &str, place: &Place, sent: &str, date: &str) -> String {
    // Deleting all of a key is signed as what it is done to: the container.
    let owner = (place.kind() == "operations").then(|| place.owner());
    let place = owner.as_ref().unwrap_or(place);
    format!(
        "{}\n{}\n{}\n{}\n{}\n",
        method.to_lowercase(),
        place.kind().to_lowercase(),
        place.link(),
        sent.to_lowercase(),
        date.to_lowercase()
    )
}

fn signs(key: &str, payload: &str, signature: &str) -> bool {
    let matches = || -> Option<bool> {
        let key = STANDARD.decode(key).ok()?;
        let signature = STANDARD.decode(signature).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(payload.as_bytes());
        Some(mac.verify_slice(&signature).is_ok())
    };
    matches().unwrap_or(false)
}

fn current(start: i64, now: i64) -> Result<(), Refusal> {
    if (start - SECONDS_AHEAD..=start + SECONDS_VALID).contains(&now) {
        return Ok(());
    }
    Err(Refusal::gateway(
        403,
        format!(
            "The authorization token is not valid at the current time. Please create another token and retry (token start time: {}, token expiry time: {}, current server time: {}).",
            date::format(start),
            date::format(start + SECONDS_VALID),
            date::format(now)
        ),
    ))
}

/// The object id of a token's bearer.
fn identity(world: &World, token: &str, now: i64) -> Result<String, Refusal> {
    let blocked = |message: String, substatus| {
        Err(unauthorized(format!(
            "Request blocked by Auth {} : {message}",
            world.account
        ))
        .sub(substatus))
    };
    let Some(claims) = token::verify(token) else {
        return match looks_like_token(token) {
            true => blocked("The AAD token's signature is not valid.".into(), 5004),
            false => blocked("The AAD token is not in the format of a JWT.".into(), 5003),
        };
    };
    if claims.tid != world.tenant {
        return blocked(issuer(&claims, &world.tenant), 5007);
    }
    if claims.nbf > now {
        return blocked("The AAD token is not valid yet.".into(), 5005);
    }
    if claims.exp <= now {
        return blocked("The AAD token has expired.".into(), 5006);
    }
    let accepted = world.cloud.cosmos_audiences(&world.account);
    if !accepted.contains(&claims.aud) {
        return blocked(audience(&claims.aud, &accepted), 5008);
    }
    match claims.oid.is_empty() {
        true => blocked("The AAD token has no object identifier.".into(), 5011),
        false => Ok(claims.oid),
    }
}

fn looks_like_token(token: &str) -> bool {
    let mut parts = token.split('.');
    let mut json = || {
        let decoded = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        serde_json::from_slice::<serde_json::Value>(&decoded).ok()
    };
    json().is_some() && json().is_some() && parts.next().is_some() && parts.next().is_none()
}

fn audience(given: &str, accepted: &[String]) -> String {
    format!(
        "Provided AAD token is intended for [{given}]. This database account accepts tokens intended for [{}].",
        accepted.join(", ")
    )
}

fn issuer(claims: &Claims, tenant: &str) -> String {
    format!(
        "Provided AAD token was issued by the authority [https://sts.windows.net/{}/] which is not trusted by this database account. Please ensure the token has been issued by the AAD tenant(s) [{tenant}].",
        claims.tid
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::sandbox::http::Request;
    use serde_json::Value;

    const VECTORS: &str = include_str!("../../../fixtures/data-plane/master_key_vectors.json");

    fn answer(
        key: &str,
        method: &str,
        path: &str,
        date: &str,
        header: &str,
    ) -> Result<Caller, Refusal> {
        let world = World {
            key: key.to_owned(),
            ..World::default()
        };
        let headers = [("X-MS-Date", date), ("authorization", header)];
        let request = Request {
            method: method.to_owned(),
            target: path.to_owned(),
            headers: headers
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            body: Vec::new(),
        };
        let exchange = Exchange {
            place: Place::parse(request.path()).unwrap(),
            request: &request,
            now: date::parse(date).unwrap() + 60,
            region: 0,
        };
        check(&world, &exchange)
    }

    #[test]
    fn published_signatures_are_accepted() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        let mut rows = vec![];
        let sample = &vectors["published_doc_sample"];
        rows.push((text(sample, "key"), "/dbs/ToDoList".to_owned(), sample));
        for row in vectors["dotnet_baseline"]["cases"].as_array().unwrap() {
            let key = text(&vectors["dotnet_baseline"], "key_base64");
            rows.push((key, text(row, "url_path"), row));
        }
        assert_eq!(rows.len(), 46);
        for (key, path, row) in rows {
            let (verb, date) = (text(row, "verb"), text(row, "x_ms_date"));
            let place = Place::parse(&path).unwrap();
            assert_eq!(
                payload(&verb, &place, &date, ""),
                text(row, "string_to_sign"),
                "{path}"
            );
            let header = text(row, "authorization_header_lower_hex");
            assert!(answer(&key, &verb, &path, &date, &header).is_ok(), "{path}");
            let other = answer(&key, &verb, &format!("{path}X"), &date, &header);
            assert!(other.is_err_and(|refusal| refusal.status == 401), "{path}");
        }
    }

    #[test]
    fn the_header_is_read_by_place() {
        let ok = |header: &str| parse(header).ok();
        let wanted = Some(("master".to_owned(), "a+/=".to_owned()));
        assert_eq!(ok("type%3dmaster%26ver%3d1.0%26sig%3da%2b%2f%3d"), wanted);
        assert_eq!(ok("type%3DMaster%26ver%3D1.0%26sig%3Da%2B%2F%3D"), wanted);
        assert_eq!(ok("type=aad&ver=1.0&sig=x.y.z,other").unwrap().1, "x.y.z");
        assert_eq!(ok("type=master&ver=1.0&sig=a+b").unwrap().1, "a b");
        for header in [
            "Bearer x.y.z",
            "ver=1.0&type=aad&sig=x",
            "Type=aad&ver=1.0&sig=x",
            "type=aad&ver=1.0&sig=",
        ] {
            assert_eq!(parse(header).err().unwrap().substatus, 5001, "{header}");
        }
        let long = format!("type=master&ver=1.0&sig={}", "A".repeat(2000));
        assert!(parse(&long).is_err());
    }

    #[test]
    fn a_mismatch_quotes_the_payload() {
        let date = "Thu, 27 Apr 2017 00:51:12 GMT";
        let refused = answer(
            "AAAA",
            "GET",
            "/dbs",
            date,
            "type%3Dmaster%26ver%3D1.0%26sig%3DAAAA",
        );
        let refusal = refused.err().unwrap();
        assert!(
            refusal
                .message
                .ends_with("'get\ndbs\n\nthu, 27 apr 2017 00:51:12 gmt\n\n'")
        );
    }

    #[test]
    fn the_clock_is_wide_behind_and_narrow_ahead() {
        let start = 1_000_000;
        assert!(current(start, start + 900).is_ok());
        assert!(current(start, start - 300).is_ok());
        assert_eq!(current(start, start + 901).err().unwrap().status, 403);
        assert_eq!(current(start, start - 301).err().unwrap().status, 403);
    }

    #[test]
    fn tokens_are_judged_in_order() {
        let world = World {
            account: "acct".into(),
            tenant: "t".into(),
            ..World::default()
        };
        let good = Claims {
            aud: "https://cosmos.azure.com".into(),
            oid: "o".into(),
            tid: "t".into(),
            nbf: 10,
            exp: 20,
            ..Claims::default()
        };
        let judged = |claims: Claims, now| match identity(&world, &token::mint(&claims), now) {
            Ok(oid) => panic!("{oid} was let in"),
            Err(refusal) => refusal.substatus,
        };
        assert_eq!(
            identity(&world, &token::mint(&good), 10).ok(),
            Some("o".to_owned())
        );
        assert_eq!(judged(good.clone(), 20), 5006);
        assert_eq!(judged(good.clone(), 9), 5005);
        assert_eq!(
            judged(
                Claims {
                    tid: "u".into(),
                    ..good.clone()
                },
                10
            ),
            5007
        );
        assert_eq!(
            judged(
                Claims {
                    aud: "https://cosmos.azure.com/".into(),
                    ..good.clone()
                },
                10
            ),
            5008
        );
        let minted = token::mint(&good);
        let tampered = format!("{}AAAA", &minted[..minted.len() - 4]);
        assert_eq!(
            identity(&world, &tampered, 10).err().unwrap().substatus,
            5004
        );
        assert_eq!(identity(&world, "x.y.z", 10).err().unwrap().substatus, 5003);
    }
}
