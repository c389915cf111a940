//! Why there is no token: every answer of an identity endpoint that is not one, told apart.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#error-handling>

use crate::error::{Failure, Plane};

/// What is wrong, as far as an answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The machine has no identity, or not the one that was named.
    NoIdentity,
    /// Several identities and none named.
    ManyIdentities,
    /// The audience is not known in the tenant.
    UnknownAudience,
    /// The header `Metadata: true` did not arrive: something between rewrote the request.
    HeaderLost,
    /// The endpoint complains about the request for another reason.
    BadRequest,
    /// The machine's identity is not set up for this.
    NotConfigured,
    /// Docker Desktop answered for an address it cannot reach: this is not Azure.
    NotAzure,
    /// Another cloud's metadata service answered.
    OtherCloud,
    /// Something else, often a proxy, answered.
    SomebodyElse,
    /// Tokens may be had here, but there is no machine to be described.
    NoMachine,
    /// Arc's agent wants to be shown a key.
    KeyWanted,
    /// Entra does not accept the pod's token, or knows no identity that trusts it.
    PodRefused,
    /// The metadata service is being updated.
    Updating,
    /// Too many requests from this machine.
    Busy,
    /// The service failed.
    Failing,
}

/// Tells which it is. Texts change; where a status says enough they are not looked at.
pub fn of(failure: &Failure) -> Refusal {
    let body = failure.body.to_ascii_lowercase();
    let says = |words: &str| body.contains(words);
    let server = failure.server.as_deref().unwrap_or_default();
    let is_json = failure.body.trim_start().starts_with('{');
    let elsewhere = ["EC2ws", "Metadata Server for VM"];
    // Our own metadata service has no pages.
    let page = body.trim_start().starts_with('<');
    match failure.status {
        403 if says("unreachable") => Refusal::NotAzure,
        _ if elsewhere.iter().any(|name| server.starts_with(name)) => Refusal::OtherCloud,
        _ if page => Refusal::SomebodyElse,
        // Nor does it send anybody elsewhere.
        300..=399 => Refusal::SomebodyElse,
        401 if failure.challenge.is_some() => Refusal::KeyWanted,
        404 if says("defaultidentitynotdefined") => Refusal::NoIdentity,
        404 if failure.request.contains("/metadata/instance") => Refusal::NoMachine,
        404 if failure.plane == Plane::Entra => Refusal::PodRefused,
        404 | 410 => Refusal::Updating,
        429 => Refusal::Busy,
        500..=599 if says("fetching the aad token") => Refusal::UnknownAudience,
        500.. => Refusal::Failing,
        400 if says("metadata header not specified") => Refusal::HeaderLost,
        _ if !is_json && !failure.body.is_empty() => Refusal::SomebodyElse,
        _ if says("aadsts500011") => Refusal::UnknownAudience,
        _ if failure.plane == Plane::Entra => Refusal::PodRefused,
        400 if says("multiple user assigned") => Refusal::ManyIdentities,
        400 if says("invalid_resource") || says("aadsts50001") => Refusal::UnknownAudience,
        400 if says("audiencenotsupported") => Refusal::UnknownAudience,
        400 if says("identity not found") || says("managed identity") => Refusal::NoIdentity,
        400 if says("no msi found") => Refusal::NoIdentity,
        401 | 403 => Refusal::NotConfigured,
        _ => Refusal::BadRequest,
    }
}

impl Refusal {
    /// What it means, in a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Refusal::NoIdentity => {
                "this machine has no managed identity, or not the one that was named"
            }
            Refusal::ManyIdentities => {
                "this machine has several user-assigned identities: name one"
            }
            Refusal::UnknownAudience => "the tenant does not know the audience that was asked for",
            Refusal::HeaderLost => {
                "the header Metadata: true did not arrive: a proxy or service mesh rewrote the request"
            }
            Refusal::BadRequest => "the metadata service does not accept the request",
            Refusal::NotConfigured => "the machine's identity is not set up for this request",
            Refusal::NotAzure => {
                "this is Docker Desktop, not Azure: there is no metadata service here"
            }
            Refusal::OtherCloud => "this is another cloud's machine: its metadata service answered",
            Refusal::SomebodyElse => {
                "something other than Azure's metadata service answered: a proxy, or another cloud"
            }
            Refusal::NoMachine => "the metadata service describes no machine here",
            Refusal::KeyWanted => "the Arc agent does not give a token without its key",
            Refusal::PodRefused => "Microsoft Entra does not accept the pod's token",
            Refusal::Updating => {
                "the metadata service is being updated, or does not know a new identity yet"
            }
            Refusal::Busy => "this machine asks its metadata service too often",
            Refusal::Failing => "the metadata service failed",
        }
    }
}
