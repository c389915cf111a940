//! This machine: where its identity comes from, what it says of itself, and who it is.

use super::Doctor;
use super::finding::{Finding, State, notice, of_error, ok, skip};
use crate::cli::commands::identity::{is_of_the_node, kind};
use crate::cli::session::Session;
use crate::error::{Broken, Error, Stage};
use crate::exchange::Credential;
use crate::exchange::network::probe::Road;
use crate::identity::refusal::{self, Refusal};
use crate::identity::{Selector, Source, Token};

/// The source of the identity, where one is in use; else what is.
pub fn source<'a>(session: &'a Session) -> Result<&'a Source, String> {
    let evidence = &session.evidence;
    match session.client.credential() {
        Credential::Identity { source, .. } => Ok(source),
        Credential::Token(_) => Err(format!("a ready token is in use ({evidence})")),
        Credential::Key(_) => Err(format!("the account key is in use ({evidence})")),
    }
}

/// A pod that was given no identity of its own.
fn is_bare_pod(session: &Session) -> bool {
    let is_set = |name: &str| session.settings.variable(name).is_some();
    session.has_metadata()
        && is_set("KUBERNETES_SERVICE_HOST")
        && !is_set("AZURE_FEDERATED_TOKEN_FILE")
}

/// Which source was chosen and by what, and whether it has an open port.
pub fn host(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
    let source = match source(session) {
        Ok(source) => source,
        Err(other) => return Ok(skip(other)),
    };
    let endpoint = source.origin()?;
    let time = road(source, &endpoint).and_then(|road| road.connect());
    let time = time.map_err(|what| unreached(session, source, what))?;
    let what = format!(
        "{} ({}): {endpoint} answers after {} ms",
        source.name(),
        session.evidence,
        time.as_millis(),
    );
    Ok(match is_bare_pod(session) {
        true => notice(session, State::Warn, 0, "pod without").and(&what),
        false => ok(what),
    })
}

/// Entra is outside, everything else is on this machine.
fn road<'a>(source: &Source, endpoint: &'a crate::name::Endpoint) -> Result<Road<'a>, String> {
    match source {
        Source::Workload(_) => Road::new(endpoint),
        _ => Road::direct(endpoint),
    }
}

/// As a request for a token would have met it.
fn unreached(session: &Session, source: &Source, what: String) -> Error {
    let pod = is_bare_pod(session).then_some("; this is a pod in Kubernetes");
    let (method, path) = match source {
        Source::Imds(_) => ("GET", "/metadata/"),
        Source::Workload(_) => ("POST", "/oauth2/v2.0/token"),
        _ => ("GET", ""),
    };
    Error::from(Broken {
        request: format!("{method} {}{path}", source.endpoint()),
        stage: Stage::Connect,
        what: what + pod.unwrap_or_default(),
        activity: None,
    })
}

/// What the machine says of itself: not every machine with an identity does.
pub fn metadata(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
    match source(session) {
        Ok(Source::Imds(_)) => {}
        Ok(source) => return Ok(skip(format!("{} describes no machine", source.name()))),
        Err(other) => return Ok(skip(other)),
    }
    match session.machine() {
        Ok(machine) => Ok(ok(format!(
            "machine {}, {}, {}, group {}, subscription {}",
            machine.name, machine.location, machine.cloud, machine.group, machine.subscription
        ))),
        Err(error) => undescribed(session, error),
    }
}

/// Whoever answers for the metadata service gives no tokens either; that it is busy or failing may be its own affair.
fn undescribed(session: &Session, error: Error) -> Result<Finding, Error> {
    use Refusal::{HeaderLost, NoMachine, NotAzure, OtherCloud, SomebodyElse};
    let refusal = error.failure().map(refusal::of);
    match (&error, refusal) {
        (_, Some(NoMachine)) => Ok(skip("a container has an identity, and no metadata")),
        (Error::Transport(_), _) | (_, Some(NotAzure | OtherCloud | SomebodyElse | HeaderLost)) => {
            Err(error)
        }
        (Error::Answer(_), _) => {
            let what = format!("this is not what a metadata service says: {error}");
            Err(Error::identity(what, None))
        }
        _ => Ok(of_error(session, State::Warn, &error)),
    }
}

/// Who we are, by the token for ARM, and whether that is who was asked for.
pub fn identity(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
    if session.has_key() {
        return Ok(skip("an account key is nobody in particular"));
    }
    let (token, _) = match doctor.without_arm() {
        None => session.arm_token()?,
        Some(_) => session.data_token()?,
    };
    let claims = token.claims();
    let claim = |name: &str| {
        let found = claims.as_ref().and_then(|claims| claims.text(name));
        found.map(str::to_string)
    };
    let oid = claim("oid");
    session.known.borrow_mut().principal.clone_from(&oid);
    let text = |text: Option<String>| text.unwrap_or("unknown".to_string());
    let what = format!(
        "{}: object id {}, client id {}, tenant {}; {}",
        kind(session, claim("xms_mirid").as_deref()),
        text(oid),
        text(token.client_id.clone().or_else(|| claim("appid"))),
        text(claim("tid")),
        asked_for(session),
    );
    Ok(doubtful(session, &token, claim("tid"))
        .map_or(ok(what.clone()), |warning| warning.and(&what)))
}

fn asked_for(session: &Session) -> &'static str {
    match session.client.credential() {
        Credential::Identity { selector, .. } if *selector != Selector::Default => {
            "it is the one that was asked for"
        }
        Credential::Identity { .. } => "none was asked for by name",
        _ => "by its own words",
    }
}

/// An identity that works, and perhaps is not the one that is meant.
fn doubtful(session: &Session, token: &Token, tenant: Option<String>) -> Option<Finding> {
    if is_of_the_node(session, token) {
        return Some(notice(session, State::Warn, 0, "pod without"));
    }
    let said = session.settings.variable("AZURE_TENANT_ID")?;
    let is_other = tenant.is_some_and(|tenant| !tenant.eq_ignore_ascii_case(&said));
    is_other.then(|| notice(session, State::Warn, 0, "another tenant"))
}
