//! The management plane: the front door of ARM and, behind it, the provider `Microsoft.DocumentDB`.

mod account_body;
mod account_rules;
mod accounts;
mod authorization;
mod authorize;
mod call;
mod containers;
mod databases;
mod documents;
mod effects;
mod errors;
mod front;
mod groups;
mod guard;
mod locations;
mod operation_faults;
mod operations;
pub mod rbac;
mod regions;
mod registration;
mod role_definitions;
mod roles;
mod signature;
mod throughput;
mod versions;

use time::OffsetDateTime;

use super::guid;
use super::http::{Request, Response};
use super::world::World;
use call::Call;

pub use operation_faults::OperationFaults;
pub use operations::{Operation, finish as finish_operations};
pub use versions::provider_versions;

/// What a handler decides: an answer, or a refusal on the way to it.
type Answer = Result<Response, Response>;

/// Answers one request.
pub fn handle(world: &mut World, request: &Request, now: OffsetDateTime) -> Response {
    let answer = front::admit(world, request, now).and_then(|call| route(world, &call));
    let answer = answer.unwrap_or_else(|refusal| refusal);
    decorate(world, request, answer)
}

/// The answer to a body above the limit of ARM.
pub fn too_large() -> Response {
    let message = "The request content size exceeds the maximum size of 4 MB.";
    errors::front(413, "RequestContentTooLarge", message)
}

fn route(world: &mut World, call: &Call<'_>) -> Answer {
    let words = call.words();
    match words.as_slice() {
        ["subscriptions"] => groups::subscriptions(world, call),
        ["subscriptions", _, rest @ ..] => {
            front::check_subscription(world, call)?;
            authorize::authorize(world, call)?;
            subscription(world, call, rest)
        }
        ["providers", "microsoft.documentdb", "operations"] => {
            versions::check_provider(world, call)?;
            registration::operations(call)
        }
        [
            "providers",
            "microsoft.documentdb",
            "databaseaccountnames",
            _,
        ] => {
            versions::check_provider(world, call)?;
            accounts::name_exists(world, call)
        }
        _ => Err(errors::front(
            404,
            "MissingSubscription",
            "The request did not have a subscription or a valid tenant level resource provider.",
        )),
    }
}

fn subscription(world: &mut World, call: &Call<'_>, rest: &[&str]) -> Answer {
    match rest {
        [] => groups::subscription(world, call),
        [.., "providers", "microsoft.authorization", _]
        | [.., "providers", "microsoft.authorization", _, _] => authorization::route(world, call),
        ["operationresults", id] => operations::result(world, call, id),
        ["resourcegroups"] => groups::list(world, call),
        ["resourcegroups", _] => groups::group(world, call),
        [
            "resourcegroups",
            _,
            "providers",
            "microsoft.documentdb",
            rest @ ..,
        ] => {
            front::check_group(world, call)?;
            versions::check_provider(world, call)?;
            guard::registered(world)?;
            provider(world, call, rest)
        }
        ["providers", "microsoft.documentdb"] => registration::provider(world, call),
        ["providers", "microsoft.documentdb", "register"] => registration::register(world, call),
        ["providers", "microsoft.documentdb", rest @ ..] => {
            versions::check_provider(world, call)?;
            guard::registered(world)?;
            subscription_wide(world, call, rest)
        }
        ["providers", _, ..] | ["resourcegroups", _, "providers", _, ..] => {
            Err(errors::unsupported(
                "Of the resource providers the sandbox implements Microsoft.DocumentDB and Microsoft.Authorization.",
            ))
        }
        _ => Err(errors::unknown_type(call)),
    }
}

fn subscription_wide(world: &mut World, call: &Call<'_>, rest: &[&str]) -> Answer {
    match rest {
        ["databaseaccounts"] => accounts::list(world, call),
        ["locations"] => locations::locations(world, call),
        ["locations", name] => locations::location(world, call, name),
        ["locations", _, "operationsstatus", id] => operations::status(world, call, id),
        _ => Err(errors::unknown_type(call)),
    }
}

fn provider(world: &mut World, call: &Call<'_>, rest: &[&str]) -> Answer {
    match rest {
        ["databaseaccounts"] => accounts::list(world, call),
        ["databaseaccounts", _, .., "operationresults", id] => operations::result(world, call, id),
        ["databaseaccounts", _, rest @ ..] => {
            front::check_account(world, call, rest.is_empty())?;
            guard::unlocked(world, call)?;
            guard::allowed(world, call)?;
            guard::ready(world, call)?;
            account(world, call, rest)
        }
        _ => Err(errors::unknown_type(call)),
    }
}

fn account(world: &mut World, call: &Call<'_>, rest: &[&str]) -> Answer {
    operation_faults::seen(world, call)?;
    match rest {
        [] => accounts::account(world, call),
        ["listkeys" | "readonlykeys" | "listconnectionstrings" | "regeneratekey"] => {
            accounts::action(world, call)
        }
        _ => content(world, call, rest),
    }
}

/// What is in an account, of which one alone has content.
fn content(world: &mut World, call: &Call<'_>, rest: &[&str]) -> Answer {
    let name = call.name("databaseaccounts");
    if !name.eq_ignore_ascii_case(&world.account) {
        return Err(errors::unsupported(
            "Of the accounts of a sandbox one has a data plane; this one is in ARM alone.",
        ));
    }
    match rest {
        ["sqldatabases"] => databases::list(world, call),
        ["sqldatabases", _] => databases::database(world, call),
        ["sqldatabases", _, "throughputsettings", rest @ ..]
        | [
            "sqldatabases",
            _,
            "containers",
            _,
            "throughputsettings",
            rest @ ..,
        ] => throughput::settings(world, call, rest),
        ["sqldatabases", _, "containers"] => containers::list(world, call),
        ["sqldatabases", _, "containers", _] => containers::container(world, call),
        ["sqlroledefinitions"] => role_definitions::definitions(world, call),
        ["sqlroledefinitions", _] => role_definitions::definition(world, call),
        ["sqlroleassignments"] => roles::assignments(world, call),
        ["sqlroleassignments", _] => roles::assignment(world, call),
        _ => Err(errors::unsupported(
            "The sandbox does not implement this resource type.",
        )),
    }
}

fn decorate(world: &mut World, request: &Request, answer: Response) -> Response {
    let (id, correlation) = (guid(world), guid(world));
    let (kind, left) = match request.method.as_str() {
        "GET" | "HEAD" => ("reads", "11999"),
        "DELETE" => ("deletes", "14999"),
        _ => ("writes", "1199"),
    };
    answer
        .with("Cache-Control", "no-store, no-cache")
        .with("Pragma", "no-cache")
        .with(
            "Strict-Transport-Security",
            "max-age=31536000; includeSubDomains",
        )
        .with("X-Content-Type-Options", "nosniff")
        .with("x-ms-gatewayversion", "version=2.14.0")
        .with(
            &format!("x-ms-ratelimit-remaining-subscription-{kind}"),
            left,
        )
        .with("x-ms-request-id", id)
        .with("x-ms-correlation-request-id", correlation)
}

#[cfg(test)]
mod tests;
