//! Words in, calls out, text back.
//!
//! Standard output carries the data asked for and nothing else; everything said along the way goes to standard error.

pub mod args;
mod clouds;
pub mod commands;
pub mod complete;
pub mod credential;
pub mod doctor;
pub mod explain;
pub mod files;
pub mod help;
pub mod interrupt;
pub mod lesson;
pub mod man;
pub mod os;
pub mod output;
pub mod paths;
pub mod place;
pub mod progress;
pub mod say;
pub mod session;
pub mod settings;
pub mod shard;
pub mod sink;
pub mod target;
pub mod tour;
pub mod trace;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};

use crate::error::Error;
use crate::exchange::Transport;
use crate::exchange::network::Network;
use crate::exchange::sessions::Sessions;
use crate::show::Mask;
use args::Args;
use commands::Work;
use explain::{exit_code, explain};
use output::{Format, Output};
use session::Session;
use settings::Settings;
use trace::{Detail, Rehearsal, Tracer, View};

/// Runs the program on its words, without its name, and returns its exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let mask = Mask::default();
    let args = match Args::parse(words) {
        Ok(args) => args,
        Err(error) => return report(&error, &explain::Context::default(), false, &mask),
    };
    let settings = Settings::new(args, Box::new(variable));
    let done = begin(&settings, &mask);
    let (signal, is_done) = (interrupt::signal(), matches!(done, Ok(0)));
    let code = match done {
        Ok(code) => code,
        Err(trouble) if matches!(trouble.0, Error::Closed) => 0,
        Err(trouble) => {
            let json = settings.text("output").as_deref() == Some("json");
            report(&trouble.0, &trouble.1, json, &mask)
        }
    };
    match signal {
        // That something may have been done is what matters more.
        Some(signal) => {
            interrupt::tell_end(&settings, signal, is_done);
            match code {
                OUTCOME_UNKNOWN => code,
                _ => interrupt::code(signal),
            }
        }
        None => code,
    }
}

/// The exit code of what was sent and perhaps carried out.
const OUTCOME_UNKNOWN: u8 = 10;

/// An environment variable; one that is not UTF-8 counts as unset.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// An error, and what is known for explaining it.
type Trouble = Box<(Error, explain::Context)>;

fn bare(error: Error) -> Trouble {
    Box::new((error, explain::Context::default()))
}

fn begin(settings: &Settings, mask: &Mask) -> Result<u8, Trouble> {
    let args = settings.args();
    let asked = args.words.first().is_some_and(|word| word == "help");
    if args.has("version") {
        return help::version().map_err(bare);
    }
    if args.has("help") || args.words.is_empty() || asked {
        return help::help(args).map_err(bare);
    }
    let (command, operands) = commands::find(args).map_err(bare)?;
    paths::check(command, settings, &operands).map_err(bare)?;
    match command.work {
        Work::Alone(work) => match work(settings, mask, &operands) {
            Err(Error::Closed) => Ok(0),
            done => done.map_err(bare),
        },
        Work::Session(work) => in_session(settings, mask, &|session, output| {
            work(session, output, &operands).map(|()| 0)
        }),
        Work::Verdict(work) => in_session(settings, mask, &|session, output| {
            work(session, output, &operands)
        }),
    }
}

type InSession<'a> = dyn Fn(&Session, &mut Output) -> Result<u8, Error> + 'a;

fn in_session(settings: &Settings, mask: &Mask, work: &InSession) -> Result<u8, Trouble> {
    let mut output = output(settings).map_err(bare)?;
    let view = view(settings).map_err(bare)?;
    let network = network(settings).map_err(bare)?;
    let rehearsal = settings.on("dry-run").then(Rehearsal::default);
    // What a rehearsal prints is what was asked for, so it goes to standard output.
    let print = if rehearsal.is_some() {
        say::show
    } else {
        say::tell
    };
    let inner: &dyn Transport = match &rehearsal {
        Some(rehearsal) => rehearsal,
        None => &network,
    };
    let tracer = Tracer::new(inner, view, mask, Box::new(print))
        .with_identity(credential::options(settings.args()));
    let sessions = Sessions::new(&tracer).of_account(settings.text("account-name"));
    files::learn_sessions(settings, &sessions).map_err(bare)?;
    let session = Session::new(settings, &sessions, rehearsal.as_ref(), mask).map_err(bare)?;
    let done = work(&session, &mut output);
    let done = done.and_then(|code| match output.finish() {
        // What could not be written was said.
        Err(Error::Closed) if code != 0 => Ok(code),
        finished => finished.map(|()| code),
    });
    let kept = files::keep_sessions(settings, &sessions);
    match done.and_then(|code| kept.map(|()| code)) {
        Ok(code) => Ok(code.max(losses(&output))),
        Err(Error::Closed | Error::DryRun) => Ok(0),
        Err(Error::Local(why)) if !session.last_change().is_empty() => {
            let change = session.last_change();
            let error = Error::local(format!("{why}; done before that: {change}"));
            let json = settings.text("output").as_deref() == Some("json");
            let code = report(&error, &session.context(), json, mask);
            Ok(if output.is_broken() { PARTLY } else { code })
        }
        Err(error) => {
            // The error that ended it is the one to report.
            let _ = output.spill();
            session.learn_ip_rules(&error);
            Err(Box::new((error, session.context())))
        }
    }
}

pub(crate) fn output(settings: &Settings) -> Result<Output, Error> {
    let stdout = std::io::stdout();
    output_to(settings, stdout.is_terminal(), Box::new(stdout))
}

pub(crate) fn output_to(
    settings: &Settings,
    terminal: bool,
    to: Box<dyn Write>,
) -> Result<Output, Error> {
    output_as(settings, format(settings)?, terminal, to)
}

/// In a format that may follow from the name of a file.
pub(crate) fn output_as(
    settings: &Settings,
    format: Format,
    terminal: bool,
    to: Box<dyn Write>,
) -> Result<Output, Error> {
    Output::new(format, settings.text("get"), terminal, to)?.laid_out(settings)
}

fn format(settings: &Settings) -> Result<Format, Error> {
    let text = settings.text("output");
    text.map_or(Ok(Format::Auto), |text| Format::parse(&text))
}

/// Says what could not be shown, even with `--quiet`; the exit code for it.
pub(crate) fn losses(output: &Output) -> u8 {
    let losses = output.losses();
    losses
        .iter()
        .for_each(|loss| say::tell(&format!("not shown: {loss}")));
    if losses.is_empty() { 0 } else { PARTLY }
}

/// Some of it was not done, or could not be shown.
const PARTLY: u8 = 9;

/// What is shown of each exchange. A rehearsal shows everything, since it does nothing else.
fn view(settings: &Settings) -> Result<View, Error> {
    let (explain, curl) = (settings.on("explain"), settings.on("curl"));
    let said = settings.text("trace");
    let asked = settings.args().has("trace") || said.is_some();
    let detail = match said.as_deref() {
        Some("url") => Detail::Url,
        Some("headers") => Detail::Headers,
        Some("body" | "1" | "true") => Detail::Body,
        Some("json") => Detail::Json,
        Some("0" | "false" | "none") => Detail::Nothing,
        Some(other) => {
            return Err(Error::usage(format!(
                "--trace={other} is not known: url, headers, body or json"
            )));
        }
        None if settings.on("dry-run") && settings.text("output").as_deref() == Some("json") => {
            Detail::Json
        }
        None if asked || explain || settings.on("dry-run") => Detail::Body,
        None => Detail::Nothing,
    };
    Ok(View {
        detail,
        explain,
        curl,
        remarks: settings.on("verbose"),
        rehearsal: settings.on("dry-run"),
    })
}

fn network(settings: &Settings) -> Result<Network, Error> {
    let roots = settings.text("cacert").map(std::path::PathBuf::from);
    if let Some(path) = roots.as_ref().filter(|_| settings.args().has("cacert")) {
        std::fs::metadata(path)
            .map_err(|e| Error::usage(format!("cannot read {}: {e}", path.display())))?;
    }
    Ok(Network::new(roots))
}

/// Says what went wrong on standard error, and returns the exit code for it.
fn report(error: &Error, context: &explain::Context, json: bool, mask: &Mask) -> u8 {
    say::tell(&told(error, context, json, mask));
    exit_code(error)
}

/// What is said of an error.
fn told(error: &Error, context: &explain::Context, json: bool, mask: &Mask) -> String {
    let explained = explain(error, context);
    let text = if json {
        explained.to_json()
    } else {
        explained.to_string()
    };
    mask.text(text.trim_end())
}
