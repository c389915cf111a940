//! STEP 1: who am I, and a token.
//!
//! A managed identity has no secret. Something on the machine knows who asks and answers with a token for one audience;
//! the two planes want two different ones. What that something is depends on the machine: [`detect`] tells by what the
//! environment shows, and each [`Source`] has a file of its own.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

pub mod aci_windows;
pub mod app_service;
pub mod arc;
pub mod cloud;
pub mod detect;
pub mod imds;
pub mod instance;
pub mod refusal;
pub mod workload;

mod answer;
mod check;

use std::time::Duration;

use time::OffsetDateTime;

use crate::error::Error;
use crate::name::{Claims, Endpoint, Name, Secret, percent_encode};
pub use answer::read_token;
pub use check::{Checked, check};

/// Where a machine's identity is had. One of them, chosen by stated rules, and never another one in its place.
#[derive(Debug, Clone)]
pub enum Source {
    /// The metadata service of virtual machines, scale sets and container instances.
    Imds(Endpoint),
    /// App Service, Functions, Container Apps.
    AppService(app_service::Site),
    /// Windows containers in Container Instances.
    AciWindows(app_service::Site),
    /// A server elsewhere that Azure Arc manages.
    Arc(arc::Agent),
    /// A pod whose own token Entra exchanges.
    Workload(workload::Pod),
}

impl Source {
    /// As `--identity-source` names it.
    pub fn name(&self) -> &'static str {
        match self {
            Source::Imds(_) => "imds",
            Source::AppService(_) => "app-service",
            Source::AciWindows(_) => "aci-windows",
            Source::Arc(_) => "arc",
            Source::Workload(_) => "workload",
        }
    }

    /// Where it is asked.
    pub fn endpoint(&self) -> &str {
        match self {
            Source::Imds(endpoint) => endpoint.as_str(),
            Source::AppService(site) | Source::AciWindows(site) => &site.endpoint,
            Source::Arc(agent) => &agent.endpoint,
            Source::Workload(pod) => pod.authority.as_str(),
        }
    }

    /// Its host alone.
    pub fn origin(&self) -> Result<Endpoint, Error> {
        let path = self.endpoint().find("://").and_then(|at| {
            let host = at + 3;
            Some(host + self.endpoint().get(host..)?.find(['/', '?'])?)
        });
        let origin = path.and_then(|path| self.endpoint().get(..path));
        Endpoint::identity(origin.unwrap_or(self.endpoint()))
    }

    /// Whether it can be asked for this identity; the error is a sentence.
    ///
    /// Otherwise it would ignore the question and answer with another identity.
    pub fn takes(&self, selector: &Selector) -> Result<(), &'static str> {
        match (self, selector) {
            (Source::Workload(_), Selector::Default) => {
                Err("a pod says which identity it wants: give --client-id or set AZURE_CLIENT_ID")
            }
            (Source::Workload(_), Selector::ObjectId(_) | Selector::ResourceId(_)) => {
                Err("a pod names its identity by client id alone: give --client-id")
            }
            (Source::AciWindows(_), Selector::ClientId(_) | Selector::ResourceId(_)) => {
                Err("a Windows container names an identity by object id alone: give --object-id")
            }
            _ => Ok(()),
        }
    }
}

/// Which of a machine's identities is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selector {
    /// None named: the system-assigned one, or else the only user-assigned one.
    #[default]
    Default,
    /// A user-assigned one, by client id.
    ClientId(Name),
    /// A user-assigned one, by object (principal) id.
    ObjectId(Name),
    /// A user-assigned one, by its resource id: `/subscriptions/…/userAssignedIdentities/…`.
    ResourceId(String),
}

impl Selector {
    /// The parameter that selects it, in a source's own words for client id, object id and resource id.
    fn parameter(&self, [client, object, resource]: [&str; 3]) -> String {
        match self {
            Selector::Default => String::new(),
            Selector::ClientId(id) => format!("&{client}={}", id.segment()),
            Selector::ObjectId(id) => format!("&{object}={}", id.segment()),
            Selector::ResourceId(id) => format!("&{resource}={}", percent_encode(id)),
        }
    }
}

/// A token and what its answer said of it.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token itself.
    pub secret: Secret,
    /// When it expires, by the answer; by its own claims where the answer does not say.
    pub expires: Expiry,
    /// The client id of the identity that answered, where the source says it.
    pub client_id: Option<String>,
    /// Its object id, where the source says it.
    pub object_id: Option<String>,
    /// Its resource id, where the source says it.
    pub resource_id: Option<String>,
}

/// When a token expires. An answer counts from now, and readers have no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// At this moment.
    At(OffsetDateTime),
    /// This long after the answer.
    In(Duration),
}

impl Expiry {
    /// The moment, for an answer that came at `now`.
    pub fn moment(self, now: OffsetDateTime) -> OffsetDateTime {
        match self {
            Expiry::At(moment) => moment,
            Expiry::In(life) => {
                now.saturating_add(time::Duration::try_from(life).unwrap_or_default())
            }
        }
    }
}

impl Token {
    /// A token that was obtained elsewhere; its own claims say when it expires.
    pub fn ready(text: &str) -> Result<Token, Error> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::usage(
                "the token must be one line of printable ASCII",
            ));
        }
        let expires = expiry_claim(text).unwrap_or(Expiry::In(Duration::from_secs(3600)));
        Ok(Token {
            secret: Secret::token(text),
            expires,
            client_id: None,
            object_id: None,
            resource_id: None,
        })
    }

    /// What it says of itself; `None` where it is opaque.
    pub fn claims(&self) -> Option<Claims> {
        Claims::read(self.secret.expose())
    }
}

fn expiry_claim(token: &str) -> Option<Expiry> {
    let seconds = Claims::read(token)?.time("exp")?;
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    Some(Expiry::At(moment))
}
