//! `query SQL`

mod plans;
mod words;

use super::Trailer;
use super::input::{consistency, given_key, known_levels};
use super::query_ranges::{Ranged, Scope, state};
use crate::cli::files::keep;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cosmos::partition_key::{Definition, PartitionKey};
use crate::cosmos::query::metrics::Metrics;
use crate::cosmos::query::plan::Plan;
use crate::cosmos::query::state::State;
use crate::cosmos::query::{self, Across, Query};
use crate::cosmos::{Container, Paging, containers};
use crate::error::Error;
use crate::exchange::pages::Flow;
use crate::message::Next;
use crate::show::quote;
use plans::of_refusal;
pub use plans::plan;
pub use words::asked;
pub use words::is_token;

/// `query SQL|-f FILE [--param NAME=TEXT]… [--param-json NAME=JSON]… [-k KEY] [--page-size N] [--max-items N]
/// [--one-page] [--continuation TEXT] [--state FILE|--continuation FILE] [--parallel N] [--metrics]`
pub fn run(session: &Session, output: &mut Output, operands: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let query = asked(session, operands.first().cloned(), "a query")?;
    let query = query.ok_or_else(|| {
        Error::usage("which query? for example: rawcosmos query 'SELECT * FROM c'")
    })?;
    let key = given_key(session)?;
    let mut work = Work::new(session, output, &container, &query)?;
    let done = match &key {
        None => work.over_all(),
        // A server may take a part of a hierarchical key for nothing at all and give the items of all keys.
        Some(key) => match known_levels(session, &container)? {
            Some(definition) => work.over_levels(key, &definition),
            None => work.over_key(key),
        },
    };
    work.trailer.so_far(session, done)?;
    work.end()
}

/// Whether the service leaves it to the client to ask the ranges: 400/1004.
fn is_for_clients(error: &Error) -> bool {
    let failure = error.failure();
    failure.is_some_and(|failure| (failure.status, failure.substatus) == (400, Some(1004)))
}

/// A query on its way: rows are printed as they come.
struct Work<'a, 's> {
    session: &'a Session<'s>,
    output: &'a mut Output,
    container: &'a Container,
    query: &'a Query,
    paging: Paging,
    most: usize,
    in_pages: bool,
    /// Where this run begins and what the next one begins with.
    file: Option<String>,
    left: Option<Next>,
    metrics: Metrics,
    trailer: Trailer,
}

impl<'a, 's> Work<'a, 's> {
    fn new(
        session: &'a Session<'s>,
        output: &'a mut Output,
        container: &'a Container,
        query: &'a Query,
    ) -> Result<Work<'a, 's>, Error> {
        let settings = session.settings;
        let one_page = settings.on("one-page");
        let (mut from, mut file) = (settings.text("continuation"), settings.text("state"));
        if file.is_none() && !one_page {
            file = from.take_if(|text| !is_token(text));
        }
        let in_pages = one_page || from.is_some();
        if in_pages && file.is_some() {
            return Err(Error::usage(
                "--state goes on by itself: leave --one-page and --continuation out",
            ));
        }
        let paging = Paging {
            size: settings.number("page-size")?,
            from: from.map(|text| Next::resume(&text)).transpose()?,
            session: settings.text("session-token"),
            consistency: consistency(session)?,
        };
        output.list();
        output.expect_columns(&query.columns());
        Ok(Work {
            session,
            output,
            container,
            query,
            paging,
            most: settings.number("max-items")?.unwrap_or(usize::MAX),
            in_pages,
            file,
            left: None,
            metrics: Metrics::default(),
            trailer: Trailer::default(),
        })
    }

    /// Page by page the service is asked for what it answers by itself; else for a plan.
    fn over_all(&mut self) -> Result<(), Error> {
        let settings = self.session.settings;
        if self.in_pages {
            return self.by_service(&Across::All);
        }
        let ranged = settings.text("parallel").is_some() || self.file.is_some();
        let plan = self.plan()?;
        if let Some(plan) = plan.as_ref().filter(|plan| !plan.is_plain() || ranged) {
            return self.by_ranges(plan, Scope::All);
        }
        match self.by_service(&Across::All) {
            // Nothing is to be merged, and still the service leaves it to the client which ranges are asked.
            Err(e) => match plan.filter(|_| is_for_clients(&e)).or(of_refusal(&e)?) {
                Some(plan) => self.by_ranges(&plan, Scope::All),
                None => Err(e),
            },
            done => done,
        }
    }

    /// One key: the service answers every query, though some in parts.
    fn over_key(&mut self, key: &PartitionKey) -> Result<(), Error> {
        if self.file.is_none() {
            return self.by_service(&Across::Key(key.clone()));
        }
        let plan = match self.query.may_come_in_parts() {
            true => self.plan()?.filter(Plan::comes_in_parts),
            false => None,
        };
        self.by_ranges(&plan.unwrap_or_default(), Scope::Key(key))
    }

    /// The keys that begin like this one; the key itself where it is a whole one.
    fn over_levels(&mut self, key: &PartitionKey, definition: &Definition) -> Result<(), Error> {
        if definition.is_complete(key) {
            return self.over_key(key);
        }
        if !definition.is_prefix(key) {
            return Err(Error::usage(format!(
                "--partition-key: the key of this container is {}",
                definition.paths.join(" ")
            )));
        }
        let between = definition.prefix_range(key);
        if !self.in_pages
            && let Some(plan) = self.plan()?
        {
            return self.by_ranges(&plan, Scope::Levels(key, between));
        }
        let container = self.container;
        let ranges = self.session.flow("", |client| client.ranges(container))?;
        match ranges.parts(&between.0, &between.1).as_slice() {
            [part] => self.by_service(&Across::from(part)),
            parts => Err(Error::usage(format!(
                "the keys that begin like this are in {} ranges: page by page, or without a plan of the service, one can be read; give more of the key",
                parts.len()
            ))),
        }
    }

    fn plan(&self) -> Result<Option<Plan>, Error> {
        plan(self.session, self.container, self.query)
    }

    /// The query as it is, page by page.
    fn by_service(&mut self, across: &Across) -> Result<(), Error> {
        if self.file.is_some() {
            return Err(Error::usage(
                "--state: this server makes no plans: go on with --one-page and --continuation",
            ));
        }
        let settings = self.session.settings;
        let (one_page, metrics) = (settings.on("one-page"), settings.on("metrics"));
        let paging = self.paging.clone();
        let (session, container, query) = (self.session, self.container, self.query);
        let page = |from| {
            let paging = Paging {
                from,
                ..paging.clone()
            };
            let call = query::items(container, query, across, &paging);
            if metrics { query::measured(call) } else { call }
        };
        let next = |next: &Next| Ok(page(Some(next.clone())));
        let (mut printed, mut parts) = (0, None);
        // Only a first page that is not all of it is a part. A page that was wanted by itself stays what it is.
        let mut is_first =
            matches!(across, Across::Key(_)) && !self.in_pages && query.may_come_in_parts();
        self.session
            .each_page(page(paging.from.clone()), &next, &mut |answer| {
                let page = &answer.value;
                if std::mem::take(&mut is_first) && page.next.is_some() {
                    parts = plan(session, container, query)?.filter(Plan::comes_in_parts);
                }
                let wanted = parts.as_ref().map_or(self.most - printed, |_| 0);
                let taken = page.items.len().min(wanted);
                for item in page.items.iter().take(taken) {
                    self.output.row(item)?;
                }
                printed += taken;
                self.trailer.add(taken, &answer);
                if metrics {
                    self.metrics.add("the service", &answer.metrics);
                }
                self.left = page.next.clone().filter(|_| one_page);
                let enough = printed >= self.most || one_page || parts.is_some();
                Ok(if enough { Flow::Stop } else { Flow::Continue })
            })?;
        match (parts, across) {
            (Some(plan), Across::Key(key)) => self.by_ranges(&plan, Scope::Key(key)),
            _ => Ok(()),
        }
    }

    /// Each range by the plan.
    fn by_ranges(&mut self, plan: &Plan, scope: Scope) -> Result<(), Error> {
        let file = self.file.as_deref();
        let start = file.map(|file| self.state(file, scope.key()));
        let ranged = Ranged {
            session: self.session,
            container: self.container,
            query: self.query,
            plan,
            scope,
            paging: self.paging.clone(),
            most: self.most,
            strip: false,
            state: start.transpose()?,
            keep: &|state| file.map_or(Ok(()), |file| keep(file, &state.to_json())),
            heard: None,
        };
        let (printed, spent) = ranged.run(self.output)?;
        self.trailer.spent(printed, &spent);
        self.metrics = spent.metrics;
        Ok(())
    }

    fn state(&self, file: &str, key: Option<&PartitionKey>) -> Result<State, Error> {
        let found = self.session.run(&containers::read(self.container))?.value;
        let rid = containers::rid_of(&found);
        let rid = rid.ok_or_else(|| Error::answer("the container has no _rid"))?;
        let key = key.map(PartitionKey::header).unwrap_or_default();
        state(file, &rid, &(self.query.body() + &key))
    }

    fn end(self) -> Result<(), Error> {
        self.output.finish()?;
        for line in self.metrics.lines() {
            self.session.say(&line);
        }
        end(self.session, &self.trailer, self.left.as_ref());
        Ok(())
    }
}

/// What is said of the rows once all of them are written.
pub fn end(session: &Session, trailer: &Trailer, left: Option<&Next>) {
    session.say(&trailer.line());
    if let Some(next) = left {
        session.say(&format!(
            "more with --continuation {}",
            quote(next.as_str())
        ));
    }
}
