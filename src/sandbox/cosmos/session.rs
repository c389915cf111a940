//! Consistency: what a request may ask for beyond the account's own level, which is Session.

use super::reply::{Exchange, Refusal};
use crate::sandbox::world::Range;

/// Refuses a level that is stronger than the account's, or none.
pub fn level(exchange: &Exchange) -> Result<(), Refusal> {
    let Some(level) = exchange.header("x-ms-consistency-level") else {
        return Ok(());
    };
    match level.to_ascii_lowercase().as_str() {
        "session" | "consistentprefix" | "eventual" => Ok(()),
        "strong" | "boundedstaleness" => Err(Refusal::gateway(
            400,
            format!(
                "ConsistencyLevel {level} specified in the request is invalid when service is configured with consistency level Session. Ensure the request consistency level is not stronger than the service consistency level."
            ),
        )),
        _ => Err(Refusal::gateway(
            400,
            format!(
                "The value '{level}' specified for the header 'x-ms-consistency-level' is invalid."
            ),
        )),
    }
}

/// Refuses a read by a session that has seen more of the range than there is.
pub fn reached(exchange: &Exchange, range: &Range) -> Result<(), Refusal> {
    let Some(token) = exchange.header("x-ms-session-token") else {
        return Ok(());
    };
    let invalid = || {
        Refusal::gateway(
            400,
            format!("The session token provided '{token}' is invalid."),
        )
    };
    for part in token.split(',') {
        let (id, progress) = part.trim().split_once(':').ok_or_else(invalid)?;
        let lsn = lsn(progress).ok_or_else(invalid)?;
        if id == range.id && lsn > range.lsn as i64 {
            return Err(Refusal::gateway(404, NOT_YET).sub(1002));
        }
    }
    Ok(())
}

const NOT_YET: &str = "The read session is not available for the input session token.";

/// The global LSN of `602`, `-1#31` or `1#31#2=30`.
fn lsn(progress: &str) -> Option<i64> {
    let mut parts = progress.split('#');
    let first = parts.next()?.parse().ok()?;
    let Some(global) = parts.next() else {
        return Some(first);
    };
    let region = |part: &str| -> Option<i64> {
        let (region, lsn) = part.split_once('=')?;
        region.parse::<u64>().ok()?;
        lsn.parse().ok()
    };
    let whole = parts.all(|part| region(part).is_some());
    global.parse().ok().filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_three_forms() {
        assert_eq!(lsn("602"), Some(602));
        assert_eq!(lsn("-1#31"), Some(31));
        assert_eq!(lsn("1#31#2=30"), Some(31));
        for junk in ["x", "", "1#", "1#31#2", "1#31#2=x", "1#31#x=3"] {
            assert_eq!(lsn(junk), None, "{junk}");
        }
    }
}
