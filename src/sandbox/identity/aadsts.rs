//! How the token service says no.

use serde_json::json;
use time::OffsetDateTime;

use super::odd::Odd;
use super::troubles::Trouble;
use crate::sandbox::guid;
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

/// A refusal of the token service: `AADSTS` with its number and text.
pub(super) fn refuse(
    world: &mut World,
    (status, error, number): (u16, &str, u32),
    text: &str,
    now: i64,
) -> Response {
    let (trace, correlation) = (guid(world), guid(world));
    let time = timestamp(now);
    let description = format!(
        "AADSTS{number}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {time}"
    );
    let codes = match world.identity.has(Trouble::Odd(Odd::TextCodes)) {
        true => json!(format!("[{number}]")),
        false => json!([number]),
    };
    let body = json!({
        "error": error, "error_description": description, "error_codes": codes,
        "timestamp": time, "trace_id": trace, "correlation_id": correlation,
        "error_uri": format!("https://{}/error?code={number}", world.cloud.login),
    });
    Response::json(status, &body)
}

/// The tenant has never heard of the resource.
pub(in crate::sandbox) fn unknown_resource(
    world: &mut World,
    resource: &str,
    now: i64,
) -> Response {
    let text = no_resource(world, resource);
    refuse(world, (400, "invalid_resource", 500_011), &text, now)
}

pub(super) fn no_resource(world: &World, resource: &str) -> String {
    format!(
        "The resource principal named {resource} was not found in the tenant named {}. \
         This can happen if the application has not been installed by the administrator of the tenant or \
         consented to by any user in the tenant. You might have sent your authentication request to the wrong \
         tenant.",
        world.tenant
    )
}

/// `2022-11-10 23:12:37Z`.
pub(super) fn timestamp(epoch: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(epoch).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second) = time.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02}Z", time.date())
}
