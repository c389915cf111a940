//! App Service, Functions and Container Apps: an endpoint of the app's own, named by two variables.
//!
//! The header proves that whoever asks runs inside the app. Its value changes with the app's restarts.
//!
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>

use super::{Selector, Token, read_token};
use crate::error::Error;
use crate::message::{Call, Effect, Plane, Request, Scope};
use crate::name::{Secret, percent_encode};

/// The version of its protocol.
pub const VERSION: &str = "2019-08-01";

/// What it calls client id, object id and resource id; the last is spelt otherwise than by the metadata service.
const NAMES: [&str; 3] = ["client_id", "principal_id", "mi_res_id"];

/// An app's endpoint and what proves that we are inside.
#[derive(Debug, Clone)]
pub struct Site {
    /// `IDENTITY_ENDPOINT`, as it is.
    pub endpoint: String,
    /// `IDENTITY_HEADER`.
    pub header: Secret,
}

impl Site {
    /// From the values of the two variables.
    pub fn new(endpoint: &str, header: String) -> Result<Site, Error> {
        let header = Secret::new("identity header", header);
        Ok(Site {
            endpoint: checked("IDENTITY_ENDPOINT", endpoint)?,
            // The line shows neither the value nor where it came from but in the environment.
            header: header.in_shell("$IDENTITY_HEADER".to_string()),
        })
    }
}

/// `GET $IDENTITY_ENDPOINT`: a token for one audience.
///
/// Without a selector the answer is the system-assigned identity's or an error: an only user-assigned one is not taken.
///
/// <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>
pub fn token(site: &Site, audience: &str, selector: &Selector) -> Call<Token> {
    let resource = percent_encode(audience);
    let selected = selector.parameter(NAMES);
    let query = format!("resource={resource}&api-version={VERSION}{selected}");
    Call {
        request: Request::new(Plane::Identity, "GET", with_query(&site.endpoint, &query))
            .header("x-identity-header", site.header.clone()),
        scope: Scope::Open,
        action: "",
        effect: Effect::Read,
        read: read_token,
    }
}

/// The endpoint may have a query of its own.
pub(super) fn with_query(endpoint: &str, query: &str) -> String {
    let sign = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{sign}{query}")
}

/// An endpoint with its path, as a variable gives it.
pub(super) fn checked(variable: &str, text: &str) -> Result<String, Error> {
    let wrong = |why: &str| Error::usage(format!("{variable} is no endpoint: {why}"));
    let url = url::Url::parse(text).map_err(|e| wrong(&e.to_string()))?;
    let plain = text.bytes().all(|b| b.is_ascii_graphic());
    match url.scheme() {
        "http" | "https" if plain && url.host_str().is_some() => {}
        _ => return Err(wrong("it must be one URL that begins with http://")),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(wrong("it must not hold a user name, a password or a #"));
    }
    Ok(text.trim_end_matches(['?', '&']).to_string())
}
