//! Session tokens: how far a reader is in each range of a container. Pure.
//!
//! `0:1#100#1=20`: in the range 0, by version 1 of the replicas' layout, as far as write 100, of which region 1 has 20.
//! Those of several ranges are joined by commas.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/how-to-manage-consistency#utilize-session-tokens>

use std::fmt;

/// How far a reader is in one range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Of the layout; `None` in the simple form, a bare number.
    pub version: Option<i64>,
    /// The newest write seen.
    pub global: i64,
    /// Each region, in order, and the newest write seen from it; -1 is none.
    pub regions: Vec<(u64, i64)>,
}

impl Progress {
    /// Reads one without its range: `602`, `-1#31` or `1#100#1=20#2=5`.
    pub fn parse(text: &str) -> Option<Progress> {
        let mut parts = text.split('#');
        let first = number(parts.next()?)?;
        let Some(second) = parts.next() else {
            return Some(Progress {
                version: None,
                global: first,
                regions: Vec::new(),
            });
        };
        let region = |part: &str| {
            let (region, write) = part.split_once('=')?;
            Some((u64::try_from(number(region)?).ok()?, number(write)?))
        };
        let mut progress = Progress {
            version: Some(first),
            global: number(second)?,
            regions: Vec::new(),
        };
        for part in parts {
            let (region, write) = region(part)?;
            put(&mut progress.regions, region, write, i64::max);
        }
        Some(progress)
    }

    /// The two together. Of two versions the higher one knows the regions and how far all are: after a failover what an
    /// older one has seen beyond that may never have happened.
    #[must_use]
    pub fn merged(&self, other: &Progress) -> Progress {
        let (newer, older) = match self.version >= other.version {
            true => (self, other),
            false => (other, self),
        };
        let mut merged = newer.clone();
        let same = newer.version == older.version;
        if same {
            merged.global = merged.global.max(older.global);
        }
        for (region, write) in &older.regions {
            if same || merged.regions.iter().any(|(known, _)| known == region) {
                put(&mut merged.regions, *region, *write, i64::max);
            }
        }
        merged
    }
}

/// Puts a value in its place; where there is one already, both together.
fn put<K: Ord, V: Clone>(all: &mut Vec<(K, V)>, key: K, value: V, both: fn(V, V) -> V) {
    let at = all.partition_point(|(known, _)| *known < key);
    match all.get_mut(at) {
        Some((known, there)) if *known == key => *there = both(there.clone(), value),
        _ => all.insert(at, (key, value)),
    }
}

/// Digits and perhaps a minus; the standard library would take a plus as well.
fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    text.parse().ok()
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(version) = self.version {
            write!(f, "{version}#")?;
        }
        write!(f, "{}", self.global)?;
        let mut regions = self.regions.iter();
        regions.try_for_each(|(region, write)| write!(f, "#{region}={write}"))
    }
}

/// How far a reader is in the ranges of one container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Token(Vec<(String, Progress)>);

impl Token {
    /// Reads what stands in `x-ms-session-token`; `None` where it has another form, and then it is to be sent as it is.
    pub fn parse(text: &str) -> Option<Token> {
        let mut token = Token::default();
        for part in text.split(',') {
            let (range, progress) = part.trim().split_once(':')?;
            let named = !range.is_empty() && range.bytes().all(|b| b.is_ascii_graphic());
            let progress = Progress::parse(progress).filter(|_| named)?;
            token.add(range, &progress);
        }
        Some(token)
    }

    /// Adds what an answer said of one range.
    pub fn add(&mut self, range: &str, progress: &Progress) {
        let both = |one: Progress, two: Progress| one.merged(&two);
        put(&mut self.0, range.to_string(), progress.clone(), both);
    }

    /// Adds what another token knows.
    pub fn merge(&mut self, other: &Token) {
        for (range, progress) in &other.0 {
            self.add(range, progress);
        }
    }

    /// A range that came from others has seen what they have.
    pub fn inherit(&mut self, child: &str, parents: &[String]) {
        for parent in parents {
            for (_, progress) in &self.of(parent).0 {
                self.add(child, progress);
            }
        }
    }

    /// What it knows of one range, perhaps nothing.
    #[must_use]
    pub fn of(&self, range: &str) -> Token {
        let known = self.0.iter().filter(|(known, _)| known == range);
        Token(known.cloned().collect())
    }

    /// Whether it knows nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (range, progress) in &self.0 {
            write!(f, "{comma}{range}:{progress}")?;
            comma = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;
    use serde_json::Value;

    const VECTORS: &str = include_str!("../../fixtures/data-plane/session_token_vectors.json");

    fn rows(table: &str) -> Vec<Value> {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        vectors[table].as_array().unwrap().clone()
    }

    fn text<'a>(row: &'a Value, member: &str) -> &'a str {
        row[member].as_str().unwrap_or_default()
    }

    #[test]
    fn tokens_are_read_as_published() {
        assert_eq!(rows("parse").len(), 5);
        for row in rows("parse") {
            let token = Token::parse(text(&row, "token")).unwrap();
            assert_eq!(token.to_string(), text(&row, "token"));
            if let Some(parts) = row["compound"].as_array() {
                assert_eq!(token.0.len(), parts.len());
                for part in parts {
                    let part = part.as_str().unwrap();
                    let (range, _) = part.split_once(':').unwrap();
                    assert_eq!(token.of(range).to_string(), part);
                }
                continue;
            }
            let (range, progress) = &token.0[0];
            assert_eq!(range, text(&row, "range"));
            assert_eq!(progress.version, row["version"].as_i64());
            assert_eq!(progress.global, row["global"].as_i64().unwrap());
            let regions = progress.regions.iter();
            let regions: serde_json::Map<String, Value> = regions
                .map(|(region, write)| (region.to_string(), (*write).into()))
                .collect();
            assert_eq!(Value::Object(regions), row["regions"]);
        }
        for row in rows("invalid") {
            assert_eq!(Token::parse(row.as_str().unwrap()), None, "{row}");
        }
        assert_eq!(rows("invalid").len(), 7);
        for bad in [
            "0:+1#2",
            "0:1#99999999999999999999",
            ":1#2",
            "0:1#2,",
            "0:-#1",
            "0:1#2#-1=5",
            "\u{fc}:1#2",
        ] {
            assert_eq!(Token::parse(bad), None, "{bad}");
        }
        for row in rows("round_trip_verbatim") {
            let token = row.as_str().unwrap();
            assert_eq!(Progress::parse(token).unwrap().to_string(), token);
        }
    }

    #[test]
    fn tokens_merge_as_published() {
        let merged = |row: &Value, out: &str| {
            let [one, two, out] =
                [text(row, "a"), text(row, "b"), out].map(|t| Progress::parse(t).unwrap());
            assert_eq!(one.merged(&two), out, "{row}");
            assert_eq!(two.merged(&one), out, "{row}");
        };
        let old_rule = rows("merge");
        assert_eq!(old_rule.len(), 5);
        for row in old_rule {
            // Where the two published rules differ, ours is the newer one.
            let newer = row["out_false_progress_rule"].as_str();
            merged(&row, newer.unwrap_or(text(&row, "out")));
        }
        let new_rule = rows("merge_false_progress_rule");
        assert_eq!(new_rule.len(), 10);
        for row in new_rule {
            let Some(out) = row["compound_a"].as_str() else {
                merged(&row, text(&row, "out"));
                continue;
            };
            let mut token = Token::parse(out).unwrap();
            token.merge(&Token::parse(text(&row, "compound_b")).unwrap());
            assert_eq!(token.to_string(), text(&row, "out"));
        }
    }

    #[test]
    fn a_bare_number_gives_way_and_children_inherit() {
        let simple = Progress::parse("700").unwrap();
        let vector = Progress::parse("1#5#1=2").unwrap();
        assert_eq!(simple.merged(&vector), vector);
        let mut token = Token::parse("1:1#5#1=2,2:1#9#1=1").unwrap();
        token.inherit("7", &["1".into(), "2".into(), "3".into()]);
        assert_eq!(token.of("7").to_string(), "7:1#9#1=2");
        token.inherit("8", &["6".into()]);
        assert!(token.of("8").is_empty());
    }
}
