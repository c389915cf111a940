//! `procedure execute`

use super::Trailer;
use super::container::json;
use super::input::{batch_key, needed_key, with_whole_key};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::settings::contents;
use crate::cosmos::procedures;
use crate::error::Error;

/// `procedure execute -d DB -c COLL -n NAME -k KEY [--args JSON] [--log]`
pub fn execute(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let name = session.settings.name("name")?;
    needed_key(session)?;
    let arguments = session.settings.text("args").unwrap_or("[]".into());
    let arguments = json(&contents(&arguments)?, "--args")?;
    if !arguments.get().starts_with('[') {
        return Err(Error::usage(
            "--args is a JSON list, one element an argument",
        ));
    }
    let key = batch_key(session, &container)?;
    let log = session.settings.on("log");
    let answer = with_whole_key(session, &container, &key, None, |key| {
        session.run(&procedures::execute(
            &container, &name, key, &arguments, log,
        ))
    })?;
    if let Some(log) = &answer.value.log {
        session.say(&crate::show::printable(log));
    }
    output.one(&answer.value.result)?;
    Trailer::end(session, output, 1, &answer)
}
