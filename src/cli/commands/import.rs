//! `import FILE|-`

mod files;
mod options;

use files::{Rejects, State};
use options::{NO_KEY, agreed, chosen, format, given, number, table};

use super::container::{json, key_of};
use super::{Outcome, count};
use crate::cli::files::open;
use crate::cli::output::Output;
use crate::cli::progress::{Progress, Sofar};
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::cli::shard::Shard;
use crate::cosmos::key_definition::keyed::Keyed;
use crate::cosmos::{Container, containers, items};
use crate::error::Error;
use crate::exchange::import::records::{Format, Record, Records};
use crate::exchange::import::{Check, Counts, Ears, Mode, Plan, Rejected, Resume};

/// Some items were not written.
const PARTLY: u8 = 9;
/// Requests at a time where nothing is said, and at most.
const USUAL: usize = 8;
const MOST: usize = 64;

/// `import FILE|- -d DB -c COLL [--format F] [--delimiter C] [--id COLUMN] [--nested] [--mode M] [--state FILE] [--errors FILE] [--on-error stop|continue]
/// [--concurrency N] [--max-rus N] [--shard I/N] [--any-id] [--partition-key-path PATH]…`
pub fn run(session: &Session, output: &mut Output, operands: &[String]) -> Outcome {
    let path = operands.first().ok_or_else(|| {
        Error::usage("what is to be imported? name a file, or - for standard input")
    })?;
    let job = Job::new(session, path)?;
    match session.is_rehearsal() {
        true => job.rehearse(session, output),
        false => job.carry_out(session, output),
    }
}

/// What the options say.
struct Job<'a> {
    settings: &'a Settings,
    path: &'a str,
    format: Option<Format>,
    mode: Mode,
    any_id: bool,
    stop: bool,
    shard: Option<Shard>,
    /// Of the file, where it is one.
    size: Option<u64>,
}

impl<'a> Job<'a> {
    fn new(session: &'a Session, path: &'a str) -> Result<Job<'a>, Error> {
        let settings = session.settings;
        let modes = [Mode::Create, Mode::Upsert, Mode::Skip];
        let mode = chosen(settings, "mode", &["create", "upsert", "skip-existing"])?;
        let file = std::fs::metadata(path)
            .ok()
            .filter(std::fs::Metadata::is_file);
        Ok(Job {
            settings,
            path,
            format: format(settings, path)?,
            mode: mode
                .and_then(|at| modes.get(at))
                .copied()
                .unwrap_or(Mode::Create),
            any_id: settings.on("any-id"),
            stop: chosen(settings, "on-error", &["continue", "stop"])? == Some(1),
            shard: Shard::asked(settings)?,
            size: file.map(|file| file.len()).filter(|_| path != "-"),
        })
    }

    fn progress(&self) -> Progress {
        Progress::new(self.settings.on("quiet"), self.size)
    }

    fn records(&self) -> Result<Records, Error> {
        Records::with(open(self.path)?, self.format, table(self.settings)?)
    }

    /// Looks at every line, and sends nothing.
    fn rehearse(&self, session: &Session, output: &mut Output) -> Outcome {
        let keyed = Keyed::new(given(session)?.unwrap_or(NO_KEY)).map_err(Error::usage)?;
        if self.shard.is_some() && keyed.definition().paths.is_empty() {
            return Err(Error::usage(
                "which items are of a share depends on their keys: give --partition-key-path, since nothing is asked",
            ));
        }
        let check = self.check(&keyed);
        let (mut records, mut progress) = (self.records()?, self.progress());
        let rejects = Rejects::new(self.settings, None, records.share_lines())?;
        let mut counts = Counts::default();
        while let Some(record) = records.next_record()? {
            counts.read += 1;
            self.look(&check, &record, &mut counts, &rejects)?;
            if self.stop && counts.rejected > 0 {
                break;
            }
            if counts.read.is_multiple_of(256) {
                counts.bytes = records.read();
                progress.show(&sofar(&counts));
            }
        }
        drop(progress);
        rejects.end();
        check_some(&counts, &records)?;
        let fine = counts.read - counts.rejected - counts.elsewhere;
        let all = [
            ("read", counts.read),
            ("fine", fine),
            ("rejected", counts.rejected),
            ("elsewhere", counts.elsewhere),
        ];
        summary(output, &all, "")?;
        Ok(code(counts.rejected))
    }

    fn look(
        &self,
        check: &Check,
        record: &Record,
        counts: &mut Counts,
        rejects: &Rejects,
    ) -> Result<(), Error> {
        let spot = check.spot(record);
        let key = spot.as_ref().map_or("", |spot| &spot.effective);
        if self.shard.is_some_and(|shard| !shard.holds(key)) {
            counts.elsewhere += 1;
        } else if let Err(why) = &spot {
            counts.rejected += 1;
            rejects.tell(&Rejected {
                line: record.line,
                number: counts.read,
                status: 0,
                substatus: 0,
                reason: why,
                item: record.text,
            })?;
        }
        Ok(())
    }

    fn carry_out(&self, session: &Session, output: &mut Output) -> Outcome {
        let container = session.container()?;
        let mut records = self.records()?;
        let found = session.run(&containers::read(&container))?.value;
        let definition = agreed(session, key_of(&found)?)?;
        let keyed = Keyed::new(definition).map_err(Error::answer)?;
        let rid = containers::rid_of(&found);
        let state = State::read(self.settings, rid, self.size, self.shard)?;
        let length = state.as_ref().and_then(|state| state.errors);
        let rejects = Rejects::new(self.settings, length, records.share_lines())?;
        let keep = |snapshot: &_| state.as_ref().map_or(Ok(()), |state| state.keep(snapshot));
        let ears = Ears {
            rejected: &|rejected| rejects.tell(rejected),
            told: &|| rejects.length(),
            keep: state.is_some().then_some(&keep),
        };
        let shard = self.shard;
        let holds = |effective: &str| shard.is_none_or(|shard| shard.holds(effective));
        let mut plan = self.plan(&container, &keyed)?;
        plan.shard = shard.is_some().then_some(&holds);
        plan.resume = state
            .as_ref()
            .map(|state| state.resume.clone())
            .unwrap_or_default();
        let (counts, error) = self.with_progress(session, &plan, &ears, &mut records)?;
        rejects.end();
        if error.is_none() {
            check_some(&counts, &records)?;
        }
        self.tell(session, output, &counts)?;
        if plan.resume.rejected > 0 {
            let before = count(plan.resume.rejected, "item");
            session.say(&format!(
                "{before} rejected before, by a run with this --state"
            ));
        }
        match error {
            Some(error) => Err(error),
            None => Ok(code(counts.rejected + plan.resume.rejected)),
        }
    }

    fn plan<'p>(&self, container: &'p Container, keyed: &'p Keyed) -> Result<Plan<'p>, Error> {
        let concurrency = number(self.settings, "concurrency")?;
        Ok(Plan {
            container,
            check: self.check(keyed),
            shard: None,
            mode: self.mode,
            concurrency: concurrency.map_or(USUAL, |n| n.min(MOST as u64) as usize),
            max_rus: number(self.settings, "max-rus")?.map(|most| most as f64),
            stop: self.stop,
            resume: Resume::default(),
        })
    }

    fn check<'p>(&self, keyed: &'p Keyed) -> Check<'p> {
        Check {
            keyed,
            any_id: self.any_id,
        }
    }

    fn with_progress(
        &self,
        session: &Session,
        plan: &Plan,
        ears: &Ears,
        records: &mut Records,
    ) -> Result<(Counts, Option<Error>), Error> {
        let action = match self.mode {
            Mode::Upsert => items::UPSERT,
            _ => items::CREATE,
        };
        let mut progress = self.progress();
        session.flow(action, |client| {
            Ok(client.import(plan, ears, records, &mut |counts| {
                progress.show(&sofar(counts))
            }))
        })
    }

    fn tell(&self, session: &Session, output: &mut Output, counts: &Counts) -> Result<(), Error> {
        let charge = format!("{:.2}", counts.charge);
        if counts.written() > 0 {
            session.changed(&format!("{} written", count(counts.written(), "item")));
        }
        let all = [
            ("read", counts.read),
            ("created", counts.created),
            ("replaced", counts.replaced),
            ("recognised", counts.own),
            ("skipped", counts.skipped),
            ("rejected", counts.rejected),
            ("earlier", counts.passed),
            ("elsewhere", counts.elsewhere),
            ("requests", counts.requests),
            ("throttled", counts.throttled),
        ];
        summary(output, &all, &format!(",\"requestCharge\":{charge}"))?;
        if self.stop && counts.rejected > 0 {
            session
                .say("stopped at an item that was rejected; what was under way then was written");
        }
        session.say(&format!(
            "{} · {} · {charge} RU",
            count(counts.written(), "item"),
            count(counts.requests, "request")
        ));
        Ok(())
    }
}

/// An input that holds something and no item is not what was meant.
fn check_some(counts: &Counts, records: &Records) -> Result<(), Error> {
    match counts.read == 0 && records.read() > 0 {
        true => Err(Error::usage(
            "the input is not empty, and there is no item in it",
        )),
        false => Ok(()),
    }
}

fn code(rejected: u64) -> u8 {
    if rejected > 0 { PARTLY } else { 0 }
}

/// What was counted, as one JSON object.
fn summary(output: &mut Output, counts: &[(&str, u64)], more: &str) -> Result<(), Error> {
    let counts = counts
        .iter()
        .map(|(name, count)| format!("\"{name}\":{count}"));
    let text = counts.collect::<Vec<String>>().join(",");
    output.one(&json(&format!("{{{text}{more}}}"), "the summary")?)?;
    output.finish()
}

fn sofar(counts: &Counts) -> Sofar {
    Sofar {
        items: counts.written() + counts.skipped + counts.rejected,
        charge: counts.charge,
        sent: counts.sent,
        throttled: counts.throttled,
        done: counts.bytes,
    }
}
