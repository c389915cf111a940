//! STEP 1: who am I, and a token.
//!
//! A managed identity has no secret. The machine's metadata service knows which machine asks and answers with a
//! token for one audience; the two planes want two different ones.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

pub mod imds;
pub mod instance;
pub mod refusal;

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::{Iso8601, Rfc2822};
use time::macros::format_description;

use crate::error::Error;
use crate::message::Response;
use crate::name::{Claims, Name, Secret};

/// Which of a machine's identities is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selector {
    /// None named: the system-assigned one, or else the only user-assigned one.
    #[default]
    Default,
    /// A user-assigned one, by client id.
    ClientId(Name),
    /// A user-assigned one, by object (principal) id.
    ObjectId(Name),
    /// A user-assigned one, by its resource id: `/subscriptions/…/userAssignedIdentities/…`.
    ResourceId(String),
}

/// A token and what its answer said of it.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token itself.
    pub secret: Secret,
    /// When it expires, by the answer; by its own claims where the answer does not say.
    pub expires: Expiry,
    /// The client id of the identity that answered, where the source says it.
    pub client_id: Option<String>,
}

/// When a token expires. An answer counts from now, and readers have no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// At this moment.
    At(OffsetDateTime),
    /// This long after the answer.
    In(Duration),
}

impl Expiry {
    /// The moment, for an answer that came at `now`.
    pub fn moment(self, now: OffsetDateTime) -> OffsetDateTime {
        match self {
            Expiry::At(moment) => moment,
            Expiry::In(life) => {
                now.saturating_add(time::Duration::try_from(life).unwrap_or_default())
            }
        }
    }
}

impl Token {
    /// A token that was obtained elsewhere; its own claims say when it expires.
    pub fn ready(text: &str) -> Result<Token, Error> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::Usage(
                "the token must be one line of printable ASCII".into(),
            ));
        }
        let expires = expiry_claim(text).unwrap_or(Expiry::In(Duration::from_secs(3600)));
        Ok(Token {
            secret: Secret::token(text),
            expires,
            client_id: None,
        })
    }

    /// What it says of itself; `None` where it is opaque.
    pub fn claims(&self) -> Option<Claims> {
        Claims::read(self.secret.expose())
    }
}

fn expiry_claim(token: &str) -> Option<Expiry> {
    let seconds = Claims::read(token)?.time("exp")?;
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    Some(Expiry::At(moment))
}

/// Reads the answer of any identity source. Sources differ in types: numbers come as texts and as numbers, times as
/// epoch seconds, as ISO 8601 and in two local forms.
pub fn read_token(response: &Response) -> Result<Token, Error> {
    let body: Value = response.json()?;
    let token = body.get("access_token").and_then(Value::as_str);
    let token = token
        .filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| Error::answer("the answer has no usable access_token"))?;
    let at = body.get("expires_on").and_then(moment).map(Expiry::At);
    let life = body.get("expires_in").and_then(lifetime);
    let expires = at
        .or(life)
        .or_else(|| expiry_claim(token))
        .ok_or_else(|| Error::answer("the answer does not say when the token expires"))?;
    Ok(Token {
        secret: Secret::token(token),
        expires,
        client_id: body
            .get("client_id")
            .and_then(Value::as_str)
            .map(str::to_string),
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
fn moment(value: &Value) -> Option<OffsetDateTime> {
    if let Some(seconds) = number(value) {
        return OffsetDateTime::from_unix_timestamp(seconds).ok();
    }
    let text = value.as_str()?.trim();
    let linux = format_description!(
        "[month]/[day]/[year] [hour]:[minute]:[second] [offset_hour sign:mandatory]:[offset_minute]"
    );
    let windows = format_description!(
        "[month padding:none]/[day padding:none]/[year] [hour repr:12 padding:none]:[minute]:[second] [period case:upper] [offset_hour sign:mandatory]:[offset_minute]"
    );
    OffsetDateTime::parse(text, &Iso8601::DEFAULT)
        .or_else(|_| OffsetDateTime::parse(text, &linux))
        .or_else(|_| OffsetDateTime::parse(text, &windows))
        .or_else(|_| OffsetDateTime::parse(text, &Rfc2822))
        .ok()
}
