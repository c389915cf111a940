//! `token` and `whoami`: what the machine's identity is and what it is given.

use serde_json::Value;
use serde_json::value::RawValue;

use super::confirm_secret;
use crate::authorize::{aad, bearer};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::error::Error;
use crate::exchange::Credential;
use crate::identity::{Selector, Token};

/// `token [--plane arm|data] [--audience URI] [--raw | --auth-header]`
pub fn token(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let settings = session.settings;
    let (raw, header) = (settings.on("raw"), settings.on("auth-header"));
    if settings.args().has("raw") && settings.args().has("auth-header") {
        return Err(Error::Usage(
            "--raw and --auth-header exclude each other".into(),
        ));
    }
    let plane = settings.text("plane").unwrap_or("data".into());
    let usual = match plane.as_str() {
        "arm" => &session.client.audiences().arm,
        "data" => &session.client.audiences().data,
        other => {
            return Err(Error::Usage(format!(
                "--plane {other} is not known: arm or data"
            )));
        }
    };
    let audience = settings.text("audience").unwrap_or(usual.clone());
    if audience.is_empty() {
        return Err(Error::Usage("--audience is empty".into()));
    }
    if raw || header {
        confirm_secret(session, "a token")?;
    }
    let token = session.client.token(&audience);
    let token = token.map_err(|e| session.or_rehearsed(e))?;
    if session.is_rehearsal() {
        return Ok(());
    }
    let line = |scheme: crate::name::Secret| format!("authorization: {}", scheme.expose());
    match (raw, header, plane.as_str()) {
        (true, ..) => output.text(token.secret.expose()),
        (_, true, "arm") => output.text(&line(bearer(&token.secret))),
        (_, true, _) => output.text(&line(aad(&token.secret))),
        _ => {
            let mut said = described(session, &token, &audience);
            said.extend(
                token
                    .claims()
                    .map(|claims| ("claims", claims.all().clone())),
            );
            one(output, &said)
        }
    }
}

/// `whoami`
pub fn whoami(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let audience = session.client.audiences().arm.clone();
    let token = session.client.token(&audience);
    let token = token.map_err(|e| session.or_rehearsed(e))?;
    if session.is_rehearsal() {
        return session.machine().map(|_| ());
    }
    let mut who = described(session, &token, &audience);
    if matches!(session.client.credential(), Credential::Identity { .. }) {
        match session.machine() {
            Ok(machine) => who.extend([
                ("machine", machine.name.into()),
                ("scaleSet", machine.scale_set.into()),
                ("resourceGroup", machine.group.into()),
                ("subscription", machine.subscription.into()),
                ("cloud", machine.cloud.into()),
            ]),
            Err(e) => session.say(&format!("the machine does not describe itself: {e}")),
        }
    }
    one(output, &who)
}

/// Members in the order they are to be read in.
type Members = Vec<(&'static str, Value)>;

fn one(output: &mut Output, members: &Members) -> Result<(), Error> {
    output.one(&object(members)?)
}

/// Members as an object, in their order.
pub fn object(members: &[(&str, Value)]) -> Result<Box<RawValue>, Error> {
    let member = |(name, value): &(&str, Value)| format!("\"{name}\":{value}");
    let text: Vec<String> = members.iter().map(member).collect();
    let raw = RawValue::from_string(format!("{{{}}}", text.join(",")));
    raw.map_err(|e| Error::Local(e.to_string()))
}

/// What may be said of a token: everything but the token.
fn described(session: &Session, token: &Token, audience: &str) -> Members {
    let now = session.client.clock().now();
    let expires = token.expires.moment(now);
    let claims = token.claims();
    let text = |name: &str| {
        claims
            .as_ref()
            .and_then(|c| c.text(name))
            .map(str::to_string)
    };
    let client = token.client_id.clone();
    vec![
        (
            "identity",
            kind(session, text("xms_mirid").as_deref()).into(),
        ),
        ("objectId", text("oid").into()),
        (
            "clientId",
            client
                .or_else(|| text("appid"))
                .or_else(|| text("azp"))
                .into(),
        ),
        ("tenantId", text("tid").into()),
        ("resourceId", text("xms_mirid").into()),
        ("source", source(session).into()),
        (
            "audience",
            text("aud").unwrap_or_else(|| audience.to_string()).into(),
        ),
        ("issuer", text("iss").into()),
        ("expiresOn", crate::authorize::http_date(expires).into()),
        ("expiresInSeconds", (expires - now).whole_seconds().into()),
        (
            "sha256",
            crate::name::fingerprint(token.secret.expose()).into(),
        ),
    ]
}

fn source(session: &Session) -> String {
    match session.client.credential() {
        Credential::Identity { endpoint, .. } => format!("imds ({endpoint})"),
        Credential::Token(_) => "token-file".into(),
        Credential::Key(_) => "key-file".into(),
    }
}

/// By the resource that the identity belongs to; by the selector where the token does not say.
fn kind(session: &Session, resource: Option<&str>) -> &'static str {
    let selector = match session.client.credential() {
        Credential::Identity { selector, .. } => selector,
        _ => return "given",
    };
    match (resource, selector) {
        (Some(id), _) if id.to_ascii_lowercase().contains("/userassignedidentities/") => {
            "user-assigned"
        }
        (Some(_), _) => "system-assigned",
        (None, Selector::Default) => "unknown",
        (None, _) => "user-assigned",
    }
}
