//! `query SQL`

use super::Trailer;
use super::input::{consistency, definition, given_key};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::settings::read_file;
use crate::cosmos::partition_key::PartitionKey;
use crate::cosmos::query::{self, Across, Query};
use crate::cosmos::{Container, Paging};
use crate::error::Error;
use crate::exchange::pages::Flow;
use crate::message::Next;
use crate::show::quote;

/// `query SQL|-f FILE [--param NAME=TEXT]… [--param-json NAME=JSON]… [-k KEY] [--page-size N] [--max-items N]
/// [--one-page] [--continuation TEXT]`
pub fn run(session: &Session, output: &mut Output, operands: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let query = with_parameters(session, text(session, operands)?)?;
    let mut rows = Rows::new(session, output)?;
    let mut parts = match given_key(session)? {
        None => vec![Across::All],
        Some(key) if key.components().len() > 1 => prefix(session, &container, &query, &key)?,
        Some(key) => vec![Across::Key(key)],
    };
    let read = rows.of_parts(&container, &query, &parts);
    // One level of a hierarchical key: only the service knew that there are more.
    if let (Err(e), [Across::Key(key)]) = (&read, parts.as_slice())
        && is_too_short(e)
    {
        parts = prefix(session, &container, &query, key)?;
        rows.of_parts(&container, &query, &parts)?;
    } else {
        read?;
    }
    rows.end()
}

/// The service says 400/1001 to a key with fewer levels than the container's.
fn is_too_short(error: &Error) -> bool {
    let failure = error.failure();
    failure.is_some_and(|failure| failure.status == 400 && failure.substatus == Some(1001))
}

/// The parts of the container that hold the keys which begin like this one; the key itself where it is a whole one.
fn prefix(
    session: &Session,
    container: &Container,
    query: &Query,
    key: &PartitionKey,
) -> Result<Vec<Across>, Error> {
    let definition = definition(session, container)?;
    if definition.is_complete(key) {
        return Ok(vec![Across::Key(key.clone())]);
    }
    if !definition.is_prefix(key) {
        return Err(Error::usage(format!(
            "--partition-key: the key of this container is {}",
            definition.paths.join(" ")
        )));
    }
    let (min, max) = definition.prefix_range(key);
    let ranges = session.flow("", |client| client.ranges(container))?;
    let parts: Vec<Across> = ranges
        .overlapping(&min, &max)
        .map(|range| Across::Part {
            range: range.id.clone(),
            min: min.clone(),
            max: max.clone(),
        })
        .collect();
    if parts.len() > 1 && query.needs_merging() {
        return Err(Error::usage(format!(
            "the keys that begin like this are in {} ranges: ORDER BY, TOP, DISTINCT, GROUP BY, OFFSET and aggregates need one; give more of the key",
            parts.len()
        )));
    }
    let in_pages =
        session.settings.on("one-page") || session.settings.text("continuation").is_some();
    if parts.len() > 1 && in_pages {
        return Err(Error::usage(format!(
            "the keys that begin like this are in {} ranges: page by page takes one; give more of the key",
            parts.len()
        )));
    }
    Ok(parts)
}

/// Rows as they come, and how many of them are wanted.
struct Rows<'a, 's> {
    session: &'a Session<'s>,
    output: &'a mut Output,
    paging: Paging,
    most: usize,
    printed: usize,
    left: Option<Next>,
    trailer: Trailer,
}

impl<'a, 's> Rows<'a, 's> {
    fn new(session: &'a Session<'s>, output: &'a mut Output) -> Result<Rows<'a, 's>, Error> {
        let settings = session.settings;
        let from = settings.text("continuation");
        let paging = Paging {
            size: settings.number("page-size")?,
            from: from.map(|text| Next::resume(&text)).transpose()?,
            session: settings.text("session-token"),
            consistency: consistency(session)?,
        };
        output.list();
        Ok(Rows {
            session,
            output,
            paging,
            most: settings.number("max-items")?.unwrap_or(usize::MAX),
            printed: 0,
            left: None,
            trailer: Trailer::default(),
        })
    }

    fn of_parts(
        &mut self,
        container: &Container,
        query: &Query,
        parts: &[Across],
    ) -> Result<(), Error> {
        for across in parts {
            self.of_one(container, query, across)?;
            if self.printed >= self.most || self.left.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn of_one(
        &mut self,
        container: &Container,
        query: &Query,
        across: &Across,
    ) -> Result<(), Error> {
        let one_page = self.session.settings.on("one-page");
        let paging = self.paging.clone();
        let page = |from| {
            let paging = Paging {
                from,
                ..paging.clone()
            };
            query::items(container, query, across, &paging)
        };
        let next = |next: &Next| Ok(page(Some(next.clone())));
        self.session
            .each_page(page(paging.from.clone()), &next, &mut |answer| {
                let page = &answer.value;
                let taken = page.items.len().min(self.most - self.printed);
                for item in page.items.iter().take(taken) {
                    self.output.row(item)?;
                }
                self.printed += taken;
                self.trailer.add(taken, &answer);
                self.left = page.next.clone().filter(|_| one_page);
                let enough = self.printed >= self.most || one_page;
                Ok(if enough { Flow::Stop } else { Flow::Continue })
            })
    }

    fn end(self) -> Result<(), Error> {
        self.output.finish()?;
        end(self.session, self.output, &self.trailer, self.left.as_ref());
        Ok(())
    }
}

/// What is said of the rows once all of them are written.
fn end(session: &Session, output: &Output, trailer: &Trailer, left: Option<&Next>) {
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

fn text(session: &Session, operands: &[String]) -> Result<String, Error> {
    let text = match (operands.first(), session.settings.text("file")) {
        (Some(_), Some(_)) => {
            return Err(Error::usage("a query and --file exclude each other"));
        }
        (Some(text), None) => text.clone(),
        (None, Some(path)) => read_file(&path)?,
        (None, None) => String::new(),
    };
    // A variable or a pipe that held nothing is no query either.
    if text.trim().is_empty() {
        return Err(Error::usage(
            "which query? for example: rawcosmos query 'SELECT * FROM c'",
        ));
    }
    Ok(text)
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
