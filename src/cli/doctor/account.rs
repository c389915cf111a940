//! The account: what ARM says of its state and its network rules, and whether it lets this machine in.

use serde_json::Value;

use super::Doctor;
use super::finding::{Finding, State, foreseen, notice, of_error, ok, skip};
use super::road::without_account;
use crate::arm::accounts;
use crate::cli::session::Session;
use crate::error::{Error, Failure, Plane};

/// State and network rules.
pub fn account(doctor: &Doctor) -> Result<Finding, Error> {
    let session = doctor.session;
    if let Some(other) = without_account(session) {
        return Ok(other);
    }
    let shown = match doctor.without_arm().or_else(|| unnamed(doctor)) {
        Some(why) => return Ok(admitted(doctor, None).unwrap_or(skip(why))),
        None => shown(session),
    };
    match shown {
        Ok(account) => Ok(judged(doctor, &account)),
        Err(error) if error.is_status(403) => {
            Ok(admitted(doctor, None)
                .unwrap_or(skip("no Azure role lets it be read: see arm-role")))
        }
        Err(error) => {
            let absent = error.is_status(404) || matches!(error, Error::Usage(_));
            doctor.unborn.set(absent);
            Err(error)
        }
    }
}

/// What ARM would have to be told to be asked, where the machine's metadata does not say it.
pub fn unnamed(doctor: &Doctor) -> Option<String> {
    let session = doctor.session;
    let metadata = doctor.known("metadata");
    let described = metadata.is_none_or(|found| found.state == State::Ok) && session.has_metadata();
    let lacks = |name: &'static str| session.settings.find(name).is_none() && !described;
    let mut options = ["subscription", "resource-group"].into_iter();
    let lacking = options.find(|name| lacks(name)).or_else(|| {
        let name = session.account_name();
        name.is_err().then_some("account-name")
    });
    lacking.map(|option| format!("ARM is not asked without --{option}"))
}

fn shown(session: &Session) -> Result<Value, Error> {
    let account = session.run(&accounts::show(&session.arm_account()?))?.value;
    serde_json::from_str(account.get()).map_err(|e| Error::answer(e.to_string()))
}

fn property<'a>(account: &'a Value, name: &str) -> &'a Value {
    let found = account.pointer(&format!("/properties/{name}"));
    found.unwrap_or(&Value::Null)
}

fn judged(doctor: &Doctor, account: &Value) -> Finding {
    let session = doctor.session;
    let state = property(account, "provisioningState");
    let state = state.as_str().unwrap_or("unknown");
    doctor
        .unborn
        .set(["Creating", "Initializing", "Failed"].contains(&state));
    match state {
        "Creating" | "Initializing" => notice(session, State::Fail, 1, "still being made"),
        "Failed" => {
            let said = (Plane::Arm, 409, 0, "failed provisioning state");
            let what = "an earlier attempt to make this account failed".to_string();
            foreseen(session, State::Fail, what, said)
        }
        _ => {
            let finding = admitted(doctor, Some(account));
            let described = format!("{state}, {}", described(account));
            finding.map_or(ok(described.clone()), |finding| finding.and(&described))
        }
    }
}

/// What is wrong where the account does not answer this machine at all; it says so before it asks who is there.
fn admitted(doctor: &Doctor, account: Option<&Value>) -> Option<Finding> {
    let failure = doctor.account_refused()?;
    (failure.status == 403).then(|| {
        doctor.shut_out.set(true);
        doctor.session.known.borrow_mut().ip_rules = account.and_then(accounts::ip_rules);
        let error = Error::Status(Box::new(kept_out(failure, account)));
        of_error(doctor.session, State::Fail, &error)
    })
}

/// Its own words do not always tell a firewall from an account without any public door; ARM does.
fn kept_out(failure: &Failure, account: Option<&Value>) -> Failure {
    let access = account.map(|account| property(account, "publicNetworkAccess"));
    let words = match access.and_then(Value::as_str) {
        Some("Disabled") => "service/private endpoint",
        Some("SecuredByPerimeter") => "network security perimeter",
        _ => "",
    };
    let known = failure.message.contains(words);
    let more = if known {
        String::new()
    } else {
        format!(" ({words})")
    };
    Failure {
        message: format!("{}{more}", failure.message),
        ..failure.clone()
    }
}

fn described(account: &Value) -> String {
    let is = |name: &str| property(account, name).as_bool().unwrap_or_default();
    let rules = property(account, "ipRules").as_array().map_or(0, Vec::len);
    let networks = is("isVirtualNetworkFilterEnabled");
    let open = match property(account, "publicNetworkAccess").as_str() {
        Some("Disabled") => "private endpoints only".to_string(),
        Some("SecuredByPerimeter") => "what its network security perimeter admits".to_string(),
        _ if networks => format!("{rules} address ranges and some virtual networks"),
        _ if rules > 0 => format!("{rules} address ranges"),
        _ => "all networks".to_string(),
    };
    let keys = if is("disableLocalAuth") { "off" } else { "on" };
    format!("account keys {keys}, open to {open}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn network_rules_are_told_apart() {
        for (properties, open) in [
            (r#"{}"#, "all networks"),
            (
                r#"{"publicNetworkAccess":"Disabled","ipRules":[{}]}"#,
                "private endpoints only",
            ),
            (
                r#"{"publicNetworkAccess":"SecuredByPerimeter"}"#,
                "what its network security perimeter admits",
            ),
            (
                r#"{"publicNetworkAccess":"Enabled","ipRules":[{},{}]}"#,
                "2 address ranges",
            ),
            (
                r#"{"isVirtualNetworkFilterEnabled":true}"#,
                "0 address ranges and some virtual networks",
            ),
        ] {
            let account = format!(r#"{{"properties":{properties}}}"#);
            let account: Value = serde_json::from_str(&account).unwrap();
            assert_eq!(
                described(&account),
                format!("account keys on, open to {open}")
            );
        }
    }

    #[test]
    fn arm_says_which_of_them_keeps_a_machine_out() {
        let said = "Request originated from IP 203.0.113.7 through public internet. This is blocked by your Cosmos DB account firewall settings.";
        let failure = Failure::read(Plane::Data, String::new(), 403, &[], said.as_bytes());
        for (access, words) in [
            ("Enabled", ""),
            ("Disabled", " (service/private endpoint)"),
            ("SecuredByPerimeter", " (network security perimeter)"),
        ] {
            let account = format!(r#"{{"properties":{{"publicNetworkAccess":"{access}"}}}}"#);
            let account: Value = serde_json::from_str(&account).unwrap();
            let kept = kept_out(&failure, Some(&account)).message;
            assert_eq!(kept, format!("{said}{words}"));
        }
        assert_eq!(kept_out(&failure, None).message, said);
    }
}
