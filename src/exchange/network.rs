//! The only file of the client that opens a socket.
//!
//! Two ways out. One is for this machine and its metadata service: never through a proxy, whatever the environment
//! says, because a proxy would answer with its own identity. The other is for everything else.

use std::cell::OnceCell;
use std::io::Cursor;
use std::time::{Duration, Instant};

use ureq::config::{AutoHeaderValue, Config};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Timeout};

use super::Transport;
use crate::error::{Broken, Error, Stage};
use crate::message::{Plane, Request, Response};
use crate::name::is_loopback;

/// No answer of the service is larger: pages end at 4 MB.
const LARGEST_BODY: u64 = 32 * 1024 * 1024;

/// The network of this machine.
pub struct Network {
    direct: Agent,
    outside: OnceCell<Agent>,
    roots: Option<Vec<Certificate<'static>>>,
}

impl Network {
    /// With the root certificates of `pem`, or with the built-in ones.
    pub fn new(pem: Option<&[u8]>) -> Result<Network, Error> {
        Ok(Network {
            direct: config(None, None).new_agent(),
            outside: OnceCell::new(),
            roots: pem.map(certificates).transpose()?,
        })
    }

    fn outside(&self) -> &Agent {
        self.outside.get_or_init(|| {
            let proxy = ureq::Proxy::try_from_env();
            config(proxy, self.roots.as_deref()).new_agent()
        })
    }

    fn exchange(&self, request: &Request) -> Result<ureq::http::Response<Body>, ureq::Error> {
        let url = request.url.expose();
        let parsed = url::Url::parse(url).ok();
        let here = parsed.as_ref().is_some_and(is_loopback);
        let plain = url.starts_with("http://");
        let direct = request.plane == Plane::Identity || (here && plain);
        let agent = if direct { &self.direct } else { self.outside() };
        let mut message = ureq::http::Request::builder()
            .method(request.method)
            .uri(url);
        for (name, value) in &request.headers {
            message = message.header(*name, value.expose());
        }
        let (connect, whole) = match request.plane {
            Plane::Identity => (2, 10),
            Plane::Arm | Plane::Data => (5, 65),
        };
        // The length is stated by us: a body of unknown length would be sent in chunks.
        let body = match &request.body {
            Some(body) => {
                message = message.header("content-length", body.len());
                ureq::SendBody::from_owned_reader(Cursor::new(body.clone().into_bytes()))
            }
            None => ureq::SendBody::none(),
        };
        let message = message.body(body)?;
        let mut config = agent
            .configure_request(message)
            .timeout_connect(Some(Duration::from_secs(connect)))
            .timeout_global(Some(Duration::from_secs(whole)));
        if here {
            config = config.proxy(None);
        }
        agent.run(config.build())
    }
}

/// What both ways have in common: nothing that is not in the request is sent, and nothing is followed.
fn config(proxy: Option<ureq::Proxy>, roots: Option<&[Certificate<'static>]>) -> Config {
    let roots = match roots {
        Some(roots) => RootCerts::new_with_certs(roots),
        None => RootCerts::WebPki,
    };
    Config::builder()
        .proxy(proxy)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .user_agent(AutoHeaderValue::None)
        .max_idle_age(Duration::from_secs(60))
        .build()
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, Error> {
    let items = parse_pem(pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = items.collect();
    if found.is_empty() {
        return Err(Error::Usage(
            "the file of root certificates holds no certificate in PEM form".into(),
        ));
    }
    Ok(found)
}

impl Transport for Network {
    fn send(&self, request: &Request) -> Result<Response, Broken> {
        let begun = Instant::now();
        let broken = |stage, what: String| Broken {
            request: request.line(),
            stage,
            what,
        };
        let mut answer = self
            .exchange(request)
            .map_err(|e| broken(stage(&e), words(&e)))?;
        let body = answer.body_mut().with_config().limit(LARGEST_BODY);
        let body = body.read_to_vec().map_err(|e| {
            let status = answer.status().as_u16();
            broken(
                Stage::Answer,
                format!("the answer ({status}) broke off: {}", words(&e)),
            )
        })?;
        let headers = answer.headers().iter();
        let text =
            |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
        Ok(Response {
            status: answer.status().as_u16(),
            headers: headers.map(|(n, v)| (n.to_string(), text(v))).collect(),
            body,
            elapsed: begun.elapsed(),
        })
    }
}

/// How far a request came, as far as the error tells. In doubt it was sent.
fn stage(error: &ureq::Error) -> Stage {
    use std::io::ErrorKind::*;
    match error {
        ureq::Error::HostNotFound | ureq::Error::Timeout(Timeout::Resolve) => Stage::Resolve,
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
            InvalidData => Stage::Tls,
            _ => Stage::Answer,
        },
        _ => Stage::Answer,
    }
}

fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(e) => e.to_string(),
        ureq::Error::HostNotFound => "its name has no address".into(),
        ureq::Error::Timeout(Timeout::Connect) => "nobody answers at its address".into(),
        ureq::Error::Timeout(_) => "it took too long".into(),
        other => other.to_string(),
    }
}
