//! `query SQL`

use super::Trailer;
use super::item::given_key;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::settings::read_file;
use crate::cosmos::Paging;
use crate::cosmos::query::{self, Across, Query};
use crate::error::Error;
use crate::exchange::pages::Flow;
use crate::message::Next;
use crate::show::quote;

/// `query SQL|-f FILE [--param NAME=TEXT]… [--param-json NAME=JSON]… [-k KEY] [--page-size N] [--max-items N]
/// [--one-page] [--continuation TEXT]`
pub fn run(session: &Session, output: &mut Output, operands: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    let query = with_parameters(session, text(session, operands)?)?;
    let across = given_key(session)?.map_or(Across::All, Across::Key);
    let settings = session.settings;
    let from = settings
        .text("continuation")
        .map(|text| Next::resume(&text))
        .transpose()?;
    let size = settings.number("page-size")?;
    let most: usize = settings.number("max-items")?.unwrap_or(usize::MAX);
    let page = |from| {
        let session = settings.text("session-token");
        let paging = Paging {
            size,
            from,
            session,
        };
        query::items(&container, &query, &across, &paging)
    };
    let mut trailer = Trailer::default();
    let mut printed = 0;
    let mut left = None;
    output.list();
    let read = session.each_page(
        page(from),
        &|next| Ok(page(Some(next.clone()))),
        &mut |answer| {
            let page = &answer.value;
            let taken = page.items.len().min(most - printed);
            for item in page.items.iter().take(taken) {
                output.row(item)?;
            }
            printed += taken;
            trailer.add(taken, &answer);
            left.clone_from(&page.next);
            let enough = printed >= most || settings.on("one-page");
            Ok(if enough { Flow::Stop } else { Flow::Continue })
        },
    );
    read?;
    output.finish()?;
    let left = left.filter(|_| settings.on("one-page"));
    end(session, output, &trailer, left.as_ref());
    Ok(())
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
            return Err(Error::Usage("a query and --file exclude each other".into()));
        }
        (Some(text), None) => text.clone(),
        (None, Some(path)) => read_file(&path)?,
        (None, None) => String::new(),
    };
    // A variable or a pipe that held nothing is no query either.
    if text.trim().is_empty() {
        return Err(Error::Usage(
            "which query? for example: rawcosmos query 'SELECT * FROM c'".into(),
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
                .ok_or_else(|| Error::Usage(format!("--{option} {pair}: it must be NAME=VALUE")))?;
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
