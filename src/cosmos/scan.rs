//! Where the values of a JSON text end, without what they are: most of an item is strings, and those are passed over
//! eight bytes at a time.

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

    /// What stands behind the value that begins a text; nothing where it does not end, or has in a string what must
    /// not stand there.
    pub fn behind_value<'t>(&mut self, text: &'t [u8]) -> Option<&'t [u8]> {
        let (mut rest, mut depth) = (text, 0_usize);
        while let Some((byte, behind)) = rest.split_first() {
            rest = match byte {
                b'"' => self.behind_string(behind)?,
                b',' | b':' if depth > 0 => behind,
                b'{' | b'[' => {
                    depth += 1;
                    behind
                }
                b'}' | b']' if depth == 1 => return Some(behind),
                b'}' | b']' if depth > 1 => {
                    depth -= 1;
                    behind
                }
                b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => {
                    return Some(rest);
                }
                b'\n' | b'\r' => {
                    self.broken = true;
                    behind
                }
                0x80.. => return None,
                _ => behind,
            };
            if *byte == b'"' && depth == 0 {
                return Some(rest);
            }
        }
        (depth == 0).then_some(rest)
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

/// What is escaped is ASCII and no control character, or else it is no JSON.
fn behind_escaped(text: &[u8]) -> Option<&[u8]> {
    let (byte, behind) = text.split_first()?;
    matches!(byte, b' '..=b'~').then_some(behind)
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
