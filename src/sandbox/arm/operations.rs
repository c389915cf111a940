//! Operations that are accepted now and done a little later.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::call::Call;
use super::front::ok;
use super::signature::sign;
use super::{Answer, containers, databases, errors, roles, throughput};
use crate::sandbox::http::Response;
use crate::sandbox::world::{Offer, RoleAssignment, World};
use crate::sandbox::{LOCATION, guid};

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
    /// Path and query of the two URLs, which have to come back as they were given out.
    status_target: String,
    result_target: String,
    deletes: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Running(Effect),
    Done(Result<(), Failure>),
}

/// What the world will have seen when the operation is done.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    PutDatabase {
        name: String,
        offer: Option<Offer>,
    },
    DeleteDatabase {
        name: String,
    },
    PutContainer {
        database: String,
        definition: Map<String, Value>,
        offer: Option<Offer>,
    },
    DeleteContainer {
        database: String,
        name: String,
    },
    SetOffer {
        database: String,
        container: Option<String>,
        offer: Offer,
    },
    PutAssignment {
        id: String,
        assignment: RoleAssignment,
    },
    DeleteAssignment {
        id: String,
    },
}

/// Why an operation failed: a code and a message.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Failure {
    /// A refusal of the data plane, wrapped.
    pub(super) fn nested(world: &mut World, code: &'static str, sentence: &str, uri: &str) -> Self {
        let message = errors::nested_message(world, code, sentence, uri);
        Self { code, message }
    }
}

impl Effect {
    fn deletes(&self) -> bool {
        matches!(
            self,
            Self::DeleteDatabase { .. }
                | Self::DeleteContainer { .. }
                | Self::DeleteAssignment { .. }
        )
    }

    fn grants(&self) -> bool {
        matches!(
            self,
            Self::PutAssignment { .. } | Self::DeleteAssignment { .. }
        )
    }
}

/// `202`, and where to ask how it went.
pub(super) fn begin(world: &mut World, call: &Call<'_>, effect: Effect) -> Answer {
    let id = guid(world);
    let (sequence, accepted) = (world.next(), milliseconds(call.now));
    let status_target = sign(
        call,
        &id,
        &format!(
            "/subscriptions/{}/providers/Microsoft.DocumentDB/locations/{LOCATION}/operationsStatus/{id}",
            world.subscription
        ),
    );
    let result_target = sign(
        call,
        &id,
        &format!(
            "{}/operationResults/{id}",
            call.request.path().trim_end_matches('/')
        ),
    );
    let operation = Operation {
        sequence,
        accepted,
        due: accepted + world.operation_ms,
        status_target,
        result_target,
        deletes: effect.deletes(),
        state: State::Running(effect),
    };
    let answer = running(world, &operation, "Enqueued");
    forget(world);
    world.operations.insert(id, operation);
    Ok(answer)
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
    errors::plain(202, &json!({"status": status}))
        .with(
            "azure-asyncoperation",
            format!("{}{}", world.arm, operation.status_target),
        )
        .with(
            "location",
            format!("{}{}", world.arm, operation.result_target),
        )
        .with("x-ms-retry-after-ms", RETRY_MS)
}

fn milliseconds(time: OffsetDateTime) -> i64 {
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
        let outcome = apply(world, effect, now.unix_timestamp());
        if let Some(operation) = world.operations.get_mut(&id) {
            operation.state = State::Done(outcome);
        }
    }
}

fn apply(world: &mut World, effect: Effect, now: i64) -> Result<(), Failure> {
    match effect {
        Effect::PutDatabase { name, offer } => databases::put(world, &name, offer, now),
        Effect::DeleteDatabase { name } => {
            world.databases.remove(&name);
            Ok(())
        }
        Effect::PutContainer {
            database,
            definition,
            offer,
        } => containers::put(world, &database, definition, offer, now),
        Effect::DeleteContainer { database, name } => {
            if let Some(database) = world.databases.get_mut(&database) {
                database.containers.remove(&name);
            }
            Ok(())
        }
        Effect::SetOffer {
            database,
            container,
            offer,
        } => throughput::set(world, &database, container.as_deref(), offer),
        Effect::PutAssignment { id, assignment } => roles::put(world, id, assignment),
        Effect::DeleteAssignment { id } => {
            world.role_assignments.remove(&id);
            Ok(())
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
    match [&operation.status_target, &operation.result_target]
        .iter()
        .any(|target| *target == sent)
    {
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
        State::Done(Ok(())) if operation.deletes => Ok(Response::empty(204)),
        State::Done(Ok(())) => resource(world, call),
    }
}

fn resource(world: &mut World, call: &Call<'_>) -> Answer {
    let mut call = call.upwards(2);
    if call
        .words()
        .last()
        .is_some_and(|word| word.starts_with("migrateto"))
    {
        call = call.upwards(1);
    }
    call.method = "GET";
    let words = call.words();
    super::account(world, &call, words.get(ACCOUNT..).unwrap_or_default())
}
