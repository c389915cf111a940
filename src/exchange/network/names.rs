//! Addresses of names. ureq asks for them before every request, connected or not, with a thread for each question that
//! may not take for ever: here a name is asked for once in a while, and an address not at all.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::exchange::locked;

/// How long an answer is taken for right: a service that moves changes what its name means.
const FRESH: Duration = Duration::from_secs(30);

/// A name with its port, its addresses, and when they were asked for.
type Known = (String, ResolvedSocketAddrs, Instant);

/// What names mean; its copies know the same.
#[derive(Debug, Default, Clone)]
pub(super) struct Names(Arc<Mutex<Vec<Known>>>);

impl Names {
    /// Who could not be reached may be elsewhere by now.
    pub fn forget(&self) {
        locked(&self.0).clear();
    }

    /// Of an address itself or of this machine, or as a name was answered a moment ago.
    fn known(&self, name: &str) -> Option<ResolvedSocketAddrs> {
        let own = match name.parse() {
            Ok(address) => vec![address],
            Err(_) => loopback(name),
        };
        if !own.is_empty() {
            let mut addresses = self.empty();
            own.into_iter().for_each(|address| addresses.push(address));
            return Some(addresses);
        }
        let mut known = locked(&self.0);
        known.retain(|(_, _, asked)| asked.elapsed() < FRESH);
        let found = known.iter().find(|(known, _, _)| known == name);
        found.map(|(_, addresses, _)| addresses.clone())
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
        let parts = uri.scheme().zip(uri.authority());
        let name = parts.and_then(|(s, a)| DefaultResolver::host_and_port(s, a));
        let name = name.unwrap_or_default();
        if let Some(addresses) = self.known(&name) {
            return Ok(addresses);
        }
        let addresses = DefaultResolver::default().resolve(uri, config, timeout)?;
        locked(&self.0).push((name, addresses.clone(), Instant::now()));
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_its_own_and_a_name_is_known_for_a_while() {
        let names = Names::default();
        for address in ["127.0.0.1:80", "[::1]:443"] {
            let known = names.known(address).unwrap();
            assert_eq!(known.to_vec(), [address.parse().unwrap()]);
        }
        for name in ["localhost:80", "acct1.localhost:80"] {
            let wanted = ["127.0.0.1:80", "[::1]:80"].map(|known| known.parse().unwrap());
            assert_eq!(names.known(name).unwrap().to_vec(), wanted);
        }
        for name in [
            "notlocalhost:80",
            "localhost.example:80",
            "localhost:x",
            "localhost",
        ] {
            assert_eq!(names.known(name), None, "{name}");
        }
        let (now, name) = (Instant::now(), "contoso.documents.azure.com:443");
        assert_eq!(names.known(name), None);
        let long_ago = now.checked_sub(FRESH).unwrap();
        for (asked, is_known) in [(now, true), (long_ago, false)] {
            let addresses = names.known("10.0.0.1:443").unwrap();
            names.forget();
            locked(&names.0).push((name.into(), addresses, asked));
            assert_eq!(names.known(name).is_some(), is_known);
            assert_eq!(names.known("contoso.documents.azure.com:80"), None);
        }
        let copy = names.clone();
        locked(&names.0).push((name.into(), names.empty(), now));
        assert!(copy.known(name).is_some());
        copy.forget();
        assert_eq!(names.known(name), None);
    }
}
