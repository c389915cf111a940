//! A value that was read, and what the service said along with it.

use std::time::Duration;

use super::Response;
use crate::error::decimal;

/// A value and what the service said along with it.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// HTTP status.
    pub status: u16,
    /// `x-ms-request-charge`: request units billed.
    pub charge: Option<f64>,
    /// `x-ms-activity-id` or, from ARM, `x-ms-request-id`: what support asks for.
    pub activity: Option<String>,
    /// `x-ms-session-token`: sent back, the next read sees this write.
    pub session: Option<String>,
    /// `etag`, with its quotes.
    pub etag: Option<String>,
    /// How a query was carried out: `x-ms-documentdb-query-metrics` and `x-ms-cosmos-index-utilization`.
    pub metrics: [Option<String>; 2],
    /// Of the exchange that succeeded.
    pub elapsed: Duration,
    /// How many times it was sent.
    pub attempts: u32,
}

impl<T> Answer<T> {
    /// Takes what the headers say; `value` was read from the body.
    pub fn new(value: T, response: &Response, attempts: u32) -> Answer<T> {
        Answer {
            attempts,
            ..said(response)
        }
        .with(value)
    }

    /// What was said along with the value, and the value.
    pub fn parted(mut self) -> (Answer<()>, T) {
        let rest = Answer {
            value: (),
            status: self.status,
            charge: self.charge,
            activity: self.activity.take(),
            session: self.session.take(),
            etag: self.etag.take(),
            metrics: std::mem::take(&mut self.metrics),
            elapsed: self.elapsed,
            attempts: self.attempts,
        };
        (rest, self.value)
    }

    /// The same said along with another value.
    pub fn with<U>(self, value: U) -> Answer<U> {
        Answer {
            value,
            status: self.status,
            charge: self.charge,
            activity: self.activity,
            session: self.session,
            etag: self.etag,
            metrics: self.metrics,
            elapsed: self.elapsed,
            attempts: self.attempts,
        }
    }
}

/// Apart from [`Answer::new`], so that it is compiled once for all kinds of values.
#[inline(never)]
fn said(response: &Response) -> Answer<()> {
    let header = |name: &str| response.header(name).map(str::to_string);
    let charge = response
        .header("x-ms-request-charge")
        .and_then(decimal::read);
    Answer {
        value: (),
        status: response.status,
        charge: charge.filter(|charge| charge.is_finite() && *charge >= 0.0),
        activity: header("x-ms-activity-id").or_else(|| header("x-ms-request-id")),
        session: header("x-ms-session-token"),
        etag: header("etag"),
        metrics: [
            "x-ms-documentdb-query-metrics",
            "x-ms-cosmos-index-utilization",
        ]
        .map(header),
        elapsed: response.elapsed,
        attempts: 0,
    }
}
