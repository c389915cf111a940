//! Windows containers in Container Instances: the variables of App Service, and a protocol of their own behind them.
//!
//! Their endpoint comes with a query, which tells them apart.
//!
//! <https://learn.microsoft.com/azure/container-instances/container-instances-managed-identity>

use super::app_service::{Site, with_query};
use super::{Selector, Token, read_token};
use crate::message::{Call, Effect, Plane, Request, Scope};
use crate::name::percent_encode;

/// Only an object id can be named.
const NAMES: [&str; 3] = ["", "principalId", ""];

/// `GET $IDENTITY_ENDPOINT`: a token for one audience. The endpoint names its version itself.
///
/// <https://learn.microsoft.com/azure/container-instances/container-instances-managed-identity>
pub fn token(site: &Site, audience: &str, selector: &Selector) -> Call<Token> {
    let resource = percent_encode(audience);
    let query = format!("resource={resource}{}", selector.parameter(NAMES));
    Call {
        request: Request::new(Plane::Identity, "GET", with_query(&site.endpoint, &query))
            .header("secret", site.header.clone()),
        scope: Scope::Open,
        action: "",
        effect: Effect::Read,
        read: read_token,
    }
}

/// Whether an endpoint is one of these: App Service's has no version in it.
pub(super) fn is_one(endpoint: &str) -> bool {
    let query = endpoint.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .any(|pair| pair.to_ascii_lowercase().starts_with("api-version="))
}
