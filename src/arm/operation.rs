//! Long-running operations: what a change answers, and how to ask how far it is.
//!
//! Whether there is something to follow is decided by the header `Azure-AsyncOperation`, not by the status: a
//! change of an account answers 200 with the header, a finished one 200 without.
//!
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Call, Effect, Plane, Request, Response, Scope, get_ready, resource};
use crate::error::{Error, Failure};
use crate::name::{Endpoint, Secret};
use crate::show;

/// What a change answered.
#[derive(Debug, Clone, Default)]
pub struct Started {
    /// Where its progress is told; signed, so it is sent byte for byte and never shown whole.
    status_url: Option<String>,
    /// Where its result is told, for services that have no status.
    location: Option<String>,
    /// `provisioningState`, where the answer is the resource itself.
    state: Option<String>,
    /// 202: accepted, and no more than that.
    accepted: bool,
    /// When to ask first.
    pub retry_after: Option<Duration>,
}

/// How far an operation is.
#[derive(Debug, Clone)]
pub enum Progress {
    /// Still running: in any state that is not a final one, known or not.
    Running(Option<Duration>),
    /// Done.
    Succeeded,
    /// Over, without the change.
    Failed(Box<Failure>),
}

type Reader = fn(&Response) -> Result<Progress, Error>;

impl Started {
    pub(super) fn read(response: &Response) -> Result<Started, Error> {
        let url = |name: &str| response.header(name).map(str::to_string);
        let body: Option<Value> = serde_json::from_slice(&response.body).ok();
        let state = body.as_ref().and_then(provisioning_state);
        Ok(Started {
            status_url: url("azure-asyncoperation"),
            // Only a 202 is still running; 201 and 200 use the header for the address of the resource.
            location: url("location").filter(|_| response.status == 202),
            state: state.map(str::to_string),
            accepted: response.status == 202,
            retry_after: response.retry_after(),
        })
    }

    /// `GET …/locations/{region}/operationsStatus/{guid}`: how far it is. `None` where there is nothing to follow.
    ///
    /// Needs `Microsoft.DocumentDB/locations/operationsStatus/read`, which some roles lack; then the resource tells.
    ///
    /// <https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>
    pub fn progress(&self, endpoint: &Endpoint) -> Result<Option<Call<Progress>>, Error> {
        let (url, read): (_, Reader) = match (&self.status_url, &self.location) {
            (Some(url), _) => (url, status),
            (None, Some(url)) => (url, result),
            (None, None) => return Ok(None),
        };
        let shown = show::unsigned(url);
        if !endpoint.covers(url) {
            return Err(Error::answer(format!(
                "the operation is said to be at {shown}, which is not {endpoint}; no token is sent there"
            )));
        }
        let url = Secret::within(url.clone(), shown);
        Ok(Some(Call {
            request: get_ready(Request::new(Plane::Arm, "GET", url)),
            scope: Scope::Arm,
            action: "Microsoft.DocumentDB/locations/operationsStatus/read",
            effect: Effect::Read,
            read,
        }))
    }

    /// `GET …/operationResults/{guid}`: what an operation came to, where it has a place for that: a change of mode of
    /// throughput has. `None` where there is none, or where it is not ours to ask.
    ///
    /// <https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>
    pub fn outcome(&self, endpoint: &Endpoint) -> Option<Call<Box<RawValue>>> {
        let url = self.location.as_ref().filter(|url| endpoint.covers(url))?;
        let url = Secret::within(url.clone(), show::unsigned(url));
        Some(Call {
            request: get_ready(Request::new(Plane::Arm, "GET", url)),
            scope: Scope::Arm,
            action: "",
            effect: Effect::Read,
            read: resource,
        })
    }

    /// Where to look the operation up later, without its signature.
    pub fn shown_url(&self) -> Option<String> {
        let url = self.status_url.as_ref().or(self.location.as_ref())?;
        Some(show::unsigned(url))
    }

    /// A change somebody else began: a resource found while it is still being made.
    pub fn found(resource: &RawValue) -> Started {
        Started {
            state: state(resource),
            ..Started::default()
        }
    }

    /// Whether the resource is still being made, although there may be no operation to follow.
    pub fn is_unsettled(&self) -> bool {
        let last = |state: &str| {
            ["succeeded", "failed", "canceled"].contains(&state.to_ascii_lowercase().as_str())
        };
        let state = self.state.as_deref();
        state.map_or(self.accepted, |state| !last(state))
    }
}

/// `provisioningState` of a resource, where it has one.
pub fn state(resource: &RawValue) -> Option<String> {
    let resource: Value = serde_json::from_str(resource.get()).ok()?;
    provisioning_state(&resource).map(str::to_string)
}

fn provisioning_state(body: &Value) -> Option<&str> {
    body.pointer("/properties/provisioningState")?.as_str()
}

/// Reads `{"status":…,"error":…}`. HTTP 200 says that the status could be read, not that it is good.
fn status(response: &Response) -> Result<Progress, Error> {
    let body: Value = response.json()?;
    let state = body.get("status").and_then(Value::as_str);
    let state = state.ok_or_else(|| Error::answer("the operation's status has no \"status\""))?;
    Ok(match state.to_ascii_lowercase().as_str() {
        "succeeded" => Progress::Succeeded,
        "failed" | "canceled" | "cancelled" => Progress::Failed(Box::new(failed(response, state))),
        _ => Progress::Running(response.retry_after()),
    })
}

/// Reads the answer of `Location`: 202 while it runs, another success when it is done: the result in JSON, or nothing.
fn result(response: &Response) -> Result<Progress, Error> {
    // A page of something in between is no result.
    if !response.body.is_empty() {
        response.json::<&RawValue>()?;
    }
    Ok(match response.status {
        202 => Progress::Running(response.retry_after()),
        _ => Progress::Succeeded,
    })
}

fn failed(response: &Response, state: &str) -> Failure {
    let mut failure = Failure::read(
        Plane::Arm,
        "the operation".to_string(),
        response.status,
        &response.headers.pairs(),
        &response.body,
    );
    if failure.code.is_empty() {
        failure.code = state.to_string();
    }
    failure
}
