//! What the service makes of the text of an item before it keeps it.

use std::borrow::Cow;

/// The text with `\ufffd` for every half of a surrogate pair that stands alone.
pub fn mend(text: &str) -> Cow<'_, str> {
    let mut mended = Cow::Borrowed(text);
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        let (lone, length) = match (unit(text, at), unit(text, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (false, 12),
            (Some(unit), _) => ((0xD800..=0xDFFF).contains(&unit), 6),
            (None, _) => (false, 2),
        };
        if lone {
            mended.to_mut().replace_range(at..at + 6, "\\ufffd");
        }
        at += length;
    }
    mended
}

/// The UTF-16 unit that is escaped there.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

/// The text with its numbers as the service writes them: exact within 64 bits, doubles beyond.
pub fn settle(text: &str) -> String {
    let mut settled = String::with_capacity(text.len());
    let mut rest = text;
    let starts = |letter: char| letter == '"' || letter == '-' || letter.is_ascii_digit();
    while let Some((before, from)) = rest.find(starts).and_then(|at| rest.split_at_checked(at)) {
        settled.push_str(before);
        let quoted = from.starts_with('"');
        let length = if quoted { string(from) } else { digits(from) };
        let (token, after) = from.split_at_checked(length).unwrap_or((from, ""));
        match quoted {
            true => settled.push_str(token),
            false => settled.push_str(&number(token)),
        }
        rest = after;
    }
    settled.push_str(rest);
    settled
}

/// The length of the string the text begins with, both quotes counted.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let closes = |byte: u8| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    };
    let end = text.bytes().skip(1).position(closes);
    end.map_or(text.len(), |end| end + 2)
}

fn digits(text: &str) -> usize {
    let part = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
    text.find(|letter| !part(letter)).unwrap_or(text.len())
}

fn number(token: &str) -> Cow<'_, str> {
    let exact = token.parse::<i64>().is_ok() || token.parse::<u64>().is_ok();
    match token.parse() {
        _ if token == "-0" => "0".into(),
        Ok(value) if !exact => double(value).into(),
        _ => token.into(),
    }
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// Fifteen digits where they are enough, else seventeen; three of an exponent at the least.
fn double(value: f64) -> String {
    if value.fract() == 0.0 && (-TWO_63..2.0 * TWO_63).contains(&value) {
        return format!("{}", value + 0.0);
    }
    let short = format!("{value:.14e}");
    let text = match short.parse() == Ok(value) {
        true => short,
        false => format!("{value:.16e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-5..15).contains(&exponent) {
        return value.to_string();
    }
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:03}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_pairs_are_replaced_and_pairs_are_kept() {
        let sent = r#"{"id":"a\ud800","b":"\udc00\ud83d\ude00\\ud800\ud800\n"}"#;
        let kept = r#"{"id":"a\ufffd","b":"\ufffd\ud83d\ude00\\ud800\ufffd\n"}"#;
        assert_eq!(mend(sent), kept);
    }

    #[test]
    fn numbers_are_written_as_the_service_writes_them() {
        let rows = [
            ("9007199254740993", "9007199254740993"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("18446744073709551615", "18446744073709551615"),
            ("123456789012345678901234567890", "1.2345678901234568e+029"),
            ("5e-324", "4.94065645841247e-324"),
            ("1.0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1.50", "1.5"),
            ("0.1", "0.1"),
            ("1e3", "1000"),
            ("0.30000000000000004", "0.30000000000000004"),
        ];
        for (sent, kept) in rows {
            let text = format!(r#"{{"a 1.0\\":[{sent}, "1.0\"2.0"],"b":{sent}}}"#);
            let wanted = format!(r#"{{"a 1.0\\":[{kept}, "1.0\"2.0"],"b":{kept}}}"#);
            assert_eq!(settle(&text), wanted);
        }
    }
}
