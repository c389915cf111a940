//! A query text cut at its clauses, for plans: its pieces are put together anew, not written anew.

/// The pieces of a query that parses.
#[derive(Debug, Default)]
pub struct Clauses {
    /// `DISTINCT`
    pub distinct: bool,
    /// What follows `TOP`.
    pub top: Option<String>,
    /// `VALUE`
    pub value: bool,
    /// What is selected.
    pub items: Vec<Item>,
    /// What follows `FROM`.
    pub from: Option<String>,
    /// What follows `WHERE`.
    pub filter: Option<String>,
    /// What follows `GROUP BY`.
    pub group: Vec<String>,
    /// What follows `ORDER BY`.
    pub order: Vec<Order>,
    /// What follows `OFFSET` and `LIMIT`.
    pub window: Option<(String, String)>,
}

/// One thing that is selected.
#[derive(Debug)]
pub struct Item {
    /// Its expression.
    pub text: String,
    /// Its name in the result, `$1` and on for those without.
    pub alias: String,
}

/// One expression to order by.
#[derive(Debug)]
pub struct Order {
    /// Without a direction.
    pub text: String,
    /// `DESC`
    pub descending: bool,
    /// With the direction, if there is one.
    pub whole: String,
}

/// A word outside of brackets and quotes, by the bytes it is at.
struct Word<'q> {
    text: &'q str,
    start: usize,
    end: usize,
}

impl Word<'_> {
    fn is(&self, name: &str) -> bool {
        self.text.eq_ignore_ascii_case(name)
    }
}

/// Cuts a query.
pub fn cut(query: &str) -> Clauses {
    let query = without_comments(query);
    let words = words(&query);
    let at = |name: &str| words.iter().find(|word| word.is(name));
    let names = ["FROM", "WHERE", "GROUP", "ORDER", "OFFSET"];
    let starts: Vec<_> = names.iter().filter_map(|name| at(name)).collect();
    let clause = |name: &str| {
        let word = at(name)?;
        let rest = starts
            .iter()
            .map(|other| other.start)
            .filter(|start| *start > word.start);
        let end = rest.min().unwrap_or(query.len());
        Some(query.get(word.end..end)?.trim())
    };
    let by = |name: &str| {
        clause(name)
            .and_then(|text| text.get(2..))
            .unwrap_or_default()
    };
    let window = clause("OFFSET").and_then(|text| {
        let limit = self::words(text)
            .into_iter()
            .find(|word| word.is("LIMIT"))?;
        let (offset, rest) = (text.get(..limit.start)?, text.get(limit.end..)?);
        Some((offset.trim().to_owned(), rest.trim().to_owned()))
    });
    let mut cut = Clauses {
        from: clause("FROM").map(str::to_owned),
        filter: clause("WHERE").map(str::to_owned),
        group: list(by("GROUP")),
        order: list(by("ORDER")).into_iter().map(order).collect(),
        window,
        ..Clauses::default()
    };
    let end = starts
        .iter()
        .map(|word| word.start)
        .min()
        .unwrap_or(query.len());
    let start = at("SELECT").map_or(0, |word| word.end);
    selected(query.get(start..end).unwrap_or_default(), &mut cut);
    cut
}

/// `DISTINCT`, `TOP`, `VALUE` and what is selected.
fn selected(text: &str, cut: &mut Clauses) {
    let mut rest = text.trim();
    if let Some(after) = keyword(rest, "DISTINCT") {
        (cut.distinct, rest) = (true, after);
    }
    if let Some(after) = keyword(rest, "TOP") {
        let (count, after) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        cut.top = Some(count.to_owned());
        rest = after.trim_start();
    }
    if let Some(after) = keyword(rest, "VALUE") {
        (cut.value, rest) = (true, after);
    }
    let mut unnamed = 0;
    cut.items = list(rest)
        .iter()
        .map(|text| item(text, &mut unnamed))
        .collect();
}

fn keyword<'q>(text: &'q str, name: &str) -> Option<&'q str> {
    let (word, rest) = text.split_at_checked(name.len())?;
    let ends = !rest.starts_with(|next: char| next.is_alphanumeric() || "_.$".contains(next));
    (word.eq_ignore_ascii_case(name) && ends).then(|| rest.trim_start())
}

fn item(text: &str, unnamed: &mut usize) -> Item {
    let words = words(text);
    if let Some(word) = words.iter().rev().find(|word| word.is("AS")) {
        let alias = text.get(word.end..).unwrap_or_default();
        return Item {
            text: text.get(..word.start).unwrap_or_default().trim().to_owned(),
            alias: alias.trim().to_owned(),
        };
    }
    let alias = member(text).unwrap_or_else(|| {
        *unnamed += 1;
        format!("${unnamed}")
    });
    Item {
        text: text.to_owned(),
        alias,
    }
}

/// The last member of a path, or nothing where the text is no path.
pub fn member(text: &str) -> Option<String> {
    let plain = |name: &str| {
        let starts = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
        starts
            && name
                .chars()
                .all(|next| next.is_alphanumeric() || next == '_')
    };
    if let Some(text) = text.strip_suffix("\"]") {
        return text.rsplit_once("[\"").map(|(_, name)| name.to_owned());
    }
    let names: Vec<&str> = text.split('.').map(str::trim).collect();
    let last = names.last()?;
    names
        .iter()
        .all(|name| plain(name))
        .then(|| (*last).to_owned())
}

fn order(text: String) -> Order {
    let words = words(&text);
    let last = words
        .last()
        .filter(|word| word.is("ASC") || word.is("DESC"));
    let descending = last.is_some_and(|word| word.is("DESC"));
    let end = last.map_or(text.len(), |word| word.start);
    Order {
        text: text.get(..end).unwrap_or_default().trim().to_owned(),
        descending,
        whole: text.clone(),
    }
}

impl Clauses {
    /// The name of the first input.
    pub fn root(&self) -> String {
        let from = self.from.as_deref().unwrap_or_default();
        let words = words(from);
        let end = words
            .iter()
            .find(|word| word.is("JOIN"))
            .map_or(from.len(), |word| word.start);
        if let Some(word) = words.iter().find(|word| word.is("IN") && word.start < end) {
            return from.get(..word.start).unwrap_or_default().trim().to_owned();
        }
        let first = from.get(..end).unwrap_or_default();
        let last = first.split_whitespace().last().unwrap_or_default();
        member(last).unwrap_or_else(|| last.to_owned())
    }
}

/// Splits at commas outside of brackets and quotes.
fn list(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, character) in outside(text) {
        if character == ',' {
            parts.push(text.get(start..at).unwrap_or_default());
            start = at + 1;
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    let parts = parts.into_iter().map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word> = Vec::new();
    for (at, character) in outside(text) {
        if !(character.is_alphanumeric() || "_.@$".contains(character)) {
            continue;
        }
        let end = at + character.len_utf8();
        match words.last_mut() {
            Some(last) if last.end == at => last.end = end,
            _ => words.push(Word {
                text: "",
                start: at,
                end,
            }),
        }
    }
    for word in &mut words {
        word.text = text.get(word.start..word.end).unwrap_or_default();
    }
    words
}

/// The characters outside of brackets and quotes.
fn outside(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut depth, mut quote, mut escaped) = (0usize, None, false);
    text.char_indices().filter(move |(_, character)| {
        if let Some(open) = quote {
            if escaped {
                escaped = false;
            } else if *character == '\\' {
                escaped = true;
            } else if *character == open {
                quote = None;
            }
            return false;
        }
        match character {
            '\'' | '"' => quote = Some(*character),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    })
}

fn without_comments(query: &str) -> String {
    let dashes: Vec<usize> = query.match_indices("--").map(|(at, _)| at).collect();
    let mut clean = String::with_capacity(query.len());
    let mut from = 0;
    for at in dashes {
        let open = query.get(from..at).is_some_and(|before| !in_quotes(before));
        if at < from || !open {
            continue;
        }
        clean.push_str(query.get(from..at).unwrap_or_default());
        clean.push(' ');
        from = query
            .get(at..)
            .and_then(|rest| rest.find('\n'))
            .map_or(query.len(), |end| at + end);
    }
    clean.push_str(query.get(from..).unwrap_or_default());
    clean
}

fn in_quotes(text: &str) -> bool {
    let (mut quote, mut escaped) = (None, false);
    for character in text.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            None if character == '\'' || character == '"' => quote = Some(character),
            _ => {}
        }
    }
    quote.is_some()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn clauses_are_found_outside_of_brackets_and_quotes() {
        let cut = cut(
            "SELECT DISTINCT TOP 3 c.a AS x, c[\"b c\"], f(c.d, 1) -- FROM nowhere\n FROM root AS c JOIN t IN c.l \
             WHERE c.x = 'ORDER BY -- it' AND (c.y) GROUP BY c.a, c.b ORDER BY c.order DESC, c.b OFFSET 1 LIMIT @n",
        );
        assert!(cut.distinct && !cut.value && cut.top.as_deref() == Some("3"));
        let aliases: Vec<_> = cut.items.iter().map(|item| item.alias.as_str()).collect();
        assert_eq!(aliases, ["x", "b c", "$1"]);
        assert_eq!(cut.items[0].text, "c.a");
        assert_eq!(cut.root(), "c");
        assert_eq!(
            cut.filter.as_deref(),
            Some("c.x = 'ORDER BY -- it' AND (c.y)")
        );
        assert_eq!(cut.group, ["c.a", "c.b"]);
        assert!(cut.order[0].descending && cut.order[0].text == "c.order");
        assert_eq!(cut.window, Some(("1".into(), "@n".into())));
    }

    #[test]
    fn the_first_input_has_a_name() {
        let root = |from: &str| cut(&format!("SELECT * FROM {from}")).root();
        assert_eq!(root("c"), "c");
        assert_eq!(root("Root r"), "r");
        assert_eq!(root("t IN c.tags"), "t");
        assert_eq!(root("c.a.b"), "b");
    }
}
