//! What went wrong on the way, in words, and how far a request came before it did.

use ureq::Timeout;

use super::{Way, dns, proxy};
use crate::error::Stage;
use crate::message::Plane;

/// How far a request came, as far as the error tells. In doubt it was sent.
pub(super) fn stage(error: &ureq::Error) -> Stage {
    use std::io::ErrorKind::*;
    match error {
        ureq::Error::HostNotFound | ureq::Error::Timeout(Timeout::Resolve) => Stage::Resolve,
        ureq::Error::Other(e) if e.is::<dns::Failure>() => Stage::Resolve,
        ureq::Error::Timeout(Timeout::Connect) => Stage::Connect,
        ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)
        | ureq::Error::InvalidProxyUrl
        | ureq::Error::BadUri(_)
        | ureq::Error::Http(_) => Stage::Connect,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => Stage::Tls,
        ureq::Error::Io(e) => match e.kind() {
            ConnectionRefused | HostUnreachable | NetworkUnreachable | AddrNotAvailable
            | NetworkDown | PermissionDenied => Stage::Connect,
            InvalidData if is_of_handshake(&e.to_string()) => Stage::Tls,
            // The resolver's errors have no kind of their own.
            _ if e.to_string().starts_with("failed to lookup address") => Stage::Resolve,
            _ => Stage::Answer,
        },
        _ => Stage::Answer,
    }
}

/// TLS reports a bad certificate and a spoilt answer as the same kind of error; only the first came before the request.
fn is_of_handshake(what: &str) -> bool {
    [
        "certificate",
        "Handshake",
        "ProtocolVersion",
        "protocol version",
    ]
    .iter()
    .any(|word| what.contains(word))
}

/// Who could not be reached is the proxy, where there is one: the host was never tried. Pods are often kept from
/// the metadata service.
pub(super) fn on_the_way(way: Way, plane: Plane, error: &ureq::Error) -> String {
    let unreached = matches!(stage(error), Stage::Resolve | Stage::Connect);
    match proxy::configured() {
        Ok(Some(proxy)) if unreached && way == Way::Proxied => {
            format!(
                "the proxy {}:{}: {}",
                proxy.host(),
                proxy.port(),
                words(error)
            )
        }
        _ if plane == Plane::Identity && is_pod() => {
            format!("{}; this is a pod in Kubernetes", words(error))
        }
        _ => words(error),
    }
}

fn is_pod() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some_and(|host| !host.is_empty())
}

pub(super) fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(e) => e.to_string(),
        ureq::Error::HostNotFound => "its name has no address".into(),
        ureq::Error::Timeout(Timeout::Resolve) => "nobody says what its address is".into(),
        ureq::Error::Timeout(Timeout::Connect) => "nobody answers at its address".into(),
        ureq::Error::Timeout(_) => "it took too long".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_an_address_was_sent_nothing() {
        let text = "failed to lookup address information: Name or service not known";
        let error = ureq::Error::Io(std::io::Error::other(text));
        assert_eq!(stage(&error), Stage::Resolve);
    }
}
