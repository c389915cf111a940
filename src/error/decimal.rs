//! Numbers in headers and in what the service says of its own work. Pure.

/// Reads a number as JSON writes it: no `nan`, no `inf`. One that is too large is without end.
///
/// ```
/// use rawcosmos::error::decimal::read;
/// assert_eq!(read(" 2.86 "), Some(2.86));
/// assert_eq!(read("1e999"), Some(f64::INFINITY));
/// assert_eq!([read("inf"), read("\"1\""), read("")], [None; 3]);
/// ```
pub fn read(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    text.parse().ok().filter(|_| plain)
}
