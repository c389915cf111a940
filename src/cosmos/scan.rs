//! The parts of JSON text and where they end, for who passes them on as they are. Most of an item is strings, and those
//! are passed over eight bytes at a time.

/// Reads JSON text part by part, none of it twice. Bytes are looked at, because patterns of a `str` are slow where the
/// binary is made for size. What is read gives nothing where something else comes than is asked for.
#[derive(Clone)]
pub(super) struct Scan<'t> {
    text: &'t str,
    at: usize,
    /// No part of the object or list has been read.
    fresh: bool,
}

impl<'t> Scan<'t> {
    pub fn new(text: &'t str) -> Scan<'t> {
        Scan {
            text,
            at: 0,
            fresh: false,
        }
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    fn step(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// Steps into an object or a list, by its bracket.
    pub fn enter(&mut self, open: u8) -> Option<()> {
        self.fresh = true;
        self.step(open)
    }

    /// Whether another part comes; steps out behind the last one.
    pub fn more(&mut self, close: u8) -> Option<bool> {
        let fresh = std::mem::take(&mut self.fresh);
        let byte = self.next()?;
        if byte == close || (byte == b',' && !fresh) {
            self.at += 1;
            return Some(byte != close);
        }
        fresh.then_some(true)
    }

    /// The name of the next member, in its quotes; its value comes next. Steps out of the object behind the last one.
    pub fn name(&mut self) -> Option<Option<&'t str>> {
        if !self.more(b'}')? {
            return Some(None);
        }
        let name = (self.next()? == b'"').then(|| self.value())??;
        self.step(b':').map(|()| Some(name))
    }

    /// A value.
    pub fn value(&mut self) -> Option<&'t str> {
        self.next()?;
        let rest = self.text.get(self.at..)?;
        let length = extent(rest).filter(|length| *length > 0)?;
        self.at += length;
        rest.get(..length)
    }

    /// Exactly this.
    pub fn text(&mut self, text: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(text.as_bytes())
            .then(|| self.at += text.len())
    }

    /// The end of the text.
    pub fn end(&mut self) -> Option<()> {
        self.next().is_none().then_some(())
    }
}

/// How long the JSON value is that begins a text; nothing where it does not end.
pub(super) fn extent(text: &str) -> Option<usize> {
    let (bytes, mut at, mut depth) = (text.as_bytes(), 0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => {
                at = string_end(bytes, at)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 1 => return Some(at),
            b'}' | b']' if depth > 1 => depth -= 1,
            b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => return Some(at - 1),
            _ => {}
        }
    }
    (depth == 0).then_some(at)
}

/// Where a string ends whose inside begins at `from`: behind its quote; nothing where it has none.
fn string_end(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = special(text, at);
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Whether white space stands between the parts of a JSON text.
pub(crate) fn is_spread(text: &str) -> bool {
    let (text, mut at) = (text.as_bytes(), 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at + 1).unwrap_or(text.len()),
            b' ' | b'\n' | b'\r' | b'\t' => return true,
            _ => at += 1,
        }
    }
    false
}

/// Where the next quote or backslash is; or somewhere among the last few bytes, where it is looked for one by one.
fn special(text: &[u8], from: usize) -> usize {
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
                assert_eq!(string_end(text.as_bytes(), 0), Some(end), "{text}");
                let quoted = format!("\"{text}");
                assert_eq!(string_end(quoted.as_bytes(), 1), Some(end + 1));
            }
            let open = "x".repeat(length);
            assert_eq!(string_end(open.as_bytes(), 0), None);
            let open = open + "\\";
            assert_eq!(string_end(open.as_bytes(), 0), None, "{open}");
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
