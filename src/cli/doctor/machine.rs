//! This machine: its metadata service, its identity, its token, its clock.

use super::{Finding, State, ok, skip, warn_as};
use crate::cli::session::Session;
use crate::error::{Broken, Error, Plane, Stage, moment};
use crate::exchange::Credential;
use crate::exchange::network::probe::Road;
use crate::identity::{Source, instance};
use crate::message::{Call, Effect, Request, Response, Scope};

/// The source of the identity, where one is in use; else what is.
fn source<'a>(session: &'a Session) -> Result<&'a Source, &'static str> {
    match session.client.credential() {
        Credential::Identity { source, .. } => Ok(source),
        Credential::Token(_) => Err("a ready token is in use"),
        Credential::Key(_) => Err(WITH_A_KEY),
    }
}

const WITH_A_KEY: &str = "the account key is in use";

/// Whether the identity endpoint has an open port.
pub fn host(session: &Session) -> Result<Finding, Error> {
    let source = match source(session) {
        Ok(Source::Workload(_)) => return Ok(skip("a pod asks Microsoft Entra, not its machine")),
        Ok(source) => source,
        Err(other) => return Ok(skip(other)),
    };
    let endpoint = source.origin()?;
    let path = match source {
        Source::Imds(_) => "/metadata/",
        _ => "",
    };
    let broken = |what| {
        Error::Transport(Broken {
            request: format!("GET {}{path}", source.endpoint()),
            stage: Stage::Connect,
            what,
        })
    };
    let time = Road::direct(&endpoint).and_then(|road| road.connect());
    let time = time.map_err(broken)?;
    Ok(ok(format!(
        "{endpoint} answers after {} ms; {} ({})",
        time.as_millis(),
        source.name(),
        session.evidence
    )))
}

/// What the machine says of itself: not every machine with an identity does.
pub fn metadata(session: &Session) -> Result<Finding, Error> {
    match source(session) {
        Ok(Source::Imds(_)) => {}
        Ok(_) => return Ok(skip("this source describes no machine")),
        Err(other) => return Ok(skip(other)),
    }
    match session.machine() {
        Ok(machine) => Ok(ok(format!(
            "machine {}, {}, {}, subscription {}",
            machine.name, machine.location, machine.cloud, machine.subscription
        ))),
        Err(error) => Ok(super::of_error(session, State::Warn, &error)),
    }
}

/// Who we are, by the token for ARM.
pub fn identity(session: &Session) -> Result<Finding, Error> {
    if matches!(session.client.credential(), Credential::Key(_)) {
        return Ok(skip(WITH_A_KEY));
    }
    let (token, _) = session.arm_token()?;
    let claims = token.claims();
    let claim = |name: &str| {
        claims
            .as_ref()
            .and_then(|claims| claims.text(name))
            .unwrap_or("unknown")
    };
    Ok(ok(format!(
        "object id {}, tenant {}",
        claim("oid"),
        claim("tid")
    )))
}

/// How long the token lives, and whether it says whose it is.
pub fn token(session: &Session) -> Result<Finding, Error> {
    if matches!(session.client.credential(), Credential::Key(_)) {
        return Ok(skip(WITH_A_KEY));
    }
    let (token, _) = session.data_token()?;
    let now = session.client.now();
    let left = (token.expires.moment(now) - now).whole_minutes();
    let claims = token.claims();
    let text = |name: &str| claims.as_ref().and_then(|claims| claims.text(name));
    let what = format!(
        "for {}, lives {left} minutes",
        text("aud").unwrap_or("an unknown audience")
    );
    if left <= 0 {
        let text = r#"{"code":"ExpiredAuthenticationToken"}"#;
        return Ok(warn_as(session, what, Plane::Arm, 401, text));
    }
    Ok(ok(what))
}

/// The time an answer came, by its sender.
fn date(response: &Response) -> Result<Option<String>, Error> {
    Ok(response.header("date").map(str::to_string))
}

/// What somebody says the time is: the metadata service, or else the account.
fn told(session: &Session) -> Result<Option<String>, Error> {
    let request = match source(session) {
        Ok(Source::Imds(endpoint)) => instance::compute(endpoint).request,
        _ => Request::new(
            Plane::Data,
            "GET",
            format!("{}/", session.account()?.endpoint()),
        ),
    };
    let call = Call {
        request,
        scope: Scope::Open,
        action: "",
        effect: Effect::Read,
        read: date,
    };
    match session.client.run(&call) {
        Ok(answer) => Ok(answer.value),
        Err(error) => Ok(error.failure().and_then(|failure| failure.date.clone())),
    }
}

/// Our clock against theirs.
pub fn clock(session: &Session) -> Result<Finding, Error> {
    let told = told(session)?;
    let theirs = told.as_deref().and_then(moment::read);
    let Some(theirs) = theirs else {
        return Ok(skip("nobody says what time it is"));
    };
    let ahead = theirs - session.client.clock().now();
    let what = format!(
        "this machine's clock is {} the service's",
        crate::exchange::apart(ahead)
    );
    if ahead.whole_seconds().unsigned_abs() < 60 {
        return Ok(ok(what));
    }
    Ok(warn_as(
        session,
        what,
        Plane::Data,
        403,
        "not valid at the current time",
    ))
}
