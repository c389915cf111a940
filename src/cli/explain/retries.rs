//! The table of what is sent again, for people: the very rows the exchange goes by.

use std::time::Duration;

use crate::error::Plane;
use crate::exchange::retry::{
    Backoff, ITEM_ATTEMPTS, NO_RESPONSE, NOT_SENT, RECONNECT, RECOVERY, RULES, Remedy, Rule,
    SCHEDULES, UNUSABLE,
};

/// All rows of single requests, in the order they are tried.
pub fn requests() -> String {
    let rows = RULES.iter().map(|rule| {
        let answer = format!("{} {}", word(rule.plane), answers(rule));
        row(&answer, &then(rule))
    });
    let waits: Vec<String> = RECONNECT.iter().map(|wait| span(*wait)).collect();
    rows.chain([row("no connection", &waits.join(", then "))])
        .collect()
}

/// How an import, an export, a query over ranges and the change feed go on.
pub fn ranges() -> String {
    let rows = RECOVERY.iter().map(|recovery| {
        let statuses: Vec<String> = recovery.statuses.iter().map(status).collect();
        let mut text = waits(&recovery.backoff);
        if recovery.unsure {
            text.push_str("; a create is then compared");
        }
        row(&statuses.join(" "), &text)
    });
    let attempts = format!("refused {ITEM_ATTEMPTS} times although its range is not: rejected");
    rows.chain([row("one item of an import", &attempts)])
        .collect()
}

/// The other schedules.
pub fn schedules() -> String {
    let rows = SCHEDULES.iter();
    rows.map(|(what, backoff)| row(what, &waits(backoff)))
        .collect()
}

fn row(what: &str, then: &str) -> String {
    format!("  {what:<41} {then}\n")
}

fn status(status: &u16) -> String {
    match *status {
        NO_RESPONSE => "no-response".into(),
        NOT_SENT => "no-connection".into(),
        UNUSABLE => "unusable-response".into(),
        status => status.to_string(),
    }
}

/// What a plane is called on the command line.
pub fn word(plane: Plane) -> &'static str {
    match plane {
        Plane::Identity => "identity",
        Plane::Entra => "entra",
        Plane::Arm => "arm",
        Plane::Data => "data",
    }
}

/// What is done after this answer; nothing where it is final.
pub fn after(plane: Plane, status: u16, substatus: u32) -> Option<String> {
    let covers = |rule: &&Rule| {
        rule.plane == plane
            && rule.statuses.contains(&status)
            && (rule.substatuses.is_empty() || rule.substatuses.contains(&substatus))
            && rule.says.is_empty()
            && !(rule.of_range || rule.of_bulk)
    };
    RULES.iter().find(covers).map(then)
}

fn answers(rule: &Rule) -> String {
    let statuses: Vec<String> = rule.statuses.iter().map(u16::to_string).collect();
    let substatuses: Vec<String> = rule.substatuses.iter().map(u32::to_string).collect();
    match substatuses.is_empty() {
        true => statuses.join(" "),
        false => format!("{}/{}", statuses.join(" "), substatuses.join(" ")),
    }
}

fn then(rule: &Rule) -> String {
    let waits = || waits(&rule.backoff);
    let mut text = match (rule.first, rule.backoff.budget.is_zero()) {
        (None, true) => "never".to_string(),
        (None, false) if rule.backoff.attempts == 1 => {
            format!("once, after {}", span(rule.backoff.initial))
        }
        (None, false) => waits(),
        (Some(remedy), true) if rule.backoff.attempts == 1 => {
            format!("once, after {}", deed(remedy))
        }
        (Some(remedy), true) => format!("{} times, after {}", rule.backoff.attempts, deed(remedy)),
        (Some(remedy), false) => format!("at once, after {}; else {}", deed(remedy), waits()),
    };
    if !rule.untouched {
        text.push_str("; but only what may be repeated");
    }
    if rule.of_range {
        text.push_str(", if it names a range: the ranges are read again");
    }
    if rule.of_bulk {
        text.push_str(", if it is of an import: that sends again what is left");
    }
    if !rule.says.is_empty() {
        text.push_str(&format!("; if it says {}", rule.says.join(" or ")));
    }
    text
}

fn waits(backoff: &Backoff) -> String {
    let (from, to) = (span(backoff.initial), span(backoff.max));
    let waits = match (backoff.max.is_zero(), backoff.at_once) {
        (true, _) => "at once".to_string(),
        (_, true) => format!("at once, then {from} to {to}"),
        _ => format!("{from} to {to}"),
    };
    let times = match backoff.attempts {
        u32::MAX => String::new(),
        attempts => format!(", {attempts} times"),
    };
    match backoff.budget {
        Duration::MAX => format!("{waits}{times}, without end"),
        budget => format!("{waits}{times}, {} in all", span(budget)),
    }
}

fn deed(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::NewToken => "getting a new token",
        Remedy::Clock => "correcting the clock by the answer's Date",
        Remedy::Version => "taking a version that the answer lists",
        Remedy::NewRegions => "reading where the account is served by now",
        Remedy::OtherRegion => "going to another region, if it reads",
        Remedy::WriteRegion => "going to the region that takes writes",
    }
}

fn span(time: Duration) -> String {
    match time.as_millis() {
        ms if ms % 1000 == 0 && ms > 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    }
}
