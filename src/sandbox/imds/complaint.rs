//! How IMDS says no.

use serde_json::{Value, json};

use crate::sandbox::http::Response;
use crate::sandbox::identity::query::Query;

pub(in crate::sandbox) const MULTIPLE: &str = "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request";
pub(in crate::sandbox) const NOT_FOUND: &str = "Identity not found";
pub(in crate::sandbox) const NO_HEADER: &str = "Required metadata header not specified";
pub(in crate::sandbox) const ONLY_ONE: &str =
    "Only one of client_id, object_id and msi_res_id may be specified";

/// A complaint in the words of the identity endpoints.
pub(in crate::sandbox) fn invalid(description: &str) -> Response {
    error(400, "invalid_request", description)
}

/// A complaint in the words of the others.
pub(super) fn bad(description: &str) -> Response {
    Response::json(
        400,
        &json!({"error": format!("Bad request. {description}")}),
    )
}

/// `{"error","error_description"}`.
pub(in crate::sandbox) fn error(status: u16, id: &str, description: &str) -> Response {
    let body: Value = json!({"error": id, "error_description": description});
    Response::json(status, &body)
}

/// Refuses a variable that is sent twice.
pub(in crate::sandbox) fn check_twice(query: &Query) -> Result<(), Response> {
    match query.twice() {
        Some(name) => Err(invalid(&format!(
            "Query variable '{name}' is specified more than once"
        ))),
        None => Ok(()),
    }
}

/// What the token is to be for.
pub(in crate::sandbox) fn resource(query: &Query) -> Result<&str, Response> {
    query
        .full("resource")
        .ok_or_else(|| invalid("Required query variable 'resource' is missing"))
}
