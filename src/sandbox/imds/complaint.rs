//! How IMDS says no.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::sandbox::guid;
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

/// The tenant has never heard of the resource; the words are those of the token service behind.
pub(super) fn unknown_resource(world: &mut World, resource: &str, now: i64) -> Response {
    let (trace, correlation) = (guid(world), guid(world));
    let time = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let time = format!(
        "{} {:02}:{:02}:{:02}Z",
        time.date(),
        time.hour(),
        time.minute(),
        time.second()
    );
    let description = format!(
        "AADSTS500011: The resource principal named {resource} was not found in the tenant named {}. \
         This can happen if the application has not been installed by the administrator of the tenant or \
         consented to by any user in the tenant. You might have sent your authentication request to the wrong \
         tenant.\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {time}",
        world.tenant
    );
    let body = json!({
        "error": "invalid_resource", "error_description": description, "error_codes": [500_011],
        "timestamp": time, "trace_id": trace, "correlation_id": correlation,
        "error_uri": "https://westeurope.login.microsoft.com/error?code=500011",
    });
    Response::json(400, &body)
}

/// A complaint in the words of the identity endpoints.
pub(super) fn invalid(description: &str) -> Response {
    error(400, "invalid_request", description)
}

/// A complaint in the words of the others.
pub(super) fn bad(description: &str) -> Response {
    Response::json(
        400,
        &json!({"error": format!("Bad request. {description}")}),
    )
}

pub(super) fn error(status: u16, id: &str, description: &str) -> Response {
    let body: Value = json!({"error": id, "error_description": description});
    Response::json(status, &body)
}
