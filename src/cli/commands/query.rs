//! `query SQL`

use super::Trailer;
use super::input::{consistency, definition, given_key};
use super::query_ranges::{Ranged, state};
use crate::cli::files::keep;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::settings::read_file;
use crate::cosmos::partition_key::PartitionKey;
use crate::cosmos::query::metrics::Metrics;
use crate::cosmos::query::plan::Plan;
use crate::cosmos::query::state::State;
use crate::cosmos::query::{self, Across, Query};
use crate::cosmos::{Container, Paging, containers};
use crate::error::Error;
use crate::exchange::pages::Flow;
use crate::message::Next;
use crate::show::quote;

/// `query SQL|-f FILE [--param NAME=TEXT]… [--param-json NAME=JSON]… [-k KEY] [--page-size N] [--max-items N]
/// [--one-page] [--continuation TEXT] [--state FILE] [--parallel N] [--metrics]`
pub fn run(session: &Session, output: &mut Output, operands: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let query = asked(session, operands.first().cloned(), "a query")?;
    let query = query.ok_or_else(|| {
        Error::usage("which query? for example: rawcosmos query 'SELECT * FROM c'")
    })?;
    let key = given_key(session)?;
    let mut work = Work::new(session, output, &container, &query)?;
    match &key {
        None => work.over_all()?,
        Some(key) if key.components().len() > 1 => work.over_levels(key)?,
        Some(key) => match work.by_service(&Across::Key(key.clone())) {
            // One level of a hierarchical key: only the service knew that there are more.
            Err(e) if is_too_short(&e) => work.over_levels(key)?,
            done => done?,
        },
    }
    work.end()
}

/// The service says 400/1001 to a key with fewer levels than the container's.
fn is_too_short(error: &Error) -> bool {
    let failure = error.failure();
    failure.is_some_and(|failure| failure.status == 400 && failure.substatus == Some(1001))
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
        let from = settings.text("continuation");
        let in_pages = settings.on("one-page") || from.is_some();
        if in_pages && settings.text("state").is_some() {
            return Err(Error::Usage(
                "--state goes on by itself: leave --one-page and --continuation out".into(),
            ));
        }
        let paging = Paging {
            size: settings.number("page-size")?,
            from: from.map(|text| Next::resume(&text)).transpose()?,
            session: settings.text("session-token"),
            consistency: consistency(session)?,
        };
        output.list();
        Ok(Work {
            session,
            output,
            container,
            query,
            paging,
            most: settings.number("max-items")?.unwrap_or(usize::MAX),
            in_pages,
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
        let ranged = settings.text("parallel").is_some() || settings.text("state").is_some();
        match self.plan()? {
            Some(plan) if !plan.is_plain() || ranged => self.by_ranges(&plan, None),
            _ => self.by_service(&Across::All),
        }
    }

    /// The keys that begin like this one; the key itself where it is a whole one.
    fn over_levels(&mut self, key: &PartitionKey) -> Result<(), Error> {
        let definition = definition(self.session, self.container)?;
        if definition.is_complete(key) {
            return self.by_service(&Across::Key(key.clone()));
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
            return self.by_ranges(&plan, Some((key, between)));
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
        let call = query::plan_of(self.container, self.query);
        Ok(self.session.run(&call)?.value)
    }

    /// The query as it is, page by page.
    fn by_service(&mut self, across: &Across) -> Result<(), Error> {
        let settings = self.session.settings;
        if settings.text("state").is_some() {
            return Err(Error::Usage(
                "--state: this is read by the service itself: go on with --one-page and --continuation".into(),
            ));
        }
        let (one_page, metrics) = (settings.on("one-page"), settings.on("metrics"));
        let paging = self.paging.clone();
        let (container, query) = (self.container, self.query);
        let page = |from| {
            let paging = Paging {
                from,
                ..paging.clone()
            };
            let call = query::items(container, query, across, &paging);
            if metrics { query::measured(call) } else { call }
        };
        let next = |next: &Next| Ok(page(Some(next.clone())));
        let mut printed = 0;
        self.session
            .each_page(page(paging.from.clone()), &next, &mut |answer| {
                let page = &answer.value;
                let taken = page.items.len().min(self.most - printed);
                for item in page.items.iter().take(taken) {
                    self.output.row(item)?;
                }
                printed += taken;
                self.trailer.add(taken, &answer);
                if metrics {
                    self.metrics.add("the service", &answer.metrics);
                }
                self.left = page.next.clone().filter(|_| one_page);
                let enough = printed >= self.most || one_page;
                Ok(if enough { Flow::Stop } else { Flow::Continue })
            })
    }

    /// Each range by the plan.
    fn by_ranges(
        &mut self,
        plan: &Plan,
        levels: Option<(&PartitionKey, (String, String))>,
    ) -> Result<(), Error> {
        let (key, between) = levels.unzip();
        let file = self.session.settings.text("state");
        let start = file.as_deref().map(|file| self.state(file, key));
        let ranged = Ranged {
            session: self.session,
            container: self.container,
            query: self.query,
            plan,
            between,
            paging: self.paging.clone(),
            most: self.most,
            strip: false,
            state: start.transpose()?,
            keep: &|state| {
                let file = file.as_deref();
                file.map_or(Ok(()), |file| keep(file, &state.to_json()))
            },
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
        end(self.session, self.output, &self.trailer, self.left.as_ref());
        Ok(())
    }
}

/// What is said of the rows once all of them are written.
pub fn end(session: &Session, output: &Output, trailer: &Trailer, left: Option<&Next>) {
    if !output.left_out().is_empty() {
        let names = output.left_out().join(", ");
        session.say(&format!("members without a column, in later rows: {names}"));
    }
    session.say(&trailer.line());
    if let Some(next) = left {
        session.say(&format!(
            "more with --continuation {}",
            quote(next.as_str())
        ));
    }
}

/// The query that was given, or that of `--file`, with its parameters.
pub fn asked(session: &Session, given: Option<String>, what: &str) -> Result<Option<Query>, Error> {
    let text = match (given, session.settings.text("file")) {
        (Some(_), Some(_)) => {
            return Err(Error::usage(format!(
                "{what} and --file exclude each other"
            )));
        }
        (None, Some(path)) => Some(read_file(&path)?),
        (given, None) => given,
    };
    // A variable or a pipe that held nothing is no query either.
    let text = text.filter(|text| !text.trim().is_empty());
    session.known.borrow_mut().query.clone_from(&text);
    text.map(|text| with_parameters(session, text)).transpose()
}

fn with_parameters(session: &Session, text: String) -> Result<Query, Error> {
    let mut query = Query::new(text);
    for (option, is_json) in [("param", false), ("param-json", true)] {
        for pair in session.settings.args().values(option) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| Error::usage(format!("--{option} {pair}: it must be NAME=VALUE")))?;
            let value = if is_json {
                value.to_string()
            } else {
                serde_json::Value::from(value).to_string()
            };
            query = query.parameter(name, &value)?;
        }
    }
    Ok(query)
}
