//! `export FILE|-`

use std::sync::Mutex;

use super::container::key_of;
use super::input::consistency;
use super::query_ranges::{Ranged, Scope, parallel, state};
use super::{Outcome, query};
use crate::cli::files::kept;
use crate::cli::output::{Format, Output};
use crate::cli::progress::{Progress, Sofar};
use crate::cli::say::tell;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::cli::shard::Shard;
use crate::cli::sink::Sink;
use crate::cli::target::{self, Target};
use crate::cosmos::key_definition::Definition;
use crate::cosmos::query::plan::Plan;
use crate::cosmos::query::state::State;
use crate::cosmos::query::{ACTION, Query};
use crate::cosmos::{Container, Paging, containers, items};
use crate::error::Error;
use crate::exchange::locked;
use crate::exchange::query::Spent;
use crate::exchange::sweep::{Sweep, whole};

/// `export FILE|- -d DB -c COLL [--query SQL|-f FILE] [--param NAME=TEXT]… [--state FILE] [--shard I/N] [--order]
/// [--strip-system] [--parallel N] [--page-size N]`
pub fn run(session: &Session, output: &mut Output, operands: &[String]) -> Outcome {
    match export(session, output, operands) {
        // A backup that was cut is none.
        Err(Error::Closed) => Ok(CUT),
        done => done,
    }
}

/// The exit code where not all lines were written.
const CUT: u8 = 9;

fn export(session: &Session, output: &mut Output, operands: &[String]) -> Outcome {
    let settings = session.settings;
    let name = operands.first();
    let name =
        name.ok_or_else(|| Error::usage("export where to? a file, or - for standard output"))?;
    let container = session.container()?;
    let file = settings.text("state");
    let format = format(session.settings, output, name);
    check_lines(format, file.is_some())?;
    if file
        .as_deref()
        .map_or(Ok(None), |file| kept("--state", file))?
        .is_none()
    {
        target::spare(session, name, file.is_some())?;
    }
    let mut job = Job::new(session, &container)?;
    let definition = job.begin(file.as_deref())?;
    if let (
        State {
            left,
            length: Some(length),
            ..
        },
        true,
    ) = (&job.state, job.state.passed > 0)
        && left.is_empty()
        && target::is_whole(name, *length)
    {
        session.say("it is all there already");
        return Sink::forget(file.as_deref()).map(|()| 0);
    }
    job.share(&definition);
    let length = job.state.length.unwrap_or_default();
    let target = Target::open(name, file.is_some().then_some(length))?;
    let sink = Sink::new(session, target, file);
    job.carry_out(&definition, sink, output, format)
}

/// What `-o` says, else the end of the file's name.
fn format(settings: &Settings, output: &Output, name: &str) -> Format {
    match (settings.text("output"), Format::of_name(name)) {
        (None, Some(format)) => format,
        _ => output.format(),
    }
}

/// Another run goes on behind a line; what else there is has a beginning and an end.
fn check_lines(format: Format, stated: bool) -> Result<(), Error> {
    let lines = [Format::Auto, Format::Ndjson, Format::Raw];
    match stated && !lines.contains(&format) {
        true => Err(Error::usage(
            "--state: only lines can be gone on with: add -o ndjson, or name a file .ndjson",
        )),
        false => Ok(()),
    }
}

/// What is read, and how far it is.
struct Job<'a, 's> {
    session: &'a Session<'s>,
    container: &'a Container,
    query: Option<Query>,
    /// Of a query whose rows are made of the answers of all ranges.
    plan: Option<Plan>,
    shard: Option<Shard>,
    strip: bool,
    paging: Paging,
    state: State,
}

impl<'a, 's> Job<'a, 's> {
    fn new(session: &'a Session<'s>, container: &'a Container) -> Result<Job<'a, 's>, Error> {
        let settings = session.settings;
        let query = query::asked(session, settings.text("query"), "--query")?;
        let mut job = Job {
            session,
            container,
            query,
            plan: None,
            shard: Shard::asked(settings)?,
            strip: settings.on("strip-system"),
            paging: Paging {
                size: settings.number("page-size")?.or(Some(1000)),
                from: None,
                session: settings.text("session-token"),
                consistency: consistency(session)?,
            },
            state: State::new("", ""),
        };
        if let Some(query) = &job.query {
            let plan = query::plan(session, container, query)?;
            let plan = plan.ok_or_else(|| {
                Error::usage(
                    "this server makes no plans of queries: rawcosmos query asks it without",
                )
            })?;
            job.plan = (!plan.is_plain()).then_some(plan);
        }
        match job.plan.is_some() && job.shard.is_some() {
            true => Err(Error::usage(
                "--shard: the rows of this query are made of the answers of all ranges, so no share of them can be read alone",
            )),
            false => Ok(job),
        }
    }

    /// Finds out which container it is, and goes on where the file says.
    fn begin(&mut self, file: Option<&str>) -> Result<Definition, Error> {
        let found = self.session.run(&containers::read(self.container))?.value;
        let rid = containers::rid_of(&found);
        let rid = rid.ok_or_else(|| Error::answer("the container has no _rid"))?;
        let asked = self.asked();
        self.state = match file {
            Some(file) => state(file, &rid, &asked)?,
            None => State::new(&rid, &asked),
        };
        if self.state.passed > 0 {
            let passed = self.state.passed;
            self.session.say(&format!("going on behind {passed} items"));
        }
        key_of(&found)
    }

    /// All that says which lines there are.
    fn asked(&self) -> String {
        let text = |name| self.session.settings.text(name).unwrap_or_default();
        let mut asked = self.query.as_ref().map(Query::body).unwrap_or_default();
        for name in ["shard", "get"] {
            asked = asked + "\n" + &text(name);
        }
        asked + if self.strip { "\nstrip" } else { "" }
    }

    /// At the start everything is left, or everything of one share.
    fn share(&mut self, definition: &Definition) {
        let begun = self.state.passed > 0 || !self.state.left.is_empty();
        if begun || self.plan.is_some() {
            return;
        }
        let (number, of) = self.shard.map_or((1, 1), |shard| (shard.number, shard.of));
        let bound = |at| definition.bound(at, of);
        self.state.left = vec![whole(bound(number - 1), bound(number))];
    }

    fn carry_out(
        mut self,
        definition: &Definition,
        mut sink: Sink,
        output: &mut Output,
        format: Format,
    ) -> Outcome {
        let session = self.session;
        let mut own = sink.target.output(session.settings, format)?;
        let output = own.as_mut().unwrap_or(output);
        output.list();
        if let Some(query) = &self.query {
            output.expect_columns(&query.columns());
        }
        sink.keep(&mut self.state)?;
        let done = match self.plan.take() {
            Some(plan) => self.merge(&plan, &mut sink, output),
            None => self.sweep(definition, &mut sink, output),
        };
        let done = sink
            .trailer
            .so_far(session, done.and_then(|()| output.finish()));
        if matches!(done, Err(Error::Closed)) {
            let written = sink.trailer.written();
            tell(&format!(
                "the reader closed the pipe: {written} written, and more are left; the export is not whole"
            ));
        }
        done?;
        sink.finish(output)
    }

    fn sweep(
        mut self,
        definition: &Definition,
        sink: &mut Sink,
        output: &mut Output,
    ) -> Result<(), Error> {
        let settings = self.session.settings;
        let sweep = Sweep {
            container: self.container,
            definition,
            query: self.query.as_ref(),
            paging: self.paging,
            strip: self.strip,
            parallel: parallel(settings)?,
            ordered: settings.on("order"),
        };
        let action = self.query.as_ref().map_or(items::READ, |_| ACTION);
        let state = &mut self.state;
        let done = self.session.flow(action, |client| {
            client.sweep(&sweep, state, &mut |answer, state| {
                sink.page(output, answer, state)
            })
        });
        // Also where it failed, unless because of what could not be written: another run goes on from there.
        match sink.is_stuck() {
            true => done,
            false => done.and(sink.keep(state)),
        }
    }

    fn merge(self, plan: &Plan, sink: &mut Sink, output: &mut Output) -> Result<(), Error> {
        let Some(query) = &self.query else {
            return Ok(());
        };
        let quiet = self.session.settings.on("quiet");
        let progress = Mutex::new(Progress::new(quiet, None));
        let ranged = Ranged {
            session: self.session,
            container: self.container,
            query,
            plan,
            scope: Scope::All,
            paging: self.paging,
            most: usize::MAX,
            strip: self.strip,
            state: sink.is_kept().then_some(self.state),
            keep: &|mut state| sink.keep(&mut state),
            heard: Some(&|spent| locked(&progress).show(&sofar(spent))),
        };
        let done = ranged.run(output);
        drop(progress);
        let (printed, spent) = done?;
        sink.trailer.spent(printed, &spent);
        Ok(())
    }
}

/// Of rows that are put together: how many have been read.
fn sofar(spent: &Spent) -> Sofar {
    Sofar {
        items: spent.rows,
        charge: spent.charge.unwrap_or_default(),
        sent: spent.attempts,
        throttled: spent.attempts.saturating_sub(spent.pages),
        done: 0,
    }
}
