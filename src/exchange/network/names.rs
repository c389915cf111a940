//! Addresses of names. ureq asks for them before every request, connected or not, with a thread for each question that
//! may not take for ever: here a name is asked for once in a while, and an address not at all.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::uri::Authority;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::dns;
use crate::exchange::locked;

/// How long an answer is taken for right: a service that moves changes what its name means.
const FRESH: Duration = Duration::from_secs(30);

/// musl's resolver asks the name servers otherwise than glibc's does; see [`dns`].
pub(super) const RESOLVES_ITSELF: bool = cfg!(target_env = "musl");

/// ureq has room for no more.
const MOST_ADDRESSES: usize = 16;

/// No lookup takes longer, whatever its caller allows.
const LONGEST_LOOKUP: Duration = Duration::from_secs(120);

/// What the name in an origin means, and when that was asked for.
struct Known {
    origin: String,
    addresses: ResolvedSocketAddrs,
    asked: Instant,
}

/// What names mean; its copies know the same.
#[derive(Default, Clone)]
pub(super) struct Names(Arc<Mutex<Vec<Known>>>);

impl Names {
    /// Who could not be reached may be elsewhere by now.
    pub fn forget(&self) {
        locked(&self.0).clear();
    }

    /// As it was answered a moment ago.
    fn known(&self, scheme: &str, authority: &str) -> Option<ResolvedSocketAddrs> {
        let mut known = locked(&self.0);
        known.retain(|known| known.asked.elapsed() < FRESH);
        let mut known = known.iter();
        let found = known.find(|known| {
            let behind = known.origin.strip_prefix(scheme);
            behind.and_then(|behind| behind.strip_prefix("://")) == Some(authority)
        });
        found.map(|known| known.addresses.clone())
    }

    fn learn(&self, scheme: &str, authority: &str, addresses: &ResolvedSocketAddrs) {
        locked(&self.0).push(Known {
            origin: [scheme, "://", authority].concat(),
            addresses: addresses.clone(),
            asked: Instant::now(),
        });
    }

    /// An address is its own, and so is the name of this machine.
    fn own(&self, uri: &Uri) -> Option<ResolvedSocketAddrs> {
        let name = DefaultResolver::host_and_port(uri.scheme()?, uri.authority()?)?;
        let own = match name.parse() {
            Ok(address) => vec![address],
            Err(_) => loopback(&name),
        };
        let mut addresses = self.empty();
        own.into_iter().for_each(|address| addresses.push(address));
        (!addresses.is_empty()).then_some(addresses)
    }

    fn look_up(&self, uri: &Uri, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let whole = || DefaultResolver::host_and_port(uri.scheme()?, uri.authority()?);
        let name = whole().ok_or(ureq::Error::HostNotFound)?;
        let (host, port) = name.rsplit_once(':').unwrap_or_default();
        let port = port.parse().map_err(|_| ureq::Error::HostNotFound)?;
        let deadline = Instant::now() + LONGEST_LOOKUP.min(*timeout.after);
        let found = dns::Resolver::default().addresses(host, deadline);
        let found = found.map_err(|failure| match failure {
            dns::Failure::NotFound => ureq::Error::HostNotFound,
            failure => ureq::Error::Other(Box::new(failure)),
        })?;
        let mut addresses = self.empty();
        for ip in found.into_iter().take(MOST_ADDRESSES) {
            addresses.push(SocketAddr::new(ip, port));
        }
        Ok(addresses)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

/// The addresses of `localhost` and what is below it, with a port: nobody has to be asked for them (RFC 6761, 6.3), and
/// in an empty root directory nobody can.
pub(super) fn loopback(name: &str) -> Vec<SocketAddr> {
    let (host, port) = name.rsplit_once(':').unwrap_or_default();
    let ours = host == "localhost" || host.ends_with(".localhost");
    let both = ["127.0.0.1", "[::1]"].iter().filter(|_| ours);
    both.filter_map(|ip| format!("{ip}:{port}").parse().ok())
        .collect()
}

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map_or("", Authority::as_str);
        if let Some(addresses) = self.known(scheme, authority) {
            return Ok(addresses);
        }
        let addresses = match self.own(uri) {
            Some(addresses) => addresses,
            None if RESOLVES_ITSELF => self.look_up(uri, timeout)?,
            None => DefaultResolver::default().resolve(uri, config, timeout)?,
        };
        self.learn(scheme, authority, &addresses);
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_its_own() {
        let names = Names::default();
        for (uri, address) in [
            ("http://127.0.0.1/a", "127.0.0.1:80"),
            ("https://[::1]/", "[::1]:443"),
            ("https://10.0.0.1:8081/", "10.0.0.1:8081"),
        ] {
            let found = names.own(&uri.parse().unwrap()).unwrap();
            assert_eq!(found.to_vec(), [address.parse().unwrap()]);
        }
        for name in ["http://localhost/", "http://acct1.localhost:80/"] {
            let wanted = ["127.0.0.1:80", "[::1]:80"].map(|known| known.parse().unwrap());
            let found = names.own(&name.parse().unwrap()).unwrap();
            assert_eq!(found.to_vec(), wanted);
        }
        for host in [
            "contoso.documents.azure.com",
            "notlocalhost",
            "localhost.example",
        ] {
            let uri = format!("https://{host}/").parse().unwrap();
            assert_eq!(names.own(&uri), None, "{host}");
        }
    }

    #[test]
    fn a_name_is_known_for_a_while() {
        let names = Names::default();
        let host = "contoso.documents.azure.com";
        assert_eq!(names.known("https", host), None);
        let mut addresses = names.empty();
        addresses.push("10.0.0.1:443".parse().unwrap());
        names.learn("https", host, &addresses);
        let copy = names.clone();
        assert_eq!(copy.known("https", host), Some(addresses.clone()));
        assert_eq!(names.known("http", host), None);
        assert_eq!(names.known("https", "contoso.documents.azure.com:80"), None);
        let long_ago = Instant::now().checked_sub(FRESH).unwrap();
        locked(&names.0)
            .iter_mut()
            .for_each(|known| known.asked = long_ago);
        assert_eq!(names.known("https", host), None);
        names.learn("https", host, &addresses);
        copy.forget();
        assert_eq!(names.known("https", host), None);
    }
}
