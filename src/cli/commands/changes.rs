//! `changes`

use super::Trailer;
use super::container::key_of;
use super::input::{consistency, given_key};
use crate::authorize::http_date;
use crate::cli::files::{keep, kept};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cosmos::changes::{Start, State};
use crate::cosmos::{Container, Paging, containers};
use crate::error::{Error, moment};
use crate::exchange::changes::{Feed, recreated};
use crate::exchange::pages::Flow;

/// `changes -d DB -c COLL [-k KEY] [--from beginning|now|TIME] [--state FILE] [--follow]`
pub fn run(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    const READ: &str =
        "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/readChangeFeed";
    let container = session.container()?;
    let settings = session.settings;
    let file = settings.text("state");
    let mut state = state(session, &container, file.as_deref())?;
    let paging = Paging {
        size: settings.number("page-size")?,
        session: settings.text("session-token"),
        consistency: consistency(session)?,
        from: None,
    };
    let feed = Feed {
        container: &container,
        paging,
        follow: settings.on("follow"),
    };
    let mut trailer = Trailer::default();
    output.list();
    let done = session.flow(READ, |client| {
        client.each_change(&feed, &mut state, &mut |answer, state| {
            for item in &answer.value.items {
                output.row(item)?;
            }
            trailer.add(answer.value.items.len(), answer);
            // What is held back until the columns are known is not printed yet.
            if file.is_some() || feed.follow {
                output.spill()?;
            }
            if let Some(file) = &file {
                keep(file, &state.to_json())?;
            }
            Ok(Flow::Continue)
        })
    });
    trailer.so_far(session, done)?;
    trailer.say(session, output)
}

/// Where to go on: what the file says, if it is about this container and key, else where `--from` says.
fn state(session: &Session, container: &Container, file: Option<&str>) -> Result<State, Error> {
    let key = given_key(session)?;
    let (from, start) = (session.settings.text("from"), start(session)?);
    let kept = file.map(|file| kept("--state", file));
    let kept = kept.transpose()?.flatten();
    let kept = kept.map(|text| State::from_json(&text)).transpose()?;
    let found = session.run(&containers::read(container))?.value;
    let rid =
        containers::rid_of(&found).ok_or_else(|| Error::answer("the container has no _rid"))?;
    let definition = key_of(&found)?;
    let ranges = || session.flow("", |client| client.ranges(container));
    match kept {
        Some(state) if state.rid == rid && state.key != key => Err(Error::usage(
            "--state: the file belongs to another partition key, or to all of them",
        )),
        Some(mut state) if state.rid == rid => {
            state.place(&ranges()?);
            return Ok(state);
        }
        Some(_) if from.is_none() => {
            let Error::Conflict(what) = recreated() else {
                return Err(recreated());
            };
            Err(Error::conflict(format!(
                "{what}; to begin anew add --from beginning, now or a time"
            )))
        }
        _ => Ok(()),
    }?;
    match &key {
        Some(key) if definition.is_complete(key) => Ok(State::of_key(&rid, &start, key)),
        Some(key) if definition.is_prefix(key) => {
            let (min, max) = definition.prefix_range(key);
            let mut state = State::new(&rid, &start, &ranges()?, &min, &max);
            state.key.clone_from(&Some(key.clone()));
            Ok(state)
        }
        Some(_) => Err(Error::usage(format!(
            "--partition-key: the key of this container is {}",
            definition.paths.join(" ")
        ))),
        None => Ok(State::new(&rid, &start, &ranges()?, "", "FF")),
    }
}

fn start(session: &Session) -> Result<Start, Error> {
    match session.settings.text("from").as_deref() {
        None | Some("beginning") => Ok(Start::Beginning),
        Some("now") => Ok(Start::Now),
        Some(text) => {
            let moment = moment::read(text).ok_or_else(|| {
                let example = "2026-01-02T03:04:05Z";
                Error::usage(format!(
                    "--from {text}: it is beginning, now or a time such as {example}"
                ))
            })?;
            Ok(Start::Since(http_date(moment)))
        }
    }
}
