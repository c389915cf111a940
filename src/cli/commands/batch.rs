//! `item batch`, and one operation alone where an id has no place in a path.

use serde_json::json;
use serde_json::value::RawValue;

use super::Trailer;
use super::input::{addressable_in, batch_key, needed_key, options, with_whole_key};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::cli::settings::contents;
use crate::cosmos::Container;
use crate::cosmos::batch::{self, Batch, Operation, Outcome, guilty};
use crate::cosmos::partition_key::PartitionKey;
use crate::error::{Error, Failure, Plane};
use crate::message::{Answer, Effect};
use crate::show;

/// `item batch -d DB -c COLL -k KEY -b OPERATIONS [--minimal]`
pub fn run(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    let container = session.container()?;
    needed_key(session)?;
    options(session)?;
    let batch = operations(session)?;
    let key = batch_key(session, &container)?;
    output.list();
    let (answer, failed) = with_whole_key(session, &container, &key, None, |key| {
        carry_out(session, &container, key, &batch)
    })?;
    for outcome in &answer.value {
        output.row(&outcome.text)?;
    }
    Trailer::end(session, output, answer.value.len(), &answer)?;
    failed.map_or(Ok(()), Err)
}

/// One operation as a batch of its own, as if it were the request it stands for.
pub fn alone(
    session: &Session,
    output: &mut Output,
    container: &Container,
    key: &PartitionKey,
    operation: Operation,
) -> Result<(), Error> {
    let mut batch = Batch::default();
    let id = operation.id().map(str::to_string);
    batch.push(operation)?;
    let (answer, failed) = with_whole_key(session, container, key, id.as_deref(), |key| {
        carry_out(session, container, key, &batch)
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    if let Some(item) = answer
        .value
        .first()
        .and_then(|outcome| outcome.item.as_ref())
    {
        output.one(item)?;
    }
    Trailer::end(session, output, 1, &answer)
}

/// The outcomes, and the error where one of them is a failure.
type Carried = (Answer<Vec<Outcome>>, Option<Error>);

fn carry_out(
    session: &Session,
    container: &Container,
    key: &PartitionKey,
    batch: &Batch,
) -> Result<Carried, Error> {
    let options = options(session)?;
    let mut call = batch::atomic(container, key, batch, options.minimal);
    call.request = call
        .request
        .header_if("x-ms-session-token", options.session);
    let count = batch.operations().len();
    let answer = session.flow(call.action, |client| client.batch(&call, count))?;
    if guilty(&answer.value).is_none() && call.effect != Effect::Read {
        session.changed(&call.request.line());
    }
    let failed = guilty(&answer.value).and_then(|at| {
        let (operation, outcome) = (batch.operations().get(at)?, answer.value.get(at)?);
        let what = match count {
            1 => operation.name(),
            _ => format!(
                "operation {} of {count}, {}, failed: nothing was applied",
                at + 1,
                operation.name()
            ),
        };
        Some(failure(
            operation.line(container),
            outcome,
            &what,
            answer.activity.clone(),
        ))
    });
    Ok((answer, failed))
}

/// A failed operation as the error its own request would have ended with.
fn failure(line: String, outcome: &Outcome, what: &str, activity: Option<String>) -> Error {
    let headers = [
        (
            "x-ms-substatus",
            outcome.substatus.map(|code| code.to_string()),
        ),
        ("x-ms-activity-id", activity),
    ];
    let headers = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_string(), value?)));
    let headers: Vec<(String, String)> = headers.collect();
    let code = show::reason(outcome.status).replace(' ', "");
    let body = json!({ "code": code, "message": what }).to_string();
    let failure = Failure::read(Plane::Data, line, outcome.status, &headers, body.as_bytes());
    Error::Status(Box::new(failure))
}

/// `--body`: a list of operations, or one a line.
fn operations(session: &Session) -> Result<Batch, Error> {
    let text = contents(&session.settings.required("body")?)?;
    let wrong = |e| Error::usage(format!("the operations are not JSON: {e}"));
    let texts: Vec<&RawValue> = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(&text).map_err(wrong)?,
        false => {
            let mut texts = Vec::new();
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                texts.push(serde_json::from_str(line).map_err(wrong)?);
            }
            texts
        }
    };
    let mut batch = Batch::default();
    for text in texts {
        addressable_in(session, text)?;
        batch.push(Operation::from_json(text)?)?;
    }
    match batch.operations().is_empty() {
        true => Err(Error::usage("the batch has no operations")),
        false => Ok(batch),
    }
}
