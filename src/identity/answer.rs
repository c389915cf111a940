//! The answer of any identity source, as the token it is.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

use super::{Expiry, Token, expiry_claim};
use crate::error::{Error, moment};
use crate::message::Response;
use crate::name::Secret;

/// Reads the answer of any identity source. Sources differ in types: numbers come as texts and as numbers, times as
/// epoch seconds, as ISO 8601 and in two local forms.
pub fn read_token(response: &Response) -> Result<Token, Error> {
    if response.body.trim_ascii_start().starts_with(b"<") {
        let who = "it is a web page: a proxy, or something else in the place of the endpoint";
        return Err(Error::answer(who));
    }
    let body: Value = response.json()?;
    let token = body.get("access_token").and_then(Value::as_str);
    let token = token
        .filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| Error::answer("the answer has no usable access_token"))?;
    let at = body.get("expires_on").and_then(expiry).map(Expiry::At);
    let life = body.get("expires_in").and_then(lifetime);
    let expires = at
        .or(life)
        .or_else(|| expiry_claim(token))
        .ok_or_else(|| Error::answer("the answer does not say when the token expires"))?;
    let said = |name: &str| body.get(name)?.as_str().map(str::to_string);
    Ok(Token {
        secret: Secret::token(token),
        expires,
        client_id: said("client_id"),
        object_id: said("object_id"),
        resource_id: said("msi_res_id"),
    })
}

/// A number that may be written as a text; an empty text is none.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|n| n as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// `expires_in` is a lifetime in seconds; some sources put the moment there.
fn lifetime(value: &Value) -> Option<Expiry> {
    const LATER_THAN_ANY_LIFETIME: i64 = 978_307_200;
    let seconds = number(value)?;
    if seconds >= LATER_THAN_ANY_LIFETIME {
        return Some(Expiry::At(
            OffsetDateTime::from_unix_timestamp(seconds).ok()?,
        ));
    }
    Some(Expiry::In(Duration::from_secs(
        u64::try_from(seconds).ok()?,
    )))
}

/// `expires_on`: a moment, in every form that has been seen.
fn expiry(value: &Value) -> Option<OffsetDateTime> {
    if let Some(seconds) = number(value) {
        return OffsetDateTime::from_unix_timestamp(seconds).ok();
    }
    moment::read(value.as_str()?)
}
