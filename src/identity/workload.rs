//! A pod in Kubernetes: the cluster signs a token that says which service account it runs as, and Entra exchanges it
//! for a token of the identity that trusts this cluster and account.
//!
//! <https://learn.microsoft.com/azure/aks/workload-identity-overview>

use std::path::PathBuf;

use super::{Selector, Token, read_token};
use crate::error::Error;
use crate::message::{Call, Effect, Plane, Request, Scope};
use crate::name::{Endpoint, Name, Secret, percent_encode};
use crate::show::quote;

/// Only a client id can be named.
const NAMES: [&str; 3] = ["client_id", "", ""];

/// Where a pod's token is exchanged, and where it is kept.
#[derive(Debug, Clone)]
pub struct Pod {
    /// `AZURE_AUTHORITY_HOST`, or the cloud's.
    pub authority: Endpoint,
    /// `AZURE_TENANT_ID`.
    pub tenant: Name,
    /// `AZURE_FEDERATED_TOKEN_FILE`. Kubernetes writes it anew every hour or so.
    pub file: PathBuf,
}

impl Pod {
    /// From the values of the three variables. Only the file's name: it is read at each request.
    pub fn new(authority: &str, tenant: &str, file: impl Into<PathBuf>) -> Result<Pod, Error> {
        let whole = match authority.contains("://") {
            true => authority.to_string(),
            false => format!("https://{authority}"),
        };
        Ok(Pod {
            authority: Endpoint::new(&whole)?,
            tenant: Name::new(tenant)?,
            file: file.into(),
        })
    }
}

/// `POST /{tenant}/oauth2/v2.0/token`: the pod's token against one for an audience.
///
/// Here the audience is a scope: `/.default` is added, also behind a slash. `assertion` is the text of the pod's file.
///
/// <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#third-case-access-token-request-with-a-federated-credential>
pub fn token(pod: &Pod, audience: &str, selector: &Selector, assertion: &Secret) -> Call<Token> {
    const JWT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form = |assertion: &str| {
        format!(
            "client_assertion={assertion}&client_assertion_type={}{}&grant_type=client_credentials&scope={}",
            percent_encode(JWT),
            selector.parameter(NAMES),
            percent_encode(&format!("{audience}/.default")),
        )
    };
    let file = quote(&pod.file.to_string_lossy());
    let body = Secret::within(
        form(&percent_encode(assertion.expose())),
        form(assertion.label()),
    );
    let url = format!(
        "{}/{}/oauth2/v2.0/token",
        pod.authority,
        pod.tenant.segment()
    );
    Call {
        request: Request::new(Plane::Entra, "POST", url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(body.in_shell(form(&format!("$(cat {file})")))),
        scope: Scope::Open,
        action: "",
        effect: Effect::Read,
        read: read_token,
    }
}
