//! Where the values of a JSON text end, and that they are JSON, without what they are: most of an item is strings, and
//! those are passed over eight bytes at a time.

const EACH: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte.
const HIGH: u64 = EACH << 7;

/// Passes over parts of a text, and remembers what it has seen on the way.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// All words of strings, one laid over the other.
    seen: u64,
    /// A line break stood between the parts of a value.
    pub broken: bool,
}

impl Scan {
    /// Whether all it has passed over was ASCII.
    pub fn is_ascii(&self) -> bool {
        self.seen & HIGH == 0
    }

    /// What stands behind the value that begins a text; nothing where that is no JSON. What follows it is not looked at.
    pub fn behind_value<'t>(&mut self, text: &'t [u8]) -> Option<&'t [u8]> {
        let (mut rest, mut open) = (text, Open::default());
        loop {
            let (byte, behind) = rest.split_first()?;
            rest = match byte {
                b'"' => self.behind_string(behind)?,
                b'{' | b'[' => {
                    open.push(*byte == b'{');
                    rest = self.behind_blank(behind);
                    if rest.first() != Some(&open.end()) {
                        rest = self.behind_name(rest, &open)?;
                        continue;
                    }
                    rest
                }
                _ => behind_word(rest)?,
            };
            while !open.is_empty() {
                let (byte, behind) = self.behind_blank(rest).split_first()?;
                match byte {
                    b',' => {
                        rest = self.behind_blank(behind);
                        rest = self.behind_name(rest, &open)?;
                        break;
                    }
                    _ if *byte == open.end() => {
                        open.pop();
                        rest = behind;
                    }
                    _ => return None,
                }
            }
            if open.is_empty() {
                return Some(rest);
            }
        }
    }

    fn behind_blank<'t>(&mut self, mut text: &'t [u8]) -> &'t [u8] {
        while let [byte @ (b' ' | b'\n' | b'\r' | b'\t'), behind @ ..] = text {
            self.broken |= matches!(byte, b'\n' | b'\r');
            text = behind;
        }
        text
    }

    /// Where the value of a part begins: in an object a name comes first.
    fn behind_name<'t>(&mut self, part: &'t [u8], open: &Open) -> Option<&'t [u8]> {
        if open.end() == b']' {
            return Some(part);
        }
        let [b'"', inside @ ..] = part else {
            return None;
        };
        let behind = self.behind_string(inside)?;
        match self.behind_blank(behind) {
            [b':', value @ ..] => Some(self.behind_blank(value)),
            _ => None,
        }
    }

    /// What stands behind the string whose inside begins a text.
    pub fn behind_string<'t>(&mut self, inside: &'t [u8]) -> Option<&'t [u8]> {
        let (mut rest, mut plain) = (inside, 0);
        while let Some((eight, behind)) = rest.split_first_chunk() {
            let word = u64::from_le_bytes(*eight);
            self.seen |= word;
            let found = marks(word) & !word & HIGH;
            if found != 0 {
                let at = found.trailing_zeros() as usize / 8;
                match rest.get(at..)?.split_first()? {
                    (b'"', behind) => return Some(behind),
                    (b'\\', escaped) => rest = behind_escaped(escaped)?,
                    _ => return None,
                }
                continue;
            }
            rest = behind;
            plain += 1;
            // This one is long.
            if plain % 4 == 0 {
                rest = behind_plain(rest);
            }
        }
        self.behind_last_string(rest)
    }

    /// The same near the end of a text, byte by byte.
    fn behind_last_string<'t>(&mut self, mut rest: &'t [u8]) -> Option<&'t [u8]> {
        loop {
            let (byte, behind) = rest.split_first()?;
            self.seen |= u64::from(*byte);
            rest = match byte {
                b'"' => return Some(behind),
                b'\\' => behind_escaped(behind)?,
                ..b' ' => return None,
                _ => behind,
            };
        }
    }

    /// The name of the first member, in its quotes, and the text that begins with its value.
    pub fn named<'t>(&mut self, members: &'t [u8]) -> Option<(&'t [u8], &'t [u8])> {
        let text = behind_between(members);
        let behind = self.behind_string(text.strip_prefix(b"\"")?)?;
        let name = text.get(..text.len() - behind.len())?;
        let value = behind_blank(behind).strip_prefix(b":")?;
        Some((name, behind_blank(value)))
    }
}

/// The highest bit of a byte is set where that is a quote, a backslash or a control character; those of a byte that is
/// not ASCII, and of those above the first one that is set, say nothing.
fn marks(word: u64) -> u64 {
    let quote = (word ^ (EACH * 0x22)).wrapping_sub(EACH);
    let backslash = (word ^ (EACH * 0x5C)).wrapping_sub(EACH);
    quote | backslash | word.wrapping_sub(EACH * 0x20)
}

fn behind_escaped(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'u', a, b, c, d, behind @ ..] if [a, b, c, d].iter().all(|x| x.is_ascii_hexdigit()) => {
            Some(behind)
        }
        [
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
            behind @ ..,
        ] => Some(behind),
        _ => None,
    }
}

/// A number, or one of the three words.
fn behind_word(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'n', b'u', b'l', b'l', behind @ ..]
        | [b't', b'r', b'u', b'e', behind @ ..]
        | [b'f', b'a', b'l', b's', b'e', behind @ ..] => Some(behind),
        _ => behind_number(text),
    }
}

fn behind_number(text: &[u8]) -> Option<&[u8]> {
    let mut rest = match text {
        [b'0', behind @ ..] | [b'-', b'0', behind @ ..] => behind,
        [b'-', whole @ ..] | whole => behind_digits(whole)?,
    };
    if let [b'.', part @ ..] = rest {
        rest = behind_digits(part)?;
    }
    if let [b'e' | b'E', b'+' | b'-', part @ ..] | [b'e' | b'E', part @ ..] = rest {
        rest = behind_digits(part)?;
    }
    Some(rest)
}

/// One at least.
fn behind_digits(mut text: &[u8]) -> Option<&[u8]> {
    let [b'0'..=b'9', ..] = text else {
        return None;
    };
    while let [b'0'..=b'9', behind @ ..] = text {
        text = behind;
    }
    Some(text)
}

/// The objects and lists that are open, a bit for each: set for an object.
#[derive(Default)]
struct Open {
    depth: usize,
    bits: u64,
    /// Those further out.
    outer: Vec<u64>,
}

impl Open {
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.bits);
        }
        self.depth += 1;
        self.bits = self.bits << 1 | u64::from(object);
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth.is_multiple_of(64) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }

    fn is_empty(&self) -> bool {
        self.depth == 0
    }

    /// What ends the innermost one.
    fn end(&self) -> u8 {
        if self.bits & 1 == 1 { b'}' } else { b']' }
    }
}

/// Without the blocks at its beginning that hold nothing but plain ASCII.
fn behind_plain(mut rest: &[u8]) -> &[u8] {
    while let Some((block, behind)) = rest.split_first_chunk::<32>() {
        let mut found = 0;
        for eight in block.as_chunks().0 {
            let word = u64::from_le_bytes(*eight);
            found |= word | marks(word);
        }
        if found & HIGH != 0 {
            break;
        }
        rest = behind;
    }
    rest
}

/// What stands behind white space.
pub(crate) fn behind_blank(text: &[u8]) -> &[u8] {
    behind_any(text, b" \n\r\t")
}

/// What stands behind all that may stand between two members.
pub(crate) fn behind_between(text: &[u8]) -> &[u8] {
    behind_any(text, b", \n\r\t")
}

fn behind_any<'t>(mut text: &'t [u8], of: &[u8]) -> &'t [u8] {
    while let Some((byte, behind)) = text.split_first()
        && of.contains(byte)
    {
        text = behind;
    }
    text
}

/// Whether white space stands between the parts of a JSON text.
pub(crate) fn is_spread(text: &str) -> bool {
    let (mut scan, mut rest) = (Scan::default(), text.as_bytes());
    while let Some((byte, behind)) = rest.split_first() {
        rest = match byte {
            b'"' => scan.behind_string(behind).unwrap_or_default(),
            b' ' | b'\n' | b'\r' | b'\t' => return true,
            _ => behind,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_string_ends_behind_its_quote_wherever_that_stands() {
        for length in 0..80 {
            for (inside, after) in [
                ("", ""),
                ("\\\"", ","),
                ("\\\\", "\""),
                ("ü#!", "\\"),
                ("\u{7f}\u{80}", "\n"),
                ("\\\\\\\"\u{10ffff}", "é"),
            ] {
                let text = format!("{}{inside}\"{after}", "x".repeat(length));
                for rest in ["", " and the rest of it, which is long \""] {
                    let text = format!("{text}{rest}");
                    let mut scan = Scan::default();
                    let behind = scan.behind_string(text.as_bytes());
                    assert_eq!(behind.unwrap(), format!("{after}{rest}").as_bytes());
                    assert!(scan.is_ascii() <= inside.is_ascii(), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_string_without_an_end_or_with_a_line_break_has_none() {
        for length in 0..80 {
            for wrong in [
                "", "\\", "\\\"", "\n\"", "\r\"", "\u{0}\"", "\u{1f}\"", "\\\n\"", "\\ü\"",
            ] {
                for before in ["", "ü"] {
                    let text = format!("{before}{}{wrong}", "x".repeat(length));
                    assert_eq!(Scan::default().behind_string(text.as_bytes()), None);
                }
            }
        }
    }

    /// What a slow reader says: the same text is JSON, or is not.
    fn is_json(text: &str) -> bool {
        serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
    }

    fn is_value(text: &str) -> bool {
        let behind = Scan::default().behind_value(text.as_bytes());
        behind.is_some_and(<[u8]>::is_empty)
    }

    #[test]
    fn a_value_is_what_json_says_and_nothing_else() {
        for text in [
            "tru",
            "truE",
            "nulll",
            "-",
            "-0",
            "00",
            "01",
            "1.",
            ".5",
            "1e",
            "1e+",
            "1E-07",
            "-1.50e400",
            "+1",
            "NaN",
            "1 2",
            "1:2",
            "x\"a\"",
            "\"a\"x",
            "",
            ",",
            "[",
            "]",
            "{]",
            "[}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{1:2}",
            "{\"a\" \r\n: [ \t] , \"a\":{ } }",
            "{\"a\":tru}",
            "{\"a\":1\u{1b}[2J}",
            "[\u{0}]",
            "[\u{7f}]",
            "[ü]",
            "[\u{feff}1]",
            "\"\\x\"",
            "\"\\u00G0\"",
            "\"\\u00\"",
            "\"\\ud800\"",
            "\"\\uDC00\\ud800\"",
            "\"\\/\\b\\f\\n\\r\\t\\\\\\\"\"",
            "\"\\'\"",
        ] {
            for text in [
                text.to_string(),
                format!("[{text}]"),
                format!("{{\"k\":{text}}}"),
            ] {
                assert_eq!(is_value(&text), is_json(&text), "{text}");
            }
        }
    }

    #[test]
    fn a_value_may_be_as_deep_as_it_likes() {
        for depth in [1, 2, 63, 64, 65, 127, 128, 129, 200, 100_000] {
            let begin = "[{\"a\":".repeat(depth);
            for (end, good) in [("}]", true), ("]}", false), ("}]]", false), ("}", false)] {
                let text = format!("{begin}1{}", end.repeat(depth));
                let behind = Scan::default().behind_value(text.as_bytes());
                assert_eq!(behind == Some(b"".as_slice()), good, "{depth} {end}");
            }
            let lists = "[".repeat(depth);
            let wrong = format!("{lists}{}}}", "]".repeat(depth - 1));
            assert!(!is_value(&wrong) && !is_value(&lists));
        }
    }

    #[test]
    fn spoilt_values_are_told_from_good_ones() {
        let parts = [
            "{\"a\":[1,{\"b c\":\"\\u00e9ü]}\\\"\"},-0.5e+7,[],{}],\"\":null,\"x\":[true,false]}",
            "[[[[\"a longer text of more than thirty-two bytes, with \\\\ in it\"]]],1E9 , { \"k\" : 0 }]",
            "\"plain text of some length, and more of it, 😀\"",
        ];
        let marks = "{}[],:\" \n\\u0e.-t\u{1b}\u{0}ü";
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        for round in 0..60_000 {
            let mut text: Vec<char> = parts.get(round % parts.len()).unwrap().chars().collect();
            for _ in 0..=random(2) {
                let (at, mark) = (random(text.len()), random(marks.chars().count()));
                let mark = marks.chars().nth(mark).unwrap();
                match random(3) {
                    0 => drop(text.remove(at)),
                    1 => text.insert(at, mark),
                    _ => *text.get_mut(at).unwrap() = mark,
                }
            }
            let text = String::from_iter(text);
            let text = text.trim_matches([' ', '\n']);
            assert_eq!(is_value(text), is_json(text), "{text}");
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
