//! The ends of strings in JSON text, eight bytes at a time: most of an item is strings.

/// Where a string ends whose inside begins at `from`: behind its quote, or at the end of the text.
pub(crate) fn string_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        at = special(text, at);
        match text.get(at) {
            None => return text.len(),
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// Whether white space stands between the parts of a JSON text.
pub(crate) fn is_spread(text: &str) -> bool {
    let (text, mut at) = (text.as_bytes(), 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at + 1),
            b' ' | b'\n' | b'\r' | b'\t' => return true,
            _ => at += 1,
        }
    }
    false
}

/// Where the next quote or backslash is; or somewhere among the last few bytes, where it is looked for one by one.
pub(crate) fn special(text: &[u8], from: usize) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // A byte's high bit is set where the byte is zero; of those above the first one that may be wrong.
    let zero = |word: u64| word.wrapping_sub(EACH) & !word & (EACH << 7);
    let mut at = from;
    while let Some(eight) = text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()) {
        let word = u64::from_le_bytes(eight);
        let found = zero(word ^ (EACH * 0x22)) | zero(word ^ (EACH * 0x5C));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_behind_its_quote_wherever_that_stands() {
        for length in 0..40 {
            for (inside, after) in [("", ""), ("\\\"", ","), ("\\\\", "\""), ("ü#!", "\\")] {
                let text = format!("{}{inside}\"{after}rest of it \"", "x".repeat(length));
                let end = length + inside.len() + 1;
                assert_eq!(string_end(text.as_bytes(), 0), end, "{text}");
                assert_eq!(string_end(format!("\"{text}").as_bytes(), 1), end + 1);
            }
            let open = "x".repeat(length);
            assert_eq!(string_end(open.as_bytes(), 0), length);
            let open = open + "\\";
            assert_eq!(string_end(open.as_bytes(), 0), length + 1, "{open}");
        }
    }

    #[test]
    fn white_space_counts_between_parts_alone() {
        for (text, spread) in [
            (r#"{"a b":"c \" d","e":[1,2]}"#, false),
            ("{\"a\": 1}", true),
            ("[1,\n2]", true),
            ("[1,2]\t", true),
            ("\"\\\\\" ", true),
            ("", false),
        ] {
            assert_eq!(is_spread(text), spread, "{text}");
        }
    }
}
