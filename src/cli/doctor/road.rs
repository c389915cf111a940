//! The road to the account: its name, its port, who signed for it. And whether ARM can be reached.

use super::Doctor;
use super::finding::{Finding, State, blocked, notice, ok, skip};
use crate::cli::session::Session;
use crate::error::{Broken, Error, Stage};
use crate::exchange::network::chain::Signed;
use crate::exchange::network::probe::{Road, kind};
use crate::name::Endpoint;

/// A failure of the road, as a request would have met it.
fn broken(endpoint: &Endpoint, stage: Stage, what: String) -> Error {
    let request = format!("GET {endpoint}/");
    Error::from(Broken {
        request,
        stage,
        what,
        activity: None,
    })
}

fn road(endpoint: &Endpoint) -> Result<Road<'_>, Error> {
    Road::new(endpoint).map_err(|what| broken(endpoint, Stage::Configuration, what))
}

/// Whether there is an account to ask about.
pub fn without_account(session: &Session) -> Option<Finding> {
    let named = ["account-name", "endpoint"]
        .into_iter()
        .any(|name| session.settings.text(name).is_some());
    (!named).then(|| blocked("needs an account: --account-name NAME"))
}

/// An account that is not there has no address and no port: then ARM says what is wrong, and not the road.
fn unless_unborn(doctor: &Doctor, broken: Error) -> Result<Finding, Error> {
    match doctor.is_unborn() {
        true => Ok(blocked("needs account")),
        false => Err(broken),
    }
}

/// Which addresses the account's name has: private ones within its private network.
pub fn name(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
    if let Some(other) = without_account(session) {
        return Ok(other);
    }
    let account = session.account()?;
    let endpoint = account.endpoint();
    let road = road(endpoint)?;
    if let Some(proxy) = road.proxy() {
        return Ok(skip(format!("the proxy {proxy} knows the address")));
    }
    match road.resolve() {
        Ok((ips, time)) => {
            let ips = ips.iter().take(4);
            let ips: Vec<String> = ips.map(|ip| format!("{ip} ({})", kind(*ip))).collect();
            let (host, ips, ms) = (endpoint.host(), ips.join(", "), time.as_millis());
            Ok(ok(format!("{host} is {ips} ({ms} ms)")))
        }
        Err(what) => unless_unborn(doctor, broken(endpoint, Stage::Resolve, what)),
    }
}

/// Whether somebody answers there.
pub fn tcp(doctor: &Doctor) -> Result<Finding, Error> {
    let account = doctor.session.account()?;
    let endpoint = account.endpoint();
    let road = road(endpoint)?;
    let (way, label) = match road.proxy() {
        Some(proxy) => (format!("the proxy {proxy}"), "the proxy "),
        None => (endpoint.host().to_string(), ""),
    };
    match road.connect() {
        Ok(time) => Ok(ok(format!("{way} answers after {} ms", time.as_millis()))),
        Err(what) => {
            let broken = broken(endpoint, Stage::Connect, format!("{label}{what}"));
            unless_unborn(doctor, broken)
        }
    }
}

/// Whether it can prove who it is; and who signed for it, which tells a proxy that inspects TLS.
pub fn tls(doctor: &Doctor) -> Result<Finding, Error> {
    let account = doctor.session.account()?;
    let endpoint = account.endpoint();
    let door = doctor.account_door();
    if !endpoint.as_str().starts_with("https:") {
        return Ok(skip("plain http, on this machine"));
    }
    let road = road(endpoint)?;
    let chain = road.signers();
    if let (Some(proxy), Err(what)) = (road.proxy(), &chain)
        && let Some(status) = refused_by_proxy(what)
    {
        let what = format!("the proxy {proxy}: {what}: responded {status}");
        return Err(broken(endpoint, Stage::Connect, what));
    }
    let signed = chain.as_ref().map_or_else(String::clone, |chain| by(chain));
    match (door, chain) {
        // The proxy refused the way: no certificate was ever seen.
        (Err(Error::Transport(failed)), _) if failed.stage == Stage::Connect => {
            Err(Error::Transport(failed))
        }
        // An answer that is lost later is not for this check.
        (Err(Error::Transport(failed)), chain) if failed.stage == Stage::Tls || chain.is_err() => {
            let what = format!("{}; {signed}", failed.what);
            Err(broken(endpoint, Stage::Tls, what))
        }
        (_, Ok(chain)) if is_strange(&chain) => {
            let words = "neither Microsoft nor DigiCert";
            Ok(notice(doctor.session, State::Warn, 0, words).and(&signed))
        }
        _ => Ok(ok(signed)),
    }
}

/// The status with which a proxy refused to connect: then no certificate was ever seen.
fn refused_by_proxy(what: &str) -> Option<&str> {
    let line = what.strip_prefix("the proxy answered ")?;
    line.split(' ').nth(1)
}

fn by(chain: &[Signed]) -> String {
    match chain.first() {
        Some(first) => format!("it is {}, by {}", first.subject, first.issuer),
        None => "it showed no certificate".to_string(),
    }
}

/// Whether a chain has none of those in it who sign for Azure.
fn is_strange(chain: &[Signed]) -> bool {
    const SIGNERS: [&str; 2] = ["microsoft", "digicert"];
    let knows = |issuer: &str| SIGNERS.iter().any(|known| issuer.contains(known));
    let mut issuers = chain
        .iter()
        .map(|signed| signed.issuer.to_ascii_lowercase());
    !chain.is_empty() && !issuers.any(|issuer| knows(&issuer))
}

/// Whether anybody answers.
pub fn arm(doctor: &Doctor) -> Result<Finding, Error> {
    if let Some(other) = doctor.without_arm() {
        return Ok(skip(other));
    }
    doctor.arm_door()?;
    Ok(ok(format!("{} answers", doctor.session.arm()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_signs_for_azure_is_known() {
        for (issuers, strange) in [
            (
                &["CN=Microsoft Azure RSA TLS Issuing CA 04, O=Microsoft Corporation, C=US"][..],
                false,
            ),
            (
                &["CN=A, O=DigiCert Inc", "CN=DigiCert Global Root G2"],
                false,
            ),
            (&["CN=Fabrikam TLS Inspection CA, O=Fabrikam"], true),
            (&[], false),
        ] {
            let signed = |issuer: &&str| Signed {
                subject: "CN=*.documents.azure.com".into(),
                issuer: issuer.to_string(),
            };
            let chain: Vec<Signed> = issuers.iter().map(signed).collect();
            assert_eq!(is_strange(&chain), strange, "{issuers:?}");
        }
    }
}
