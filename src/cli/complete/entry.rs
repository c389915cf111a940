//! The options in a text of the help: a line each, and what stands below it further in.

/// An option as the help shows it.
pub struct Entry {
    /// Without the dashes.
    pub name: &'static str,
    /// What stands for its value; nothing for a switch.
    pub value: &'static str,
    /// What it says.
    pub text: String,
}

/// What stands so far in goes on with the line above it.
const FURTHER: usize = 20;

/// Adds the options of a text, in its order.
pub fn entries(text: &'static str, found: &mut Vec<Entry>) {
    // Where those of the last line begin.
    let mut last = found.len();
    for line in text.lines() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        if indent > 0 && bare.starts_with('-') {
            last = found.len();
            let (heads, text) = bare.split_once("  ").unwrap_or((bare, ""));
            for head in heads.split(", ") {
                found.extend(entry(head, text.trim()));
            }
        } else if indent >= FURTHER {
            for entry in found.iter_mut().skip(last) {
                entry.text = [&entry.text, bare].join(" ");
            }
        } else {
            last = found.len();
        }
    }
}

/// `--name VALUE` or `--name[=VALUE]`; a letter is no entry.
fn entry(head: &'static str, text: &str) -> Option<Entry> {
    let long = head.trim_end_matches(',').strip_prefix("--")?;
    let (name, value) = long.split_once([' ', '[']).unwrap_or((long, ""));
    Some(Entry {
        name,
        value: value.trim_matches(['=', ']']),
        text: text.to_string(),
    })
}

impl Entry {
    /// The words its value may be, where the help lists them, `a, b or c`, between colons and semicolons.
    pub fn words<'a>(&'a self, words: &mut Vec<&'a str>) {
        for part in self.text.split([':', ';']) {
            list(part, words);
        }
    }

    /// Whether it says something of its own.
    pub fn speaks(&self) -> bool {
        !self.text.is_empty() && !self.text.starts_with("as for ")
    }
}

/// Of `a|b|CAPITALS` what is to be written as it stands.
pub fn alternatives<'a>(text: &'a str, words: &mut Vec<&'a str>) {
    for part in text.trim_matches(['[', ']']).split('|') {
        if part.starts_with(|first: char| first.is_ascii_lowercase()) {
            words.push(part);
        }
    }
}

/// Words alone, and more than one, or it is a sentence.
fn list<'a>(text: &'a str, words: &mut Vec<&'a str>) {
    let before = words.len();
    for part in text.trim().split(", ") {
        for word in part.split(" or ") {
            words.push(word);
            let may = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if word.is_empty() || !word.chars().all(may) {
                return words.truncate(before);
            }
        }
    }
    if words.len() == before + 1 {
        words.truncate(before);
    }
}

/// What a text explains a line each: `  name, other name   what that is`.
pub fn rows<'a>(text: &'a str, words: &mut Vec<&'a str>) {
    for line in text.lines() {
        let row = line
            .strip_prefix("  ")
            .and_then(|line| line.split_once("  "));
        let (heads, _) = row.unwrap_or_default();
        if heads.starts_with(|first: char| first.is_ascii_lowercase()) {
            words.extend(heads.split(", "));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_line_may_have_several_and_may_go_on() {
        let text = "  -a, --all A|b, --be   first: x or\n                         why; y, z\n\n  other\n      --trace[=C]\n";
        let mut found = Vec::new();
        entries(text, &mut found);
        let seen: Vec<_> = found
            .iter()
            .map(|e| (e.name, e.value, e.text.as_str()))
            .collect();
        let said = "first: x or why; y, z";
        assert_eq!(
            seen,
            [("all", "A|b", said), ("be", "", said), ("trace", "C", "")]
        );
        let mut words = Vec::new();
        alternatives(found[0].value, &mut words);
        found[0].words(&mut words);
        assert_eq!(words, ["b", "x", "why", "y", "z"]);
    }

    #[test]
    fn a_sentence_is_no_list() {
        let mut words = Vec::new();
        for text in ["as it was, or as it is", "one", "a, b and c", "", " 1 or 2"] {
            list(text, &mut words);
        }
        assert_eq!(words, ["1", "2"]);
    }
}
