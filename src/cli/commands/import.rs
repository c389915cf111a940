//! `import FILE|-`

use serde_json::json;

use super::Outcome;
use super::container::key_of;
use super::import_files::{Rejects, State};
use crate::cli::output::Output;
use crate::cli::progress::{Progress, Sofar};
use crate::cli::session::Session;
use crate::cli::settings::{Settings, open};
use crate::cli::shard::Shard;
use crate::cosmos::key_definition::keyed::Keyed;
use crate::cosmos::key_definition::{Definition, Kind, normalise_path};
use crate::cosmos::{containers, items};
use crate::error::Error;
use crate::exchange::import::records::{Format, Records};
use crate::exchange::import::{Check, Counts, Ears, Mode, Plan, Rejected};

/// Some items were not written.
const PARTLY: u8 = 9;
/// Requests at a time where nothing is said, and at most.
const USUAL: usize = 8;
const MOST: usize = 64;

/// `import FILE|- -d DB -c COLL [--format F] [--mode M] [--state FILE] [--errors FILE] [--on-error stop|continue]
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
        let modes = [
            ("create", Mode::Create),
            ("upsert", Mode::Upsert),
            ("skip-existing", Mode::Skip),
        ];
        let file = std::fs::metadata(path)
            .ok()
            .filter(std::fs::Metadata::is_file);
        Ok(Job {
            settings,
            path,
            format: format(settings, path)?,
            mode: chosen(settings, "mode", &modes)?.unwrap_or(Mode::Create),
            any_id: settings.on("any-id"),
            stop: chosen(settings, "on-error", &[("stop", true), ("continue", false)])?
                .unwrap_or(false),
            shard: Shard::asked(settings)?,
            size: file.map(|file| file.len()).filter(|_| path != "-"),
        })
    }

    fn progress(&self) -> Progress {
        Progress::new(self.settings.on("quiet"), self.size)
    }

    fn records(&self) -> Result<Records, Error> {
        Records::new(open(self.path)?, self.format)
    }

    /// Looks at every line, and sends nothing.
    fn rehearse(&self, session: &Session, output: &mut Output) -> Outcome {
        let keyed = Keyed::new(given(session)?.unwrap_or(NO_KEY)).map_err(Error::usage)?;
        if self.shard.is_some() && keyed.definition().paths.is_empty() {
            return Err(Error::usage(
                "which items are of a share depends on their keys: give --partition-key-path, since nothing is asked",
            ));
        }
        let check = Check {
            keyed: &keyed,
            any_id: self.any_id,
        };
        let rejects = Rejects::new(self.settings, None)?;
        let (mut records, mut progress) = (self.records()?, self.progress());
        let mut counts = Counts::default();
        while let Some(record) = records.next()? {
            counts.read += 1;
            match check.spot(&record) {
                Ok(spot)
                    if self
                        .shard
                        .is_some_and(|shard| !shard.holds(&spot.effective)) =>
                {
                    counts.elsewhere += 1
                }
                Ok(_) => {}
                Err(why) => {
                    counts.rejected += 1;
                    rejects.tell(&unasked(record.line, &why, record.text))?;
                    if self.stop {
                        break;
                    }
                }
            }
            if counts.read.is_multiple_of(256) {
                counts.bytes = records.read();
                progress.show(&sofar(&counts));
            }
        }
        drop(progress);
        rejects.end()?;
        let fine = counts.read - counts.rejected - counts.elsewhere;
        let told = json!({"read": counts.read, "fine": fine, "rejected": counts.rejected, "elsewhere": counts.elsewhere});
        output.one(&super::container::json(&told.to_string(), "the summary")?)?;
        output.finish()?;
        Ok(if counts.rejected > 0 { PARTLY } else { 0 })
    }

    fn carry_out(&self, session: &Session, output: &mut Output) -> Outcome {
        let settings = self.settings;
        let container = session.container()?;
        let mut records = self.records()?;
        let found = session.run(&containers::read(&container))?.value;
        let definition = agreed(session, key_of(&found)?)?;
        let keyed = Keyed::new(definition).map_err(Error::answer)?;
        let state = State::read(settings, containers::rid_of(&found), self.size, self.shard)?;
        let rejects = Rejects::new(settings, state.as_ref().and_then(|state| state.errors))?;
        let keep = |snapshot: &_| match &state {
            Some(state) => state.keep(snapshot, rejects.length()),
            None => Ok(()),
        };
        let shard = self.shard;
        let holds = |effective: &str| shard.is_none_or(|shard| shard.holds(effective));
        let plan = Plan {
            container: &container,
            check: Check {
                keyed: &keyed,
                any_id: self.any_id,
            },
            shard: shard.is_some().then_some(&holds),
            mode: self.mode,
            concurrency: number(settings, "concurrency")?
                .map_or(USUAL, |n| n.min(MOST as u64) as usize),
            max_rus: number(settings, "max-rus")?.map(|most| most as f64),
            stop: self.stop,
            resume: state
                .as_ref()
                .map(|state| state.resume.clone())
                .unwrap_or_default(),
        };
        let ears = Ears {
            rejected: &|rejected| rejects.tell(rejected),
            keep: state.is_some().then_some(&keep),
        };
        let mut progress = self.progress();
        let action = if self.mode == Mode::Upsert {
            items::UPSERT
        } else {
            items::CREATE
        };
        let (counts, error) = session.flow(action, |client| {
            Ok(client.import(&plan, &ears, &mut records, &mut |counts| {
                progress.show(&sofar(counts))
            }))
        })?;
        drop(progress);
        rejects.end()?;
        self.tell(session, output, &counts)?;
        match error {
            Some(error) => Err(session.or_rehearsed(error)),
            None => Ok(if counts.rejected > 0 { PARTLY } else { 0 }),
        }
    }

    fn tell(&self, session: &Session, output: &mut Output, counts: &Counts) -> Result<(), Error> {
        let told = json!({
            "read": counts.read, "created": counts.created, "replaced": counts.replaced, "recognised": counts.own,
            "skipped": counts.skipped, "rejected": counts.rejected, "earlier": counts.passed,
            "elsewhere": counts.elsewhere, "requests": counts.requests, "throttled": counts.throttled,
            "requestCharge": counts.charge,
        });
        output.one(&super::container::json(&told.to_string(), "the summary")?)?;
        output.finish()?;
        if self.stop && counts.rejected > 0 {
            session
                .say("stopped at an item that was rejected; what was under way then was written");
        }
        session.say(&format!(
            "{} items · {} requests · {:.2} RU",
            counts.written(),
            counts.requests,
            counts.charge
        ));
        Ok(())
    }
}

/// The key of a container of which nothing is known.
const NO_KEY: Definition = Definition {
    paths: Vec::new(),
    kind: Kind::Hash,
    version: 2,
    system: false,
};

fn unasked<'r>(line: u64, reason: &'r str, item: &'r str) -> Rejected<'r> {
    Rejected {
        line,
        status: 0,
        substatus: 0,
        reason,
        item,
    }
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

/// A word that stands for something.
fn chosen<T: Copy>(
    settings: &Settings,
    name: &'static str,
    all: &[(&str, T)],
) -> Result<Option<T>, Error> {
    let Some(text) = settings.text(name) else {
        return Ok(None);
    };
    let found = all.iter().find(|(word, _)| *word == text);
    let words: Vec<&str> = all.iter().map(|(word, _)| *word).collect();
    found.map(|(_, meant)| Some(*meant)).ok_or_else(|| {
        Error::usage(format!(
            "--{name} {text}: it is one of {}",
            words.join(", ")
        ))
    })
}

/// A number that is not nothing.
fn number(settings: &Settings, name: &'static str) -> Result<Option<u64>, Error> {
    match settings.number(name)? {
        Some(0) => Err(Error::usage(format!(
            "--{name} 0: nothing would ever be sent"
        ))),
        number => Ok(number),
    }
}

/// `--format`, else by the end of the name; else, and for `.json`, the first character tells.
fn format(settings: &Settings, path: &str) -> Result<Option<Format>, Error> {
    let all = [
        ("auto", None),
        ("ndjson", Some(Format::Lines)),
        ("json", Some(Format::Array)),
        ("csv", Some(Format::Table(b','))),
        ("tsv", Some(Format::Table(b'\t'))),
    ];
    if let Some(format) = chosen(settings, "format", &all)?.flatten() {
        return Ok(Some(format));
    }
    let (_, end) = path.rsplit_once('.').unwrap_or_default();
    let known = all.iter().filter(|(word, _)| *word != "json");
    let found = known
        .clone()
        .find(|(word, _)| word.eq_ignore_ascii_case(end));
    Ok(found.and_then(|(_, format)| *format))
}

/// `--partition-key-path`
fn given(session: &Session) -> Result<Option<Definition>, Error> {
    let paths = session.settings.args().values("partition-key-path");
    let paths: Result<Vec<String>, String> =
        paths.iter().map(|path| normalise_path(path)).collect();
    let paths = paths.map_err(Error::usage)?;
    let kind = if paths.len() > 1 {
        Kind::MultiHash
    } else {
        Kind::Hash
    };
    Ok((!paths.is_empty()).then_some(Definition {
        paths,
        kind,
        ..NO_KEY
    }))
}

/// The container's own definition, if the command line says nothing else.
fn agreed(session: &Session, own: Definition) -> Result<Definition, Error> {
    match given(session)? {
        Some(said) if said.paths != own.paths => Err(Error::conflict(format!(
            "the container is partitioned by {}, not by {}",
            own.paths.join(" "),
            said.paths.join(" ")
        ))),
        _ => Ok(own),
    }
}
