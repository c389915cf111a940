//! The order of rows: by the values a range sends along, or, where groups are to be ordered, by what the text asks for.
//!
//! A plan of `GROUP BY` with `ORDER BY` does not say the order, and each range orders only what it has. So the text is
//! looked at: an expression that is grouped by, or the name of a member, is a value that is known here.

use std::cmp::Ordering;

use super::group::Row;
use super::order::Key;
use super::plan::{Direction, Plan};
use super::rows::member;
use crate::error::Error;

/// The order of two rows by their values to order by; equal rows keep the order they came in.
pub fn compare(directions: &[Direction], left: &[Key], right: &[Key]) -> Result<Ordering, Error> {
    let mut pairs = left.iter().zip(right).zip(directions);
    while let Some(((left, right), direction)) = pairs.next() {
        let order = match direction {
            Direction::Ascending => left.compare(right),
            Direction::Descending => right.compare(left),
        };
        if order != Ordering::Equal {
            return Ok(order);
        }
        if pairs.len() > 0 && left.is_moot(right) {
            return Err(Error::usage(
                "ORDER BY meets different arrays or objects before its last expression: their order is known to the service alone, so the rows cannot be merged; order by one of their members",
            ));
        }
    }
    Ok(Ordering::Equal)
}

/// Rows and what they are ordered by, in that order; equal ones stay as they are. By halves, because here a
/// comparison can fail.
pub fn sorted(directions: &[Direction], mut rows: Vec<Keyed>) -> Result<Vec<Keyed>, Error> {
    if rows.len() < 2 {
        return Ok(rows);
    }
    let mut all = Vec::with_capacity(rows.len());
    let right = rows.split_off(rows.len() / 2);
    let mut left = sorted(directions, rows)?.into_iter();
    for row in sorted(directions, right)? {
        while let Some(before) = left.as_slice().first()
            && compare(directions, &before.0, &row.0)?.is_le()
        {
            all.extend(left.next());
        }
        all.push(row);
    }
    all.extend(left);
    Ok(all)
}

/// A row behind the values it is ordered by; `None` where it is undefined.
pub type Keyed = (Vec<Key>, Option<String>);

/// What groups are to be ordered by.
pub struct GroupOrder {
    directions: Vec<Direction>,
    sources: Vec<Source>,
}

/// Where a value to order by is found.
enum Source {
    /// Among those that are grouped by.
    Item(usize),
    /// In the row, under this name.
    Member(String),
}

impl GroupOrder {
    /// What the text of a grouped query asks for; `None` where it asks for no order.
    pub fn of(plan: &Plan, text: &str) -> Result<Option<GroupOrder>, Error> {
        // In the rewritten text it stands as well, and there without comments, in which a quote may have hidden it.
        let rewritten = || plan.rewritten.as_deref().and_then(order_by);
        let found = order_by(text).or_else(rewritten);
        let Some(expressions) = found.filter(|_| !plan.group_by.is_empty()) else {
            return Ok(None);
        };
        let source = |(expression, _): &(String, Direction)| source(plan, expression);
        Ok(Some(GroupOrder {
            sources: expressions.iter().map(source).collect::<Result<_, _>>()?,
            directions: expressions
                .iter()
                .map(|(_, direction)| *direction)
                .collect(),
        }))
    }

    /// Puts groups in order.
    pub fn sort(&self, rows: Vec<Row>) -> Result<Vec<Keyed>, Error> {
        let keyed = rows.into_iter().map(|row| Ok((self.keys(&row)?, row.row)));
        sorted(&self.directions, keyed.collect::<Result<_, Error>>()?)
    }

    fn keys(&self, row: &Row) -> Result<Vec<Key>, Error> {
        let key = |source: &Source| match (source, &row.row) {
            (Source::Item(place), _) => Ok(row.keys.get(*place).cloned().unwrap_or(Key::Undefined)),
            (Source::Member(name), Some(row)) => Key::read(member(row, name, "a row")?),
            (Source::Member(_), None) => Ok(Key::Undefined),
        };
        self.sources.iter().map(key).collect()
    }
}

fn source(plan: &Plan, expression: &str) -> Result<Source, Error> {
    let wanted = squeezed(expression);
    if let Some(place) = plan
        .group_by
        .iter()
        .position(|known| squeezed(known) == wanted)
    {
        return Ok(Source::Item(place));
    }
    if let Some((name, _)) = plan.members.iter().find(|(name, _)| *name == wanted) {
        return Ok(Source::Member(name.clone()));
    }
    Err(Error::usage(format!(
        "ORDER BY {expression} cannot be merged over groups of several ranges: order by an expression of GROUP BY, or by the name of a member of SELECT"
    )))
}

/// Without its blanks, for comparing; texts keep theirs.
fn squeezed(expression: &str) -> String {
    let parts = pieces(expression);
    let kept = parts.iter().filter(|piece| !piece.text.trim().is_empty());
    kept.map(|piece| piece.text).collect()
}

/// The expressions of the outermost `ORDER BY`.
fn order_by(text: &str) -> Option<Vec<(String, Direction)>> {
    let pieces = pieces(text);
    let words: Vec<&Piece> = pieces
        .iter()
        .filter(|piece| !piece.text.trim().is_empty())
        .collect();
    let is = |piece: Option<&&Piece>, word: &str| {
        piece.is_some_and(|piece| piece.depth == 0 && piece.text.eq_ignore_ascii_case(word))
    };
    let at =
        (0..words.len()).rfind(|at| is(words.get(*at), "ORDER") && is(words.get(at + 1), "BY"))?;
    let rest = words.get(at + 2..)?;
    let end = (0..rest.len()).find(|at| is(rest.get(*at), "OFFSET"));
    let rest = rest.get(..end.unwrap_or(rest.len()))?;
    let expressions = rest.split(|piece| piece.depth == 0 && piece.text == ",");
    Some(expressions.map(expression).collect())
}

/// An expression and its direction.
fn expression(words: &[&Piece]) -> (String, Direction) {
    let (direction, words) = match words.split_last() {
        Some((last, before)) if last.text.eq_ignore_ascii_case("DESC") => {
            (Direction::Descending, before)
        }
        Some((last, before)) if last.text.eq_ignore_ascii_case("ASC") => {
            (Direction::Ascending, before)
        }
        _ => (Direction::Ascending, words),
    };
    (words.iter().map(|piece| piece.text).collect(), direction)
}

/// A piece of a query: a word, a text in quotes, blanks, or one other character; and how many brackets it is in.
struct Piece<'a> {
    text: &'a str,
    depth: usize,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut depth, mut rest) = (Vec::new(), 0usize, text);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => quoted(rest, first),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c if c.is_ascii_whitespace() => rest
                .find(|c: char| !c.is_ascii_whitespace())
                .unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (piece, behind) = rest.split_at(length);
        depth = depth.saturating_sub(usize::from(matches!(first, ')' | ']' | '}')));
        pieces.push(Piece { text: piece, depth });
        depth += usize::from(matches!(first, '(' | '[' | '{'));
        rest = behind;
    }
    pieces
}

/// What is not ASCII stands in texts alone, or the service refuses it.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() || "_$@".contains(c)
}

/// How long a text in quotes is, with them.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_outermost_order_is_found() {
        let rows: &[(&str, &str)] = &[
            ("SELECT c.a FROM c GROUP BY c.a", "-"),
            (
                "SELECT c.a FROM c GROUP BY c.a ORDER BY c.a",
                "c.a Ascending",
            ),
            (
                "select c.a from c group by c.a\norder  by c.a desc",
                "c.a Descending",
            ),
            (
                "SELECT c.a FROM c GROUP BY c.a ORDER BY c . a ASC, c[\"b c\"] DESC OFFSET 1 LIMIT 2",
                "c.a Ascending, c[\"b c\"] Descending",
            ),
            (
                "SELECT (SELECT VALUE x FROM x IN c.xs ORDER BY x) FROM c",
                "-",
            ),
            (
                "SELECT c.a FROM c WHERE c.b = ' ORDER BY c.z' GROUP BY c.a",
                "-",
            ),
            (
                "SELECT c.a FROM c GROUP BY c.a ORDER BY CONCAT(c.a, ' DESC')",
                "CONCAT(c.a,' DESC') Ascending",
            ),
            ("ORDER BY", " Ascending"),
            ("ORDER", "-"),
            (")ORDER BY x", "x Ascending"),
            ("'unfinished ORDER BY x", "-"),
        ];
        for (text, expected) in rows {
            let found = order_by(text).map(|all| {
                let one = |(text, direction): &(String, Direction)| format!("{text} {direction:?}");
                all.iter().map(one).collect::<Vec<_>>().join(", ")
            });
            assert_eq!(found.unwrap_or("-".into()), *expected, "{text}");
        }
    }

    #[test]
    fn what_groups_are_ordered_by_is_known_or_refused() {
        let plan = Plan {
            group_by: vec!["c.a".into(), "UPPER(c.b)".into()],
            members: vec![("n".into(), None)],
            ..Plan::default()
        };
        let order = |text: &str| GroupOrder::of(&plan, &format!("SELECT 1 ORDER BY {text}"));
        for known in ["c.a", "c . a DESC", "UPPER( c.b )", "n", "n DESC, c.a"] {
            assert!(order(known).unwrap().is_some(), "{known}");
        }
        for unknown in ["c.z", "COUNT(1)", "n + 1"] {
            assert!(order(unknown).is_err(), "{unknown}");
        }
        let plan = Plan {
            rewritten: Some("SELECT 1 GROUP BY c.a\nORDER BY c.a".into()),
            ..plan
        };
        let hidden = GroupOrder::of(&plan, "SELECT 1 -- it's\nGROUP BY c.a ORDER BY c.a");
        assert!(hidden.unwrap().is_some());
    }

    #[test]
    fn moot_values_may_only_be_the_last() {
        let key = |text: &str| Key::Value(serde_json::from_str(text).unwrap());
        let both = [Direction::Ascending, Direction::Descending];
        let order =
            |left: [&str; 2], right: [&str; 2]| compare(&both, &left.map(key), &right.map(key));
        assert_eq!(order(["1", "1"], ["1", "2"]).unwrap(), Ordering::Greater);
        assert_eq!(order(["1", "[1]"], ["1", "[2]"]).unwrap(), Ordering::Equal);
        assert_eq!(
            order(["[1]", "1"], ["[1.0]", "1"]).unwrap(),
            Ordering::Equal
        );
        assert!(order(["[1]", "1"], ["[2]", "1"]).is_err());
    }
}
