//! The only part of the client that opens a socket.
//!
//! Two ways out. One is for this machine and its metadata service: never through a proxy, whatever the environment
//! says, because a proxy would answer with its own identity. The other is for everything else.

mod answer;
pub mod chain;
mod dns;
mod names;
pub mod probe;
mod proxy;
mod steady;
mod trouble;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use ureq::config::{AutoHeaderValue, Config};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, AsSendBody, Body};

use super::{Transport, locked, patience, regions};
use crate::error::{Broken, Stage};
use crate::message::{Limits, Plane, Request, Response};
use crate::name::is_loopback;
use names::Names;
use steady::Steady;
use trouble::{on_the_way, stage, words};

/// As many connections as there are threads wait for their next request; ureq would drop all but three.
const WAITING: usize = 64;

/// The network of this machine.
pub struct Network {
    direct: Agent,
    outside: OnceLock<Agent>,
    roots: Option<PathBuf>,
    names: Names,
    /// How often an answer was not to be trusted: a connection from before that is not used again.
    age: Arc<AtomicU32>,
    /// The way of each plane and origin so far.
    ways: Mutex<Vec<(Plane, String, Way)>>,
}

impl Network {
    /// With the root certificates of a PEM file, or with the built-in ones. The file is read when the first
    /// `https` request is made: most runs of a test or a sandbox never make one.
    pub fn new(roots: Option<PathBuf>) -> Network {
        let (names, age) = (Names::default(), Arc::default());
        Network {
            direct: agent(None, None, &names, &age),
            outside: OnceLock::new(),
            roots,
            names,
            age,
            ways: Mutex::default(),
        }
    }

    /// Which way a request takes: it follows from its origin, and is found once for each.
    fn way(&self, request: &Request) -> Result<Way, (Stage, String)> {
        let origin = regions::origin(request).unwrap_or_default();
        let mut ways = locked(&self.ways);
        let mut known = ways.iter();
        let known = known.find(|(plane, known, _)| *plane == request.plane && known == origin);
        if let Some((_, _, way)) = known {
            return Ok(*way);
        }
        let way = way(request)?;
        if !origin.is_empty() {
            ways.push((request.plane, origin.to_string(), way));
        }
        Ok(way)
    }

    fn outside(&self) -> Result<&Agent, String> {
        if let Some(agent) = self.outside.get() {
            return Ok(agent);
        }
        let roots = self.roots.as_deref().map(certificates).transpose()?;
        let agent = agent(
            proxy::configured()?,
            roots.as_deref(),
            &self.names,
            &self.age,
        );
        Ok(self.outside.get_or_init(|| agent))
    }

    fn exchange(
        &self,
        agent: &Agent,
        way: Way,
        request: &Request,
    ) -> Result<ureq::http::Response<Body>, ureq::Error> {
        let mut message = ureq::http::Request::builder()
            .method(request.method)
            .uri(request.url.expose());
        for (name, value) in &request.headers {
            message = message.header(*name, value.expose());
        }
        let limits = request.limits.unwrap_or(patience::usual(request.plane));
        match &request.body {
            Some(body) => {
                // Said here, it stands behind the others, as it is shown.
                message = message.header("content-length", body.expose().len());
                carry(agent, way, limits, message.body(body.expose())?)
            }
            None => carry(agent, way, limits, message.body(())?),
        }
    }
}

fn carry<S: AsSendBody>(
    agent: &Agent,
    way: Way,
    limits: Limits,
    message: ureq::http::Request<S>,
) -> Result<ureq::http::Response<Body>, ureq::Error> {
    let around_proxy = way != Way::Proxied && agent.config().proxy().is_some();
    if limits == USUAL && !around_proxy {
        return agent.run(message);
    }
    let mut config = agent
        .configure_request(message)
        .timeout_resolve(Some(2 * limits.connect))
        .timeout_connect(Some(limits.connect))
        .timeout_recv_response(Some(limits.first))
        .timeout_global(Some(limits.whole));
    if around_proxy {
        config = config.proxy(None);
    }
    agent.run(config.build())
}

/// What an agent is made with: its requests need say nothing of their own.
const USUAL: Limits = patience::usual(Plane::Data);

/// Which way a request takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Without TLS: to the identity endpoint or to this machine.
    Plain,
    /// With TLS, and past any proxy.
    Direct,
    /// With TLS, and through the proxy if there is one.
    Proxied,
}

fn way(request: &Request) -> Result<Way, (Stage, String)> {
    let url = url::Url::parse(request.url.expose())
        .map_err(|e| (Stage::Tls, format!("it has no usable URL: {e}")))?;
    let secure = url.scheme() == "https";
    let here = is_loopback(&url);
    match (secure, here) {
        _ if request.plane == Plane::Identity => Ok(Way::Plain),
        (false, true) => Ok(Way::Plain),
        (false, false) => Err((
            Stage::Tls,
            "it would travel in the clear to another machine; use https".into(),
        )),
        (true, true) => Ok(Way::Direct),
        (true, false) => {
            match proxy::goes_direct(destination(&url)).map_err(|e| (Stage::Configuration, e))? {
                true => Ok(Way::Direct),
                false => Ok(Way::Proxied),
            }
        }
    }
}

fn destination(url: &url::Url) -> proxy::Destination<'_> {
    proxy::Destination {
        host: url.host_str().unwrap_or_default(),
        port: url.port_or_known_default().unwrap_or_default(),
    }
}

/// What both ways have in common: nothing that is not in the request is sent, and nothing is followed.
fn agent(
    proxy: Option<ureq::Proxy>,
    roots: Option<&[Certificate<'static>]>,
    names: &Names,
    age: &Arc<AtomicU32>,
) -> Agent {
    let roots = match roots {
        Some(roots) => RootCerts::new_with_certs(roots),
        None => RootCerts::WebPki,
    };
    let config = Config::builder()
        .timeout_resolve(Some(2 * USUAL.connect))
        .timeout_connect(Some(USUAL.connect))
        .timeout_recv_response(Some(USUAL.first))
        .timeout_global(Some(USUAL.whole))
        .proxy(proxy)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .user_agent(AutoHeaderValue::None)
        .max_idle_age(Duration::from_secs(60))
        .max_idle_connections(WAITING)
        .max_idle_connections_per_host(WAITING)
        .build();
    Agent::with_parts(config, Steady::new(age), names.clone())
}

/// The most bytes of a file with root certificates; those of a whole system are some hundred KiB.
const MOST_CERTIFICATES: u64 = 16 << 20;

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let name = path.display();
    let failed = |e| format!("cannot read the root certificates in {name}: {e}");
    let mut pem = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut file = std::io::Read::take(file, MOST_CERTIFICATES);
    let read = std::io::Read::read_to_end(&mut file, &mut pem);
    if read.map_err(failed)? as u64 == MOST_CERTIFICATES {
        return Err(format!(
            "the root certificates in {name} are larger than 16 MiB"
        ));
    }
    let found = in_pem(&pem);
    if found.is_empty() {
        return Err(format!("{name} holds no root certificate in PEM form"));
    }
    Ok(found)
}

/// The certificates among whatever else is in the file; a damaged one does not spoil the others.
fn in_pem(pem: &[u8]) -> Vec<Certificate<'static>> {
    let certificate = |item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    };
    let items = parse_pem(pem).filter_map(Result::ok);
    items.filter_map(certificate).collect()
}

impl Transport for Network {
    fn send(&self, request: &Request) -> Result<Response, Broken> {
        let begun = Instant::now();
        let broken = |stage, what: String| Broken {
            request: request.line(),
            stage,
            what,
            activity: None,
        };
        let way = self.way(request).map_err(|(stage, e)| broken(stage, e))?;
        let agent = match way {
            Way::Plain => &self.direct,
            _ => self
                .outside()
                .map_err(|e| broken(Stage::Configuration, e))?,
        };
        let mut answer = self.exchange(agent, way, request).map_err(|e| {
            self.names.forget();
            broken(stage(&e), on_the_way(way, request.plane, &e))
        })?;
        let body = answer::body(answer.body_mut()).map_err(|e| {
            let status = answer.status().as_u16();
            broken(
                Stage::Answer,
                format!("the answer ({status}) broke off: {}", words(&e)),
            )
        })?;
        Ok(Response {
            status: answer.status().as_u16(),
            headers: answer::headers(answer.headers()),
            body,
            elapsed: begun.elapsed(),
        })
    }

    fn distrust(&self) {
        self.age.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_found_among_other_things() {
        let text = "# Ümlaut\r\n-----BEGIN CERTIFICATE-----\r\nMAMB\r\n Af8=\r\n-----END CERTIFICATE-----\r\n\
            -----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n\
            -----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n\
            -----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n\
            -----BEGIN CERTIFICATE-----\nMAA=";
        let found = in_pem(text.as_bytes());
        let bytes: Vec<&[u8]> = found.iter().map(Certificate::der).collect();
        assert_eq!(bytes, [&[48, 3, 1, 1, 255][..], &[48, 0]]);
    }
}
