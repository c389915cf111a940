//! Numbers with seventeen digits, as C's `%.17g` writes them.

use super::super::value::Number;

const DIGITS: i32 = 17;

/// The literal.
pub fn text(number: Number) -> String {
    match (number, number.integer()) {
        (Number::Int(_) | Number::UInt(_), Some(integer)) => integer.to_string(),
        _ => double(number.double()),
    }
}

fn double(value: f64) -> String {
    let text = format!("{value:.16e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..DIGITS).contains(&exponent) {
        let places = usize::try_from(DIGITS - 1 - exponent).unwrap_or_default();
        return trimmed(&format!("{value:.places$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
}

/// Without zeros that say nothing.
fn trimmed(text: &str) -> &str {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_have_seventeen_digits_and_integers_all_of_theirs() {
        let rows = [
            (
                Number::Float(-0.005676387343555689),
                "-0.0056763873435556889",
            ),
            (
                Number::Float(0.003_969_526_849_687_099_5),
                "0.0039695268496870995",
            ),
            (Number::Float(0.1), "0.10000000000000001"),
            (Number::Float(1.5), "1.5"),
            (Number::Float(100.0), "100"),
            (Number::Float(1e20), "1e+20"),
            (Number::Float(1.5e-7), "1.4999999999999999e-07"),
            (Number::Int(-9_007_199_254_740_993), "-9007199254740993"),
            (Number::UInt(u64::MAX), "18446744073709551615"),
        ];
        for (number, wanted) in rows {
            assert_eq!(text(number), wanted);
        }
    }
}
