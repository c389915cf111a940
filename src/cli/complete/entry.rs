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

/// The options of a text, in its order.
pub fn entries(text: &'static str) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    // Where those of the last line begin.
    let mut last = 0;
    for line in text.lines() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        if indent > 0 && bare.starts_with('-') {
            last = found.len();
            let (heads, text) = bare.split_once("  ").unwrap_or((bare, ""));
            found.extend(
                heads
                    .split(", ")
                    .filter_map(|head| entry(head, text.trim())),
            );
        } else if indent >= FURTHER {
            for entry in found.iter_mut().skip(last) {
                entry.text = [&entry.text, bare].join(" ");
            }
        } else {
            last = found.len();
        }
    }
    found
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
    /// The words its value may be, where the help lists them: `a|b`, or `a, b or c` between colons and semicolons.
    pub fn words(&self) -> Vec<&str> {
        let mut words = alternatives(self.value);
        if words.is_empty() {
            words.extend(self.text.split([':', ';']).flat_map(list));
        }
        words
    }

    /// Whether it says something of its own.
    pub fn speaks(&self) -> bool {
        !self.text.is_empty() && !self.text.starts_with("as for ")
    }
}

/// Of `a|b|CAPITALS` what is to be written as it stands.
pub fn alternatives(text: &str) -> Vec<&str> {
    let parts = text.trim_matches(['[', ']']).split('|');
    let plain = |part: &&str| part.starts_with(|first: char| first.is_ascii_lowercase());
    parts.filter(plain).collect()
}

fn list(text: &str) -> Vec<&str> {
    let parts = text.trim().split(", ").flat_map(|part| part.split(" or "));
    let parts: Vec<&str> = parts.collect();
    let word = |part: &&str| {
        let may = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !part.is_empty() && part.chars().all(may)
    };
    match parts.len() > 1 && parts.iter().all(word) {
        true => parts,
        false => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_may_have_several_and_may_go_on() {
        let text = "  -a, --all A|b, --be   first: x or\n                         why; y, z\n\n  other\n      --trace[=C]\n";
        let found = entries(text);
        let seen: Vec<_> = found
            .iter()
            .map(|e| (e.name, e.value, e.text.as_str()))
            .collect();
        let said = "first: x or why; y, z";
        assert_eq!(
            seen,
            [("all", "A|b", said), ("be", "", said), ("trace", "C", "")]
        );
        let words: Vec<_> = found.iter().map(Entry::words).collect();
        assert_eq!(words, [vec!["b"], vec!["x", "why", "y", "z"], vec![]]);
    }

    #[test]
    fn a_sentence_is_no_list() {
        assert!(list("as it was, or as it is").is_empty());
        assert!(list("one").is_empty());
        assert_eq!(list(" 1 or 2"), ["1", "2"]);
    }
}
