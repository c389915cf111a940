//! Numbers with a point, read and written. Pure.
//!
//! The ways of the standard library bring their own tables, 28 KB of them; JSON needs its own anyway.

use serde_json::Value;

/// Reads a number as JSON writes it, and nothing else: no `nan`, no `inf`. One that is too large is without end.
///
/// ```
/// use rawcosmos::error::decimal::read;
/// assert_eq!(read(" 2.86 "), Some(2.86));
/// assert_eq!(read("1e999"), Some(f64::INFINITY));
/// assert_eq!([read("inf"), read("\"1\""), read("")], [None; 3]);
/// ```
pub fn read(text: &str) -> Option<f64> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => value.as_f64(),
        Err(e) if e.to_string().starts_with("number out of range") => Some(f64::INFINITY),
        Err(_) => None,
    }
}

/// As short as it can be, and no `.0` at its end.
///
/// ```
/// use rawcosmos::error::decimal::short;
/// assert_eq!([short(0.25), short(30.0)], ["0.25", "30"]);
/// ```
pub fn short(number: f64) -> String {
    let text = Value::from(number).to_string();
    text.trim_end_matches(".0").to_string()
}

/// With two places; a charge is never below nothing.
///
/// ```
/// use rawcosmos::error::decimal::hundredths;
/// assert_eq!([hundredths(2.0), hundredths(10.666), hundredths(0.04)], ["2.00", "10.67", "0.04"]);
/// ```
pub fn hundredths(number: f64) -> String {
    let all = (number * 100.0).round() as u64;
    format!("{}.{:02}", all / 100, all % 100)
}
