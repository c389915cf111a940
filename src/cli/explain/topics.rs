//! What can be read up on without an error at hand. One text, for `help` and for `explain`.

use super::{exits, retries};
use crate::cli::lesson;

/// Sections `== NAME, OTHER NAME: title`; what stands in braces on a line of its own is a table that is in force.
const TEXT: &str = include_str!("topics.txt");

/// Something to read up on.
pub struct Topic {
    /// Its name.
    pub name: &'static str,
    /// In a few words.
    pub title: &'static str,
    others: &'static str,
    text: &'static str,
}

/// All of them, in the order they are to be read in.
pub fn all() -> impl Iterator<Item = Topic> {
    TEXT.split("== ").filter_map(|section| {
        let (heading, text) = section.split_once('\n')?;
        let (names, title) = heading.split_once(": ")?;
        let (name, others) = names.split_once(", ").unwrap_or((names, ""));
        Some(Topic {
            name,
            title,
            others,
            text,
        })
    })
}

/// The one of that name, whatever its case.
pub fn find(name: &str) -> Option<Topic> {
    let name = name.to_ascii_lowercase().replace(' ', "-");
    let called = |topic: &Topic| topic.name == name || topic.others.split(", ").any(|o| o == name);
    all().find(|topic| !name.is_empty() && called(topic))
}

impl Topic {
    /// The text, tables filled in.
    pub fn text(&self) -> String {
        let lines = self.text.trim_end().lines().map(|line| match line {
            "{exit-codes}" => exits::table(),
            "{retries}" => retries::requests(),
            "{range-retries}" => retries::ranges(),
            "{schedules}" => retries::schedules(),
            "{headers}" => lesson::table(),
            line => format!("{line}\n"),
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_topic_is_short_and_has_one_name() {
        let mut names = BTreeSet::new();
        for topic in all() {
            let lines = topic.text.trim_end().lines();
            assert!(lines.clone().count() <= 20, "{}: too long", topic.name);
            assert!(
                lines.clone().all(|line| line.chars().count() <= 100),
                "{}",
                topic.name
            );
            assert!(
                !topic.text().lines().any(|line| line.starts_with('{')),
                "{}: a table is missing",
                topic.name
            );
            let others = topic.others.split(", ").filter(|other| !other.is_empty());
            for name in others.chain([topic.name]) {
                assert!(names.insert(name), "{name} is the name of two topics");
            }
        }
        assert_eq!(TEXT.matches("== ").count(), all().count());
    }

    #[test]
    fn tables_are_the_ones_in_force() {
        use crate::exchange::retry::{RECOVERY, RULES, SCHEDULES};
        let retries = find("retry").map(|topic| topic.text()).unwrap_or_default();
        assert!(
            retries.contains(
                "  data 401/5006 5013                        once, after getting a new token\n"
            ),
            "{retries}"
        );
        assert_eq!(
            retries
                .lines()
                .filter(|line| line.starts_with("  "))
                .count(),
            RULES.len() + 1 + RECOVERY.len() + 1 + SCHEDULES.len()
        );
        for row in [
            "  410                                       at once, then 100 ms to 2 s, 60 s in all\n",
            "  503 no-connection                         500 ms to 5 s, 60 s in all\n",
            "  changes --follow: nothing new             1 s to 5 s, without end\n",
        ] {
            assert!(retries.contains(row), "{row} in {retries}");
        }
        let exits = find("Exit codes")
            .map(|topic| topic.text())
            .unwrap_or_default();
        assert!(
            exits.contains(" 130  interrupted by SIGINT, as with Ctrl-C\n"),
            "{exits}"
        );
    }
}
