//! The built-in functions: one row each. Adding one is adding a row.

mod arrays;
mod math;
mod strings;
mod types;

use super::value::Value;

/// A function: what it is called, how many arguments it takes, what it does.
pub struct Function {
    /// In the spelling of error messages.
    pub name: &'static str,
    /// The least number of arguments.
    pub least: u8,
    /// The greatest, or [`Function::ANY`].
    pub most: u8,
    /// Gives `Undefined` for arguments it is not made for.
    pub call: fn(&[Value]) -> Value,
}

impl Function {
    /// No greatest number of arguments.
    pub const ANY: u8 = u8::MAX;

    const fn new(name: &'static str, least: u8, most: u8, call: fn(&[Value]) -> Value) -> Function {
        Function {
            name,
            least,
            most,
            call,
        }
    }
}

const TABLES: &[&[Function]] = &[types::TABLE, strings::TABLE, math::TABLE, arrays::TABLE];

/// Functions the service has and the sandbox has not: clocks, dates, geometry, vectors, regular
/// expressions, full text, randomness, hashes of documents.
const UNSUPPORTED: &[&str] = &[
    "DATETIMEADD",
    "DATETIMEBIN",
    "DATETIMEDIFF",
    "DATETIMEFROMPARTS",
    "DATETIMEPART",
    "DATETIMETOTICKS",
    "DATETIMETOTIMESTAMP",
    "DOCUMENTID",
    "FULLTEXTCONTAINS",
    "FULLTEXTCONTAINSALL",
    "FULLTEXTCONTAINSANY",
    "FULLTEXTSCORE",
    "GETCURRENTDATETIME",
    "GETCURRENTDATETIMESTATIC",
    "GETCURRENTTICKS",
    "GETCURRENTTICKSSTATIC",
    "GETCURRENTTIMESTAMP",
    "GETCURRENTTIMESTAMPSTATIC",
    "NUMBERBIN",
    "RAND",
    "REGEXMATCH",
    "RRF",
    "ST_AREA",
    "ST_DISTANCE",
    "ST_INTERSECTS",
    "ST_ISVALID",
    "ST_ISVALIDDETAILED",
    "ST_WITHIN",
    "TICKSTODATETIME",
    "TIMESTAMPTODATETIME",
    "VECTORDISTANCE",
    "_TRY_ARRAY_CONTAINS",
];

/// A function by its name, whatever the case.
pub fn find(name: &str) -> Option<&'static Function> {
    TABLES
        .iter()
        .copied()
        .flatten()
        .find(|function| function.name.eq_ignore_ascii_case(name))
}

/// Whether it is a function that only the service has.
pub fn is_foreign(name: &str) -> bool {
    UNSUPPORTED
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}
