//! The two shapes of a refusal: ARM's own front door, and the provider behind it.

use serde_json::{Value, json};

use super::Call;
use crate::sandbox::http::Response;
use crate::sandbox::secrets::guid;
use crate::sandbox::world::World;

pub(super) const SDK: &str = "Microsoft.Azure.Documents.Common/2.14.0";
pub(super) const NOT_FOUND: &str =
    "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found";

/// `{"error":{"code","message"}}`.
pub(super) fn front(status: u16, code: &str, message: &str) -> Response {
    Response::json(
        status,
        &json!({"error": {"code": code, "message": message}}),
    )
}

/// `{"code","message"}`, with nothing around them.
pub(super) fn provider(status: u16, code: &str, message: &str) -> Response {
    plain(status, &json!({"code": code, "message": message}))
}

/// A JSON body as the provider writes it, without a charset.
pub(super) fn plain(status: u16, body: &Value) -> Response {
    Response::empty(status)
        .with("Content-Type", "application/json")
        .carrying(body.to_string())
}

/// A refusal of the provider itself.
pub(super) fn refused(world: &mut World, status: u16, code: &str, sentence: &str) -> Response {
    let activity = guid(world);
    provider(
        status,
        code,
        &format!("{sentence}\r\nActivityId: {activity}, {SDK}"),
    )
}

pub(super) fn bad_request(world: &mut World, sentence: &str) -> Response {
    refused(world, 400, "BadRequest", sentence)
}

/// A refusal of the data plane, as the provider wraps what it is told there.
pub(super) fn nested(
    world: &mut World,
    status: u16,
    code: &str,
    sentence: &str,
    uri: &str,
) -> Response {
    let message = nested_message(world, code, sentence, uri);
    provider(status, code, &message)
}

/// The message of such a refusal: JSON in a string in JSON in a string.
pub(super) fn nested_message(world: &mut World, code: &str, sentence: &str, uri: &str) -> String {
    let (activity, replica) = (guid(world), guid(world));
    let sentence = json!({"Errors": [sentence]})
        .to_string()
        .replace('/', "\\/");
    let inner = format!(
        "Message: {sentence}\r\nActivityId: {activity}, Request URI: /apps/{replica}/services/{replica}/partitions/{replica}/replicas/132795615250828109s, RequestStats: \r\n, SDK: {SDK}"
    );
    let outer = json!({"code": code, "message": inner});
    format!("Message: {outer}, Request URI: {uri}, RequestStats: , SDK: {SDK}")
}

pub(super) fn not_found(world: &mut World, uri: &str) -> Response {
    nested(world, 404, "NotFound", NOT_FOUND, uri)
}

pub(super) fn missing(member: &str) -> Response {
    let message = format!(
        "The request payload is invalid: the member '{member}' is missing or not of its type."
    );
    provider(400, "BadRequest", &message)
}

pub(super) fn unknown_type(call: &Call<'_>) -> Response {
    let version = call.version();
    let kind = call.segments.last().map_or("", String::as_str);
    let message = format!(
        "The resource type '{kind}' could not be found in the namespace 'Microsoft.DocumentDB' for api version '{version}'."
    );
    front(404, "InvalidResourceType", &message)
}

/// What the service can do and the sandbox cannot.
pub(super) fn unsupported(sentence: &str) -> Response {
    front(501, "NotImplementedInSandbox", sentence)
}

#[cfg(test)]
mod tests;
