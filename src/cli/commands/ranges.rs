//! `ranges`

use serde_json::Value;

use super::container::json;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::error::Error;

/// `ranges -d DB -c COLL`
pub fn run(session: &Session, output: &mut Output, _: &[String]) -> Result<(), Error> {
    const READ: &str = "Microsoft.DocumentDB/databaseAccounts/readMetadata";
    let container = session.container()?;
    let ranges = session.flow(READ, |client| client.ranges(&container))?;
    output.list();
    for range in ranges.iter() {
        let share = range.share.map_or(Value::Null, Value::from);
        let text = format!(
            r#"{{"id":{},"minInclusive":{},"maxExclusive":{},"throughputFraction":{share},"parents":{}}}"#,
            Value::from(range.id.as_str()),
            Value::from(range.min.as_str()),
            Value::from(range.max.as_str()),
            Value::from(range.parents.clone()),
        );
        output.row(&json(&text, "the range")?)?;
    }
    output.finish()
}
