//! The road to the account: its name, its port, who signed for it.

use super::{Finding, ok, skip, without_account};
use crate::cli::session::Session;
use crate::error::{Broken, Error, Plane, Stage};
use crate::exchange::network::chain::Signed;
use crate::exchange::network::probe::{Road, kind};
use crate::message::{Call, Effect, Request, Response, Scope};
use crate::name::Endpoint;

fn endpoint(session: &Session) -> Result<Endpoint, Error> {
    Ok(session.account()?.endpoint().clone())
}

/// A failure of the road, as a request would have met it.
fn broken(endpoint: &Endpoint, stage: Stage, what: String) -> Error {
    let request = format!("GET {endpoint}/");
    Error::Transport(Broken {
        request,
        stage,
        what,
    })
}

fn road(endpoint: &Endpoint) -> Result<Road<'_>, Error> {
    Road::new(endpoint).map_err(|what| broken(endpoint, Stage::Tls, what))
}

/// Which addresses the account's name has: private ones within its private network.
pub fn name(session: &Session) -> Result<Finding, Error> {
    if let Some(other) = without_account(session) {
        return Ok(other);
    }
    let endpoint = endpoint(session)?;
    let road = road(&endpoint)?;
    if let Some(proxy) = road.proxy() {
        return Ok(skip(format!("the proxy {proxy} knows the address")));
    }
    let found = road.resolve();
    let (ips, time) = found.map_err(|what| broken(&endpoint, Stage::Resolve, what))?;
    let ips: Vec<String> = ips
        .iter()
        .take(4)
        .map(|ip| format!("{ip} ({})", kind(*ip)))
        .collect();
    let ms = time.as_millis();
    Ok(ok(format!(
        "{} is {} ({ms} ms)",
        endpoint.host(),
        ips.join(", ")
    )))
}

/// Whether somebody answers there.
pub fn tcp(session: &Session) -> Result<Finding, Error> {
    let endpoint = endpoint(session)?;
    let road = road(&endpoint)?;
    let (way, label) = match road.proxy() {
        Some(proxy) => (format!("the proxy {proxy}"), "the proxy "),
        None => (endpoint.host().to_string(), ""),
    };
    let time = road.connect();
    let time = time.map_err(|what| broken(&endpoint, Stage::Connect, format!("{label}{what}")))?;
    Ok(ok(format!("{way} answers after {} ms", time.as_millis())))
}

/// Whether it can prove who it is; and who signed for it, which tells a proxy that inspects TLS.
pub fn tls(session: &Session) -> Result<Finding, Error> {
    let endpoint = endpoint(session)?;
    if !endpoint.as_str().starts_with("https:") {
        return Ok(skip("plain http, on this machine"));
    }
    let signed = road(&endpoint)?.signers();
    let signed = signed.map_or_else(|what| what, |chain| by(&chain));
    match reach(session, Plane::Data, &endpoint) {
        Err(Error::Transport(broken)) => {
            let what = format!("{}; {signed}", broken.what);
            Err(Error::Transport(Broken { what, ..broken }))
        }
        _ => Ok(ok(signed)),
    }
}

fn by(chain: &[Signed]) -> String {
    match chain.first() {
        Some(first) => format!("it is {}, by {}", first.subject, first.issuer),
        None => "it showed no certificate".to_string(),
    }
}

/// Asks without saying who we are: any answer will do.
pub fn reach(session: &Session, plane: Plane, endpoint: &Endpoint) -> Result<(), Error> {
    fn nothing(_: &Response) -> Result<(), Error> {
        Ok(())
    }
    let request = Request::new(plane, "GET", format!("{endpoint}/"));
    let call = Call {
        request,
        scope: Scope::Open,
        action: "",
        effect: Effect::Read,
        read: nothing,
    };
    match session.client.run(&call) {
        Ok(_) | Err(Error::Status(_)) => Ok(()),
        Err(other) => Err(other),
    }
}
