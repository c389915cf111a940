//! The place of an error in a query.

use super::Context;
use crate::error::Failure;

/// The line of the query that an error names a place in, and a mark below that place.
pub(super) fn of(failure: Option<&Failure>, context: &Context) -> Option<[String; 2]> {
    underlined(context.query.as_deref()?, failure?.place?)
}

fn underlined(query: &str, (start, end): (u64, u64)) -> Option<[String; 2]> {
    let place = |n: u64| usize::try_from(n).ok();
    let (start, end) = (place(start)?, place(end)?);
    let mut begins = 0;
    for line in query.split('\n') {
        let length = line.chars().count();
        if start <= begins + length {
            let (at, end) = (start.checked_sub(begins)?, end.min(begins + length));
            let line = line.trim_end().replace('\t', " ");
            let marks = "^".repeat(end.saturating_sub(start).max(1));
            return Some([line, format!("{}{marks}", " ".repeat(at))]);
        }
        begins += length + 1;
    }
    None
}
