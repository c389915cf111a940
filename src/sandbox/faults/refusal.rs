//! The bodies and headers of the statuses a fault can ask for, in the words of each service.

use serde_json::{Value, json};

use super::Service;
use super::words::words;
use crate::sandbox::guid;
use crate::sandbox::http::Response;
use crate::sandbox::identity;
use crate::sandbox::world::World;

/// Short, for a client that honours it to be quick on loopback.
const RETRY_MS: &str = "20";
/// What a token that was revoked has to be replaced with: one for these claims.
const CLAIMS: &str = "Bearer error=\"insufficient_claims\", claims=\"eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzAwMDAwMDAwIn19fQ==\"";
const SDK: &str = "Microsoft.Azure.Documents.Common/2.14.0";

/// The answer of a service that is in such a state.
pub fn refuse(
    world: &mut World,
    service: Service,
    status: u16,
    substatus: Option<u16>,
) -> Response {
    let id = guid(world);
    match service {
        Service::Imds => identity::refuse(world, status, imds(status)),
        Service::Arm if status == 412 => lock(world),
        Service::Arm => arm(status)
            .with("x-ms-request-id", id.as_str())
            .with("x-ms-correlation-request-id", id),
        Service::Cosmos => cosmos(status, substatus, id),
    }
}

/// The data plane's answer to a body that no item can have.
pub fn item_too_large() -> Response {
    let message = "Request size is too large";
    Response::json(
        413,
        &json!({"code": "RequestEntityTooLarge", "message": message}),
    )
}

fn imds(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => (
            "unauthorized_client",
            "The client isn't authorized to request an access token using this method.",
        ),
        403 => ("forbidden", "Forbidden"),
        404 => ("not_found", "Not found"),
        405 => ("method_not_allowed", "Not allowed"),
        429 => ("too_many_requests", "Too many requests"),
        503 => ("service_unavailable", "Service unavailable"),
        500.. => ("server_error", "Server error"),
        _ => ("invalid_request", "Bad request"),
    }
}

fn arm(status: u16) -> Response {
    let (code, message) = match status {
        401 => ("InvalidAuthenticationToken", "The access token is invalid."),
        403 => (
            "AuthorizationFailed",
            "The client does not have authorization to perform this action over this scope or the scope is invalid. If access was recently granted, please refresh your credentials.",
        ),
        404 => (
            "ResourceNotFound",
            "The Resource was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        ),
        409 => ("Conflict", "The request conflicts with another one."),
        429 => return throttled(),
        500 => ("InternalServerError", "Encountered internal server error."),
        502 | 504 => return Response::empty(status),
        503 => (
            "ServiceUnavailable",
            "The service is temporarily unavailable. Please try again later.",
        ),
        _ => ("BadRequest", "The request is not valid."),
    };
    Response::json(
        status,
        &json!({"error": {"code": code, "message": message}}),
    )
}

fn lock(world: &mut World) -> Response {
    let activity = guid(world);
    let message = format!(
        "There is another user operation in progress which requires an exclusive lock on [{}]. Please retry after sometime.\r\nActivityId: {activity}, {SDK}",
        world.account
    );
    Response::json(
        412,
        &json!({"code": "PreconditionFailed", "message": message}),
    )
    .with("x-ms-retry-after-ms", RETRY_MS)
}

/// Whole seconds are all that `Retry-After` can say; who knows the other header waits less.
fn throttled() -> Response {
    let message = "Number of requests for action 'Microsoft.DocumentDB/databaseAccounts/read' exceeded the limit of '500' for time interval '00:05:00'. Please try again after '1' seconds.";
    Response::json(
        429,
        &json!({"error": {"code": "ResourceRequestsThrottled", "message": message}}),
    )
    .with("Retry-After", "1")
    .with("x-ms-retry-after-ms", RETRY_MS)
}

fn cosmos(status: u16, substatus: Option<u16>, activity: String) -> Response {
    let (code, text) = words(status, substatus.unwrap_or_default());
    let errors = json!({"Errors": [text]});
    let message = format!("Message: {errors}\r\nActivityId: {activity}, {SDK}");
    let body: Value = json!({"code": code, "message": message});
    let mut answer = Response::empty(status).with("Content-Type", "application/json");
    if let Some(substatus) = substatus.or((status == 429).then_some(3200)) {
        answer = answer.with("x-ms-substatus", substatus.to_string());
    }
    if status == 429 {
        answer = answer.with("x-ms-retry-after-ms", RETRY_MS);
    }
    if (status, substatus) == (401, Some(5013)) {
        answer = answer.with("WWW-Authenticate", CLAIMS);
    }
    answer
        .with("x-ms-activity-id", activity)
        .with(
            "x-ms-request-charge",
            if status == 429 { "0.38" } else { "0" },
        )
        .with("x-ms-gatewayversion", "version=2.14.0")
        .with("Server", "Microsoft-HTTPAPI/2.0")
        .carrying(body.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;

    fn header(answer: &Response, name: &str) -> Option<String> {
        let found = answer.headers.iter().find(|(sent, _)| sent == name);
        found.map(|(_, value)| value.clone())
    }

    const PAIRS: &str = include_str!("../../../fixtures/data-plane/status_substatus.json");

    /// Every pair that has a meaning is answered with that pair and says what it means.
    #[test]
    fn every_pair_has_words_of_its_own() {
        let pairs: Value = serde_json::from_str(PAIRS).unwrap();
        let rows = pairs["curated"].as_array().unwrap();
        assert_eq!(rows.len(), 62);
        let mut world = World::default();
        let number = |row: &Value, name: &str| row[name].as_u64().unwrap() as u16;
        for row in rows.iter().filter(|row| number(row, "status") >= 400) {
            let (status, substatus) = (number(row, "status"), number(row, "substatus"));
            let answer = refuse(&mut world, Service::Cosmos, status, Some(substatus));
            assert_eq!(answer.status, status);
            let sent = header(&answer, "x-ms-substatus");
            assert_eq!(sent, Some(substatus.to_string()), "{row}");
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(body["code"].is_string() && body["message"].is_string());
            let plain = words(status, 0).1;
            let general = substatus == 0 || substatus == 3200;
            assert_eq!(words(status, substatus).1 == plain, general, "{row}");
        }
        let named = pairs["substatus_ambiguous"].as_object().unwrap();
        for (substatus, statuses) in named {
            let substatus: u16 = substatus.parse().unwrap();
            let statuses = statuses.as_object().unwrap().keys();
            let statuses = statuses.filter_map(|status| status.parse().ok());
            let all: Vec<_> = statuses.map(|status| words(status, substatus).1).collect();
            assert!(all.len() < 2 || all[0] != all[1], "{substatus}");
        }
        let revoked = refuse(&mut world, Service::Cosmos, 401, Some(5013));
        assert!(
            header(&revoked, "WWW-Authenticate")
                .unwrap()
                .contains("claims=")
        );
    }

    #[test]
    fn each_service_refuses_in_its_own_words() {
        let mut world = World::default();
        let throttled = refuse(&mut world, Service::Cosmos, 429, None);
        assert_eq!(
            header(&throttled, "x-ms-substatus").as_deref(),
            Some("3200")
        );
        assert!(header(&throttled, "x-ms-retry-after-ms").is_some());
        let split = refuse(&mut world, Service::Cosmos, 410, Some(1002));
        assert_eq!(header(&split, "x-ms-substatus").as_deref(), Some("1002"));
        let body: Value = serde_json::from_slice(&split.body).unwrap();
        let activity = header(&split, "x-ms-activity-id").unwrap();
        assert!(body["message"].as_str().unwrap().contains(&activity));
        assert!(refuse(&mut world, Service::Imds, 410, None).body.is_empty());
        let arm = refuse(&mut world, Service::Arm, 429, None);
        assert!(header(&arm, "Retry-After").is_some());
        let body: Value = serde_json::from_slice(&arm.body).unwrap();
        assert!(body["error"]["code"].is_string());
    }
}
