//! ARM: whether it can be reached, what it says of the account, and what we may do there.

use serde_json::Value;

use super::{Finding, State, of_error, ok, road, skip, without_account};
use crate::arm::{accounts, databases};
use crate::cli::session::Session;
use crate::error::{Error, Plane};

const WITH_A_KEY: &str = "the account key is in use, which ARM does not take";

/// Whether anybody answers.
pub fn arm(session: &Session) -> Result<Finding, Error> {
    if session.has_key() {
        return Ok(skip(WITH_A_KEY));
    }
    let endpoint = session.arm()?;
    road::reach(session, Plane::Arm, &endpoint)?;
    Ok(ok(format!("{endpoint} answers")))
}

/// A refusal is no failure: items need nothing of ARM.
fn unless_refused(session: &Session, done: Result<String, Error>) -> Result<Finding, Error> {
    match done {
        Ok(what) => Ok(ok(what)),
        Err(error) if error.is_status(403) => Ok(of_error(session, State::Warn, &error)),
        Err(error) => Err(error),
    }
}

/// State and network rules.
pub fn account(session: &Session) -> Result<Finding, Error> {
    if session.has_key() {
        return Ok(skip(WITH_A_KEY));
    }
    if let Some(other) = without_account(session) {
        return Ok(other);
    }
    let shown = session
        .arm_account()
        .and_then(|account| session.run(&accounts::show(&account)));
    unless_refused(
        session,
        shown.and_then(|answer| described(answer.value.get())),
    )
}

fn described(account: &str) -> Result<String, Error> {
    let account: Value = serde_json::from_str(account).map_err(|e| Error::answer(e.to_string()))?;
    let at = |name: &str| account.pointer(&format!("/properties/{name}"));
    let text = |name: &str| at(name).and_then(Value::as_str).unwrap_or("unknown");
    let is = |name: &str| at(name).and_then(Value::as_bool).unwrap_or_default();
    let rules = at("ipRules").and_then(Value::as_array).map_or(0, Vec::len);
    let network = match (
        text("publicNetworkAccess"),
        rules,
        is("isVirtualNetworkFilterEnabled"),
    ) {
        ("Disabled", ..) => "private endpoints only".to_string(),
        (_, 0, false) => "all networks".to_string(),
        (_, rules, networks) => {
            let networks = if networks {
                " and some virtual networks"
            } else {
                ""
            };
            format!("{rules} address ranges{networks}")
        }
    };
    let keys = if is("disableLocalAuth") { "off" } else { "on" };
    Ok(format!(
        "{}, account keys {keys}, open to {network}",
        text("provisioningState")
    ))
}

/// Whether the Azure role lets us see databases.
pub fn role(session: &Session) -> Result<Finding, Error> {
    if session.has_key() {
        return Ok(skip(WITH_A_KEY));
    }
    let listed = session
        .arm_account()
        .and_then(|account| session.run(&databases::list(&account)));
    unless_refused(
        session,
        listed.map(|_| "databases may be read through ARM".to_string()),
    )
}
