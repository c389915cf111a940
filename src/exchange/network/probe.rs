//! What lies between this machine and an endpoint, asked step by step: its name, its address, who signed for it.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::prelude::*;

use super::chain::{self, Heard, Signed};
use super::dns;
use super::names::{RESOLVES_ITSELF, loopback};
use super::proxy::{self, Destination};
use crate::name::Endpoint;

/// Nothing here is waited for any longer: whoever is not on Azure knows it within three seconds.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// No server needs more to show its certificates, and no proxy more to say yes.
const MOST: usize = 64 * 1024;

/// The way to an endpoint.
pub struct Road<'a> {
    endpoint: &'a Endpoint,
    port: u16,
    proxy: Option<ureq::Proxy>,
}

impl<'a> Road<'a> {
    /// Through the proxy that requests take, if there is one.
    pub fn new(endpoint: &'a Endpoint) -> Result<Road<'a>, String> {
        let road = Road::direct(endpoint)?;
        let destination = Destination {
            host: endpoint.host(),
            port: road.port,
        };
        let direct = endpoint.is_loopback() || proxy::goes_direct(destination)?;
        let proxy = if direct { None } else { proxy::configured()? };
        Ok(Road { proxy, ..road })
    }

    /// Past any proxy: the way to the metadata service.
    pub fn direct(endpoint: &'a Endpoint) -> Result<Road<'a>, String> {
        let url = url::Url::parse(endpoint.as_str()).map_err(|e| e.to_string())?;
        let port = url.port_or_known_default().unwrap_or_default();
        Ok(Road {
            endpoint,
            port,
            proxy: None,
        })
    }

    /// Host and port of the proxy.
    pub fn proxy(&self) -> Option<String> {
        let proxy = self.proxy.as_ref()?;
        Some(format!("{}:{}", proxy.host(), proxy.port()))
    }

    /// The addresses of the endpoint's name, and how long that took.
    pub fn resolve(&self) -> Result<(Vec<IpAddr>, Duration), String> {
        let begun = Instant::now();
        let found = addresses(self.endpoint.host(), self.port)?;
        let ips = found.iter().map(SocketAddr::ip).collect();
        Ok((ips, begun.elapsed()))
    }

    /// How long it takes until somebody answers: at the proxy's address where there is one.
    pub fn connect(&self) -> Result<Duration, String> {
        let begun = Instant::now();
        self.stream().map(|_| begun.elapsed())
    }

    /// Who signed for the endpoint, the endpoint's own certificate first. Nothing of it is checked.
    pub fn signers(&self) -> Result<Vec<Signed>, String> {
        let mut stream = self.stream()?;
        if let Some(proxy) = &self.proxy {
            self.tunnel(&mut stream, proxy)?;
        }
        stream
            .write_all(&chain::hello(self.endpoint.host(), &any_bytes()))
            .map_err(|e| e.to_string())?;
        let mut heard = Vec::new();
        loop {
            match chain::heard(&heard) {
                Heard::Part => more(&mut stream, &mut heard)?,
                Heard::Chain(chain) => return Ok(chain),
                Heard::Other(what) => return Err(what),
            }
        }
    }

    fn stream(&self) -> Result<TcpStream, String> {
        let found = match &self.proxy {
            Some(proxy) => addresses(proxy.host(), proxy.port())?,
            None => addresses(self.endpoint.host(), self.port)?,
        };
        let mut last = "the name has no address".to_string();
        for address in found.iter().take(4) {
            match TcpStream::connect_timeout(address, PATIENCE) {
                Ok(stream) => {
                    let set = stream.set_read_timeout(Some(PATIENCE));
                    return set.map(|()| stream).map_err(|e| e.to_string());
                }
                Err(e) => last = format!("{address}: {e}"),
            }
        }
        Err(last)
    }

    /// Asks a proxy for the way to the endpoint.
    fn tunnel(&self, stream: &mut TcpStream, proxy: &ureq::Proxy) -> Result<(), String> {
        let place = format!("{}:{}", self.endpoint.host(), self.port);
        let mut head = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n");
        if let Some(user) = proxy.username() {
            let pair = format!("{user}:{}", proxy.password().unwrap_or_default());
            let pair = BASE64_STANDARD.encode(pair);
            head.push_str(&format!("Proxy-Authorization: Basic {pair}\r\n"));
        }
        let sent = stream.write_all(format!("{head}\r\n").as_bytes());
        sent.map_err(|e| e.to_string())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            more(stream, &mut answer)?;
        }
        let answer = String::from_utf8_lossy(&answer);
        let line = answer.lines().next().unwrap_or_default();
        match line.split(' ').nth(1) {
            Some("200") => Ok(()),
            _ => Err(format!("the proxy answered {line:?}")),
        }
    }
}

/// Reads what there is. Behind a proxy's yes there is nothing until we greet.
fn more(stream: &mut TcpStream, heard: &mut Vec<u8>) -> Result<(), String> {
    let mut part = [0; 4096];
    let count = stream.read(&mut part).map_err(|e| e.to_string())?;
    if count == 0 || heard.len() > MOST {
        return Err("the connection ended before the certificates came".into());
    }
    heard.extend_from_slice(part.get(..count).unwrap_or_default());
    Ok(())
}

/// As requests find them.
fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let host = host.trim_matches(['[', ']']);
    let known = match host.parse() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => loopback(&format!("{host}:{port}")),
    };
    if !known.is_empty() {
        return Ok(known);
    }
    if RESOLVES_ITSELF {
        let found = dns::Resolver::default().addresses(host, Instant::now() + PATIENCE);
        let found = found.map_err(|failure| failure.to_string())?;
        return Ok(found.iter().map(|ip| SocketAddr::new(*ip, port)).collect());
    }
    by_the_system(host, port)
}

/// The system's resolver knows no limit: it is asked on a thread of its own, which may outlive the question.
fn by_the_system(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let place = (host.to_string(), port);
    let (tell, told) = mpsc::channel();
    let asked = std::thread::Builder::new().spawn(move || {
        let found = place.to_socket_addrs().map(Iterator::collect);
        let _ = tell.send(found.map_err(|e| e.to_string()));
    });
    asked.map_err(|e| e.to_string())?;
    let found: Result<Vec<SocketAddr>, String> = told
        .recv_timeout(PATIENCE)
        .map_err(|_| "nobody says what its address is".to_string())?;
    found
}

/// A greeting wants 32 bytes nobody has used before; that nobody could guess them is of no use here.
fn any_bytes() -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Sha256::digest(now.unwrap_or_default().as_nanos().to_be_bytes()).into()
}

/// Where an address leads.
pub fn kind(address: IpAddr) -> &'static str {
    match address.to_canonical() {
        ip if ip.is_loopback() => "loopback",
        IpAddr::V4(ip) if ip.is_private() || ip.is_link_local() || is_shared(ip.octets()) => {
            "private"
        }
        IpAddr::V6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() => "private",
        _ => "public",
    }
}

/// 100.64.0.0/10, which providers share out among their customers.
fn is_shared([first, second, ..]: [u8; 4]) -> bool {
    first == 100 && second & 0xc0 == 64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use std::net::TcpListener;

    /// A listener that waits for `asked` in what comes and then says this, for as many steps as there are.
    fn server(steps: Vec<(&'static str, Vec<u8>)>) -> (u16, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = String::new();
            for (asked, said) in steps {
                while !heard.contains(asked) {
                    let mut part = [0; 1024];
                    let count = stream.read(&mut part).unwrap();
                    assert_ne!(count, 0, "ended before {asked:?}");
                    heard.push_str(&String::from_utf8_lossy(&part[..count]));
                }
                stream.write_all(&said).unwrap();
            }
            heard
        });
        (port, thread)
    }

    fn endpoint(port: u16) -> Endpoint {
        Endpoint::new(&format!("https://127.0.0.1:{port}")).unwrap()
    }

    /// What a server said to our greeting: a leaf by an authority of its own, recorded.
    fn flight() -> Vec<u8> {
        let text: Vec<u8> = include_bytes!("../../../fixtures/tls/inspected.hex").to_vec();
        let digits: Vec<u8> = text.into_iter().filter(u8::is_ascii_hexdigit).collect();
        let pair =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    #[test]
    fn who_signed_is_told_by_the_server() {
        let (port, thread) = server(vec![("127.0.0.1", flight())]);
        let endpoint = endpoint(port);
        let road = Road::new(&endpoint).unwrap();
        assert_eq!(road.proxy(), None);
        let found = road.signers().unwrap();
        assert_eq!(
            found[0].issuer,
            "CN=Fabrikam TLS Inspection CA, O=Fabrikam, OU=Network"
        );
        thread.join().unwrap();
        assert!(road.connect().is_err(), "nobody listens any more");
        let (ips, _) = road.resolve().unwrap();
        assert_eq!(ips, [IpAddr::from([127, 0, 0, 1])]);
    }

    #[test]
    fn a_proxy_is_asked_for_the_way() {
        let ok = b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n".to_vec();
        let (port, thread) = server(vec![
            ("\r\n\r\n", ok),
            ("acct1.documents.azure.com\u{0}", flight()),
        ]);
        let endpoint = Endpoint::new("https://acct1.documents.azure.com").unwrap();
        let proxy = ureq::Proxy::new(&format!("http://me:secret@127.0.0.1:{port}")).ok();
        let road = Road {
            endpoint: &endpoint,
            port: 443,
            proxy,
        };
        assert_eq!(road.proxy(), Some(format!("127.0.0.1:{port}")));
        assert_eq!(road.signers().unwrap().len(), 2);
        let heard = thread.join().unwrap();
        assert!(heard.starts_with("CONNECT acct1.documents.azure.com:443 HTTP/1.1\r\nHost: acct1.documents.azure.com:443\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"), "{heard}");
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let refused = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n".to_vec();
        let alert = vec![21, 3, 3, 0, 2, 2, 70];
        for (said, through, what) in [
            (
                refused,
                true,
                "the proxy answered \"HTTP/1.1 407 Proxy Authentication Required\"",
            ),
            (
                b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
                false,
                "what answers there does not speak TLS",
            ),
            (alert, false, "the server does not speak TLS 1.2"),
            (
                flight()[..300].to_vec(),
                false,
                "the connection ended before the certificates came",
            ),
            (
                vec![],
                true,
                "the connection ended before the certificates came",
            ),
        ] {
            let (port, thread) = server(vec![("127.0.0.1", said)]);
            let endpoint = endpoint(port);
            let proxy = ureq::Proxy::new(&format!("http://127.0.0.1:{port}")).ok();
            let road = Road {
                endpoint: &endpoint,
                port,
                proxy: proxy.filter(|_| through),
            };
            assert_eq!(road.signers().unwrap_err(), what);
            thread.join().unwrap();
        }
    }

    #[test]
    fn addresses_lead_inside_or_outside() {
        for (address, leads) in [
            ("10.1.0.5", "private"),
            ("172.31.255.255", "private"),
            ("172.32.0.1", "public"),
            ("192.168.0.1", "private"),
            ("100.64.0.1", "private"),
            ("100.128.0.1", "public"),
            ("169.254.169.254", "private"),
            ("127.0.0.1", "loopback"),
            ("::1", "loopback"),
            ("::ffff:10.0.0.1", "private"),
            ("fd00::1", "private"),
            ("fe80::1", "private"),
            ("2001:db8::1", "public"),
            ("20.60.1.1", "public"),
        ] {
            assert_eq!(kind(address.parse().unwrap()), leads, "{address}");
        }
    }
}
