//! The plan of a query, from a service that may make none.

use crate::cli::session::Session;
use crate::cosmos::Container;
use crate::cosmos::query::plan::Plan;
use crate::cosmos::query::{self, Query};
use crate::error::{Error, Failure};

/// Servers without plans say so in several ways. Where a query is wrong, the compiler of queries lists its errors.
fn makes_no_plans(failure: &Failure) -> bool {
    match failure.status {
        404 | 405 | 501 => true,
        400 => failure.substatus.unwrap_or_default() == 0 && !failure.body.contains("rrors"),
        _ => false,
    }
}

/// What the service makes of a query; nothing where it makes no plans.
pub fn plan(
    session: &Session,
    container: &Container,
    query: &Query,
) -> Result<Option<Plan>, Error> {
    match session.run(&query::plan_of(container, query)) {
        Ok(answer) => Ok(answer.value),
        Err(e) => match of_refusal(&e)? {
            None if e.failure().is_some_and(makes_no_plans) => Ok(None),
            None => Err(e),
            plan => Ok(plan),
        },
    }
}

/// The plan that a refusal brings, where it does.
pub fn of_refusal(error: &Error) -> Result<Option<Plan>, Error> {
    let failure = error.failure();
    failure.map_or(Ok(None), Plan::of_refusal)
}
