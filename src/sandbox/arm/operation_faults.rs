//! What goes wrong with operations once they were accepted.

use time::OffsetDateTime;

use super::call::Call;
use super::effects::{Effect, Failure, apply};
use super::errors;
use crate::sandbox::azure::NOBODY;
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

const FAILED: &str = "The operation was accepted and could not be completed: an internal error was encountered. Nothing was changed.";

/// What goes wrong with operations once they were accepted.
#[derive(Debug, Default)]
pub struct OperationFaults {
    /// How many more of them fail.
    pub failing: u32,
    /// How often what one of them has made is not found at first.
    pub late: u32,
    /// What is not found yet: its path in lower case, and for how many more reads.
    unseen: Option<(String, u32)>,
}

impl OperationFaults {
    /// An operation has made or changed what is at that path.
    pub(super) fn made(&mut self, path: &str) {
        if self.late > 0 {
            self.unseen = Some((path.to_owned(), self.late));
        }
    }
}

/// Refuses a read of what an operation has made a moment ago, where that takes a while to be seen.
pub(super) fn seen(world: &mut World, call: &Call<'_>) -> Result<(), Response> {
    let path = resource_path(call);
    let Some((unseen, left)) = &mut world.azure.operation_faults.unseen else {
        return Ok(());
    };
    if call.method != "GET" || *unseen != path || *left == 0 {
        return Ok(());
    }
    *left -= 1;
    Err(errors::not_found(world, &path))
}

/// Does what an operation is for, or fails.
pub(super) fn carry_out(
    world: &mut World,
    effect: Effect,
    now: OffsetDateTime,
) -> Result<(), Failure> {
    let failing = &mut world.azure.operation_faults.failing;
    if *failing == 0 {
        return apply(world, effect, now);
    }
    if *failing != u32::MAX {
        *failing -= 1;
    }
    Err(Failure {
        code: "InternalServerError",
        message: FAILED.to_owned(),
    })
}

/// What the URLs of operations begin with.
pub(super) fn origin(world: &World) -> &str {
    if world.azure.has("operation-elsewhere") {
        return NOBODY;
    }
    match world.azure.has("operation-relative") {
        true => "",
        false => &world.arm,
    }
}

/// The path of a request, without the verb of a `POST`.
pub(super) fn resource_path(call: &Call<'_>) -> String {
    let path = call.request.path().trim_end_matches('/');
    let path = match call.method {
        "POST" => path.rsplit_once('/').map_or(path, |(owner, _)| owner),
        _ => path,
    };
    path.to_ascii_lowercase()
}
