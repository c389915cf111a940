//! Operations that are accepted now and done a little later.

use serde_json::json;
use time::OffsetDateTime;

use super::call::Call;
use super::effects::{Effect, Failure};
use super::front::ok;
use super::operation_faults::{carry_out, origin, resource_path};
use super::signature::sign;
use super::{Answer, errors, throughput};
use crate::sandbox::http::Response;
use crate::sandbox::secrets::guid;
use crate::sandbox::world::World;

/// Segments of a path up to and with the name of the account.
const ACCOUNT: usize = 8;
/// Short, for a client that honours it to be quick on loopback; the service leaves the wait to the client.
pub(super) const RETRY_MS: &str = "20";

/// Something accepted, and what became of it.
#[derive(Debug)]
pub struct Operation {
    sequence: u64,
    /// Milliseconds since the epoch.
    accepted: i64,
    due: i64,
    /// Path and query of the two URLs, which have to come back as they were given out; ARM itself has one.
    status_target: Option<String>,
    result_target: String,
    /// Path of the resource it is about, in lower case.
    path: String,
    deletes: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Running(Effect),
    Done(Result<(), Failure>),
}

/// `202`, and where to ask how it went.
pub(super) fn begin(world: &mut World, call: &Call<'_>, effect: Effect) -> Answer {
    let answer = errors::plain(202, &json!({"status": "Enqueued"}));
    Ok(attach(world, call, effect, answer).with("x-ms-retry-after-ms", RETRY_MS))
}

/// The answer with the two URLs of an operation that goes on behind it.
pub(super) fn attach(
    world: &mut World,
    call: &Call<'_>,
    effect: Effect,
    answer: Response,
) -> Response {
    let path = call.request.path().trim_end_matches('/').to_owned();
    let place = world.cloud.location;
    let id = enqueue(world, call, effect, |subscription, id| {
        let status = format!(
            "{subscription}/providers/Microsoft.DocumentDB/locations/{place}/operationsStatus/{id}"
        );
        (Some(status), format!("{path}/operationResults/{id}"))
    });
    match world.operations.get(&id) {
        Some(operation) => operation.urls(origin(world), answer),
        None => answer,
    }
}

/// `202` without a body, as ARM itself answers: the one URL says `202` until it is done.
pub(super) fn begin_front(world: &mut World, call: &Call<'_>, effect: Effect) -> Answer {
    let id = enqueue(world, call, effect, |subscription, id| {
        (None, format!("{subscription}/operationresults/{id}"))
    });
    let operation = world.operations.get(&id);
    let answer = Response::empty(202).with("x-ms-retry-after-ms", RETRY_MS);
    Ok(match operation {
        Some(operation) => operation.urls(origin(world), answer),
        None => answer,
    })
}

/// Puts an effect into the queue; the paths are made from that of the subscription and the id.
pub(super) fn enqueue(
    world: &mut World,
    call: &Call<'_>,
    effect: Effect,
    paths: impl FnOnce(&str, &str) -> (Option<String>, String),
) -> String {
    let id = guid(world);
    let (sequence, accepted) = (world.next(), milliseconds(call.now));
    let subscription = format!("/subscriptions/{}", world.subscription);
    let (status, result) = paths(&subscription, &id);
    let operation = Operation {
        sequence,
        accepted,
        due: accepted + world.operation_ms,
        status_target: status.map(|path| sign(call, &id, &path)),
        result_target: sign(call, &id, &result),
        path: resource_path(call),
        deletes: effect.deletes(),
        state: State::Running(effect),
    };
    forget(world);
    world.operations.insert(id.clone(), operation);
    id
}

impl Operation {
    fn urls(&self, origin: &str, answer: Response) -> Response {
        let answer = match &self.status_target {
            Some(target) => answer.with("azure-asyncoperation", format!("{origin}{target}")),
            None => answer,
        };
        answer.with("location", format!("{origin}{}", self.result_target))
    }
}

/// A sandbox may run for days, so of a thousand operations the oldest goes when it has ended.
fn forget(world: &mut World) {
    let oldest = world.operations.iter().min_by_key(|(_, it)| it.sequence);
    let ended = oldest.filter(|(_, it)| matches!(it.state, State::Done(_)));
    let id = ended.map(|(id, _)| id.clone()).unwrap_or_default();
    if world.operations.len() >= 1000 {
        world.operations.remove(&id);
    }
}

fn running(world: &World, operation: &Operation, status: &str) -> Response {
    let answer = match operation.status_target {
        Some(_) => errors::plain(202, &json!({"status": status})),
        None => Response::empty(202),
    };
    operation
        .urls(origin(world), answer)
        .with("x-ms-retry-after-ms", RETRY_MS)
}

pub(super) fn milliseconds(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// Whether the lock is taken that only one change of the grants can have.
pub(super) fn granting(world: &World) -> bool {
    let grants = |operation: &Operation| matches!(&operation.state, State::Running(effect) if effect.grants());
    world.operations.values().any(grants)
}

/// Lets every operation take effect whose time has come, in the order they were accepted in.
pub fn finish(world: &mut World, now: OffsetDateTime) {
    let time = milliseconds(now);
    throughput::arrive(world, time);
    let ready = |(id, operation): (&String, &Operation)| {
        let ready = matches!(operation.state, State::Running(_)) && operation.due <= time;
        ready.then(|| (operation.sequence, id.clone()))
    };
    let mut ids: Vec<(u64, String)> = world.operations.iter().filter_map(ready).collect();
    ids.sort_unstable();
    for (_, id) in ids {
        let effect = match world.operations.get(&id).map(|operation| &operation.state) {
            Some(State::Running(effect)) => effect.clone(),
            _ => continue,
        };
        let outcome = carry_out(world, effect, now);
        if let Some(operation) = world.operations.get_mut(&id) {
            if outcome.is_ok() && !operation.deletes {
                world.azure.operation_faults.made(&operation.path);
            }
            operation.state = State::Done(outcome);
        }
    }
}

fn find<'a>(world: &'a World, call: &Call<'_>, id: &str) -> Result<&'a Operation, Response> {
    let operation = world.operations.get(id);
    let operation = operation.ok_or_else(|| {
        errors::provider(
            404,
            "NotFound",
            &format!("The operation '{id}' could not be found."),
        )
    })?;
    let sent = call.request.target.as_str();
    let targets = operation
        .status_target
        .iter()
        .chain([&operation.result_target]);
    match targets.into_iter().any(|target| target == sent) {
        true => Ok(operation),
        false => Err(errors::front(
            403,
            "AuthorizationFailed",
            "The signature of the operation URL does not match it: use the URL byte for byte.",
        )),
    }
}

/// `operationsStatus`: 200, whatever became of it.
pub(super) fn status(world: &World, call: &Call<'_>, id: &str) -> Answer {
    if call.method != "GET" {
        return Err(call.wrong_method());
    }
    let operation = find(world, call, id)?;
    match &operation.state {
        State::Running(_) => Ok(ok(&json!({"status": progress(operation, call)}))?
            .with("x-ms-retry-after-ms", RETRY_MS)),
        State::Done(Ok(())) => ok(&json!({"status": "Succeeded"})),
        State::Done(Err(failure)) => ok(&json!({
            "status": "Failed",
            "error": {"code": failure.code, "message": failure.message},
        })),
    }
}

fn progress(operation: &Operation, call: &Call<'_>) -> &'static str {
    let half = (operation.accepted + operation.due) / 2;
    if milliseconds(call.now) < half {
        "Enqueued"
    } else {
        "Dequeued"
    }
}

/// `operationResults`: 202 while it runs, then what a `GET` of the resource would say.
pub(super) fn result(world: &mut World, call: &Call<'_>, id: &str) -> Answer {
    if call.method != "GET" {
        return Err(call.wrong_method());
    }
    let operation = find(world, call, id)?;
    match &operation.state {
        State::Running(_) => Ok(running(world, operation, progress(operation, call))),
        State::Done(Err(failure)) => Err(errors::provider(400, failure.code, &failure.message)),
        State::Done(Ok(())) if operation.status_target.is_none() => Ok(Response::empty(200)),
        State::Done(Ok(())) if operation.deletes => Ok(Response::empty(204)),
        State::Done(Ok(())) => resource(world, call),
    }
}

/// What a `GET` would say; the answer to a `POST` is about what was posted to.
fn resource(world: &mut World, call: &Call<'_>) -> Answer {
    let mut call = call.upwards(2);
    let words = call.words();
    match words.last().copied().unwrap_or_default() {
        "regeneratekey" => return Ok(Response::empty(200)),
        last if last.starts_with("migrateto") => {
            call.method = "GET";
            return throughput::migrated(world, &call);
        }
        _ => {}
    }
    call.method = "GET";
    let words = call.words();
    super::account(world, &call, words.get(ACCOUNT..).unwrap_or_default())
}
