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
    if !["arm", "data"].contains(&plane.as_str()) {
        return Err(Error::Usage(format!(
            "--plane {plane} is not known: arm or data"
        )));
    }
    let audience = settings.text("audience");
    if audience.as_deref() == Some("") {
        return Err(Error::Usage("--audience is empty".into()));
    }
    if raw || header {
        confirm_secret(session, "a token")?;
    }
    let asked = of_plane(session, &plane, audience);
    let (token, audience) = asked.map_err(|e| session.or_rehearsed(e))?;
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

/// A token for an audience that is named or for a plane's own, and that audience.
fn of_plane(
    session: &Session,
    plane: &str,
    audience: Option<String>,
) -> Result<(Token, String), Error> {
    match (audience, plane) {
        (Some(audience), _) => Ok((session.client.token(&audience)?, audience)),
        (None, "arm") => session.arm_token(),
        _ => session.data_token(),
    }
}

/// `whoami`
pub fn whoami(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    // First, because it says which cloud's token to ask for.
    let machine = session.has_metadata().then(|| session.machine());
    if let Some(Err(error @ Error::Transport(_))) = machine {
        return Err(error);
    }
    let asked = session.arm_token();
    let (token, audience) = asked.map_err(|e| session.or_rehearsed(e))?;
    if session.is_rehearsal() {
        return Ok(());
    }
    let mut who = described(session, &token, &audience);
    warn_of_the_node(session, &token);
    match machine {
        None => {}
        Some(Ok(machine)) => who.extend([
            ("machine", machine.name.into()),
            ("scaleSet", machine.scale_set.into()),
            ("resourceGroup", machine.group.into()),
            ("subscription", machine.subscription.into()),
            ("cloud", machine.cloud.into()),
        ]),
        Some(Err(e)) => session.say(&format!("the machine does not describe itself: {e}")),
    }
    one(output, &who)
}

fn warn_of_the_node(session: &Session, token: &Token) {
    if is_of_the_node(session, token) {
        session.say("this is the cluster node's identity, which every pod of it can use: a workload identity is a pod's own");
    }
}

/// Without a workload identity a pod is given its node's, and so is every other pod there.
pub fn is_of_the_node(session: &Session, token: &Token) -> bool {
    let claims = token.claims();
    let resource = claims.as_ref().and_then(|claims| claims.text("xms_mirid"));
    let resource = resource.unwrap_or_default().to_ascii_lowercase();
    let in_pod = session.settings.variable("KUBERNETES_SERVICE_HOST");
    in_pod.is_some() && session.has_metadata() && resource.contains("/resourcegroups/mc_")
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
        ("source", session.source().into()),
        ("evidence", session.evidence.as_str().into()),
        ("endpoint", endpoint(session).into()),
        (
            "audience",
            text("aud").unwrap_or(audience.to_string()).into(),
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

/// Where the token was asked for, without a query.
fn endpoint<'a>(session: &'a Session<'a>) -> Option<&'a str> {
    match session.client.credential() {
        Credential::Identity { source, .. } => source.endpoint().split('?').next(),
        _ => None,
    }
}

/// By the resource that the identity belongs to; by the selector where the token does not say.
pub fn kind(session: &Session, resource: Option<&str>) -> &'static str {
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
