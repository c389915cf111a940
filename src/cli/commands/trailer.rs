//! The line at the end of a command.

use std::time::Duration;

use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::error::Error;
use crate::exchange::query::Spent;
use crate::message::Answer;

/// `1 item`, `2 items`
pub fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// What is counted over the answers of one command, for the line at its end.
#[derive(Debug, Default)]
pub struct Trailer {
    items: u64,
    pages: u64,
    charge: Option<f64>,
    ms: u128,
    activity: Option<String>,
}

impl Trailer {
    /// Adds one answer that held so many items.
    pub fn add<T>(&mut self, items: usize, answer: &Answer<T>) {
        self.count(
            items,
            answer.charge,
            answer.elapsed,
            answer.activity.as_ref(),
        );
    }

    /// Adds what a query over several ranges took.
    pub fn spent(&mut self, items: usize, spent: &Spent) {
        self.count(items, spent.charge, spent.elapsed, spent.activity.as_ref());
        self.pages = self.pages + spent.pages - 1;
    }

    fn count(
        &mut self,
        items: usize,
        charge: Option<f64>,
        time: Duration,
        activity: Option<&String>,
    ) {
        self.items += u64::try_from(items).unwrap_or(u64::MAX);
        self.pages += 1;
        if let Some(charge) = charge {
            *self.charge.get_or_insert(0.0) += charge;
        }
        self.ms += time.as_millis();
        self.activity = activity.cloned().or(self.activity.take());
    }

    /// The line at the end of a command with one answer, once what it printed is out.
    pub fn end<T>(
        session: &Session,
        output: &mut Output,
        items: usize,
        answer: &Answer<T>,
    ) -> Result<(), Error> {
        let mut trailer = Trailer::default();
        trailer.add(items, answer);
        trailer.say(session, output)
    }

    /// The line, once what was printed is out.
    pub fn say(&self, session: &Session, output: &mut Output) -> Result<(), Error> {
        output.finish()?;
        session.say(&self.line());
        Ok(())
    }

    /// `N items`
    pub fn written(&self) -> String {
        count(self.items, "item")
    }

    /// Says what was done before a signal came.
    pub fn so_far<T>(&self, session: &Session, done: Result<T, Error>) -> Result<T, Error> {
        if done.is_err() && interrupt::is_raised() {
            session.say(&format!("until then: {}", self.line()));
        }
        done
    }

    /// `N items · P pages · X.XX RU · T ms · activity ID`
    pub fn line(&self) -> String {
        let mut parts = vec![count(self.items, "item"), count(self.pages, "page")];
        let charge = self.charge.map(|charge| format!("{charge:.2}"));
        parts.extend(charge.map(|charge| format!("{charge} RU")));
        parts.push(format!("{} ms", self.ms));
        parts.extend(self.activity.as_ref().map(|id| format!("activity {id}")));
        parts.join(" · ")
    }
}
