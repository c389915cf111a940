//! What databases, containers, ranges and offers have in common: feeds of JSON, and offers in headers.

use serde_json::{Map, Value};

use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::statement;
use super::{cursor, offers, pages};
use crate::sandbox::world::{Offer, World};

/// Adds what an answer about the account's own resources says.
pub fn describe(reply: Reply, lsn: u64) -> Reply {
    reply
        .header("x-ms-session-token", format!("0:-1#{lsn}"))
        .header("lsn", lsn)
        .header("x-ms-schemaversion", "1.21")
        .header("x-ms-serviceversion", "version=2.14.0.0")
        .header("x-ms-request-duration-ms", "0.5")
}

/// One resource with its etag.
pub fn one(status: u16, resource: &Value, charge: f64, lsn: u64) -> Reply {
    let etag = resource
        .get("_etag")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let reply = Reply::new(status, resource.to_string());
    describe(reply.header("etag", etag).charge(charge), lsn)
}

/// A page of all of a kind, or of those a query finds.
pub fn feed(exchange: &Exchange, rid: &str, name: &str, all: Vec<Value>, lsn: u64) -> Outcome {
    let mut rows: Vec<String> = all.iter().map(Value::to_string).collect();
    if statement::is_query(exchange)? {
        let texts: Vec<&str> = rows.iter().map(String::as_str).collect();
        rows = statement::read(exchange)?.run(&texts)?;
    }
    let size = pages::size(exchange, 100)?;
    let prefix = format!("+FEED:~{name}{rid}#");
    let start = start(exchange, &prefix)?;
    let total = rows.len();
    let page: Vec<String> = rows.into_iter().skip(start).take(size).collect();
    let end = start + page.len();
    let body = format!(
        "{{\"_rid\":\"{rid}\",\"{name}\":[{}],\"_count\":{}}}",
        page.join(","),
        page.len()
    );
    let mut reply = Reply::new(200, body).header("x-ms-item-count", page.len());
    if end < total {
        reply = reply.header("x-ms-continuation", format!("{prefix}{end}"));
    }
    Ok(describe(reply.charge(1.0), lsn))
}

fn start(exchange: &Exchange, prefix: &str) -> Result<usize, Refusal> {
    let Some(token) = exchange.header("x-ms-continuation") else {
        return Ok(0);
    };
    let number = token.strip_prefix(prefix).and_then(|at| at.parse().ok());
    number.ok_or_else(cursor::invalid)
}

/// The body of a create or a replace.
pub fn body(exchange: &Exchange) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(&exchange.request.body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Refusal::new(
            400,
            "The request payload is invalid. Ensure to provide a valid request payload.",
        )),
    }
}

/// The throughput a create asks for in its headers.
pub fn offer(world: &World, exchange: &Exchange) -> Result<Option<Offer>, Refusal> {
    match asked(exchange)? {
        Some(_) if world.serverless() => Err(Refusal::gateway(400, offers::NO_SETTING)),
        offer => Ok(offer),
    }
}

fn asked(exchange: &Exchange) -> Result<Option<Offer>, Refusal> {
    let manual = exchange.header("x-ms-offer-throughput");
    let autoscale = exchange.header("x-ms-cosmos-offer-autopilot-settings");
    match (manual, autoscale) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(refuse(
            "Cannot specify both throughput and autopilot settings.".into(),
        )),
        (Some(text), None) => Offer::Manual(text.parse().map_err(|_| out_of_range(text))?)
            .check()
            .map(Some),
        (None, Some(text)) => {
            let settings: Value = serde_json::from_str(text).unwrap_or_default();
            let most = settings.get("maxThroughput").and_then(Value::as_u64);
            Offer::Autoscale(most.ok_or_else(|| out_of_range(text))?)
                .check()
                .map(Some)
        }
    }
}

fn refuse(message: String) -> Refusal {
    Refusal::new(400, message)
}

fn out_of_range(given: &str) -> Refusal {
    refuse(format!("The offer '{given}' is not a valid throughput."))
}

impl Offer {
    /// What it can be lowered to: a hundredth of it, or a tenth of a maximum.
    pub fn least(self) -> u64 {
        match self {
            Self::Manual(number) => (number / 100).next_multiple_of(100).max(400),
            Self::Autoscale(most) => (most / 10).next_multiple_of(1000).max(1000),
        }
    }

    /// Refuses what is too small or between two steps.
    pub fn check(self) -> Result<Self, Refusal> {
        let (given, least, step) = match self {
            Self::Manual(given) => (given, 400, 100),
            Self::Autoscale(given) => (given, 1000, 1000),
        };
        if given >= least && given % step == 0 {
            return Ok(self);
        }
        Err(refuse(format!(
            "The offer should have valid throughput values between {least} and 1000000 inclusive in increments of {step}."
        )))
    }
}
