//! `ranges`

use serde_json::json;

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
        let row = json!({
            "id": range.id,
            "minInclusive": range.min,
            "maxExclusive": range.max,
            "throughputFraction": range.share,
            "parents": range.parents,
        });
        output.row(&json(&row.to_string(), "the range")?)?;
    }
    output.finish()
}
