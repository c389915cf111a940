//! Pages: how many rows, from where, and the token that says where to go on.

use serde_json::{Value, json};

use super::reply::{Exchange, Refusal};
use super::resume;
use super::scope::Scope;
use super::store::Store;
use crate::sandbox::world::{Item, Range};

/// The most bytes of rows in one page.
const LARGEST: usize = 4 * 1024 * 1024;
/// The most items looked at for one page, which stands for the time limit of the service.
const SCANNED: usize = 10_000;

/// Where a page begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Lower bound of the range.
    pub min: String,
    /// Upper bound of the range.
    pub max: String,
    /// Number of the first item to look at; its rows up to `skip` were given.
    pub number: u64,
    /// Rows given of it, or of the whole of a query that is not answered item by item.
    pub skip: usize,
}

/// Rows, and where the next page begins.
#[derive(Default)]
pub struct Page {
    /// JSON texts.
    pub rows: Vec<String>,
    /// Where the next page begins, and what is left after it of a range that was split; nothing on the last page.
    pub next: Vec<Cursor>,
    /// Items looked at.
    pub scanned: usize,
}

/// `x-ms-max-item-count`, `default` where it does not say.
pub fn size(exchange: &Exchange, default: usize) -> Result<usize, Refusal> {
    let name = "x-ms-max-item-count";
    let Some(text) = exchange.header(name) else {
        return Ok(default);
    };
    match text.parse::<i64>() {
        Ok(-1) => Ok(usize::MAX),
        Ok(0) => Ok(1000),
        Ok(count @ 1..) => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
        _ => Err(Refusal::header(name, text)),
    }
}

impl Cursor {
    fn json(&self, rid: &str) -> Value {
        let Self {
            min,
            max,
            number,
            skip,
        } = self;
        let token = format!("-RID:~{rid}#AT:{number}#SK:{skip}#ISV:2");
        json!({"token": token, "range": {"min": min, "max": max}})
    }

    fn read_json(json: &Value, rid: &str) -> Option<Self> {
        let bound = |name: &str| json.get("range")?.get(name)?.as_str().map(str::to_owned);
        let mut parts = json.get("token")?.as_str()?.split('#');
        let mut part = |name: &str| parts.next()?.strip_prefix(name);
        (part("-RID:~")? == rid).then_some(())?;
        let number = part("AT:")?.parse().ok()?;
        let skip = part("SK:")?.parse().ok()?;
        part("ISV:")?;
        Some(Self {
            min: bound("min")?,
            max: bound("max")?,
            number,
            skip,
        })
    }

    /// The cursors a request came with, or none on the first page.
    pub fn read(exchange: &Exchange, rid: &str) -> Result<Vec<Self>, Refusal> {
        let limit = exchange.header("x-ms-documentdb-responsecontinuationtokenlimitinkb");
        if limit.is_some_and(|limit| limit.parse::<u32>().map_or(true, |limit| limit == 0)) {
            return Err(Refusal::gateway(
                400,
                "The continuation token limit is invalid.",
            ));
        }
        match exchange.header("x-ms-continuation") {
            None => Ok(Vec::new()),
            Some(token) => parse(token, rid).ok_or_else(invalid),
        }
    }

    /// At an item of the same range, after some of its rows.
    fn at(&self, item: &Item, skip: usize) -> Self {
        Self {
            number: item.number,
            skip,
            ..self.clone()
        }
    }

    /// Before the first item of a range.
    pub fn start(range: &Range) -> Self {
        Self {
            min: range.min.clone(),
            max: range.max.clone(),
            number: 0,
            skip: 0,
        }
    }
}

/// The token for the client, bound to one container: an object, or an array of them.
pub fn token(cursors: &[Cursor], rid: &str) -> Option<String> {
    let json = |cursor: &Cursor| cursor.json(rid);
    match cursors {
        [] => None,
        [one] => Some(json(one).to_string()),
        several => Some(Value::from_iter(several.iter().map(json)).to_string()),
    }
}

/// Where a token says to go on.
fn parse(token: &str, rid: &str) -> Option<Vec<Cursor>> {
    match serde_json::from_str(token).ok()? {
        Value::Array(several) if several.is_empty() => None,
        Value::Array(several) => several
            .iter()
            .map(|json| Cursor::read_json(json, rid))
            .collect(),
        one => Cursor::read_json(&one, rid).map(|one| vec![one]),
    }
}

/// What a token that is none of ours is answered with.
pub fn invalid() -> Refusal {
    Refusal::new(400, "Invalid Continuation Token")
}

/// A page of one range, item by item; a range's end is a page's end.
pub fn stream(
    store: &Store,
    scope: &Scope,
    cursors: Vec<Cursor>,
    size: usize,
    row: impl Fn(&Item) -> Result<Vec<String>, Refusal>,
) -> Result<(usize, Page), Refusal> {
    let mut places = resume::places(store, scope, cursors)?.into_iter();
    let Some((at, cursor)) = places.next() else {
        return Ok((0, Page::default()));
    };
    let mut page = Page::default();
    let left = fill(&mut page, store.range(at)?, scope, &cursor, size, row)?;
    page.next.extend(left);
    page.next.extend(places.map(|(_, cursor)| cursor));
    if page.next.is_empty() {
        page.next.extend(after(store, scope, at)?);
    }
    Ok((at, page))
}

/// Puts rows into the page until it is full; where it stopped, unless the range has no more.
fn fill(
    page: &mut Page,
    range: &Range,
    scope: &Scope,
    cursor: &Cursor,
    size: usize,
    row: impl Fn(&Item) -> Result<Vec<String>, Refusal>,
) -> Result<Option<Cursor>, Refusal> {
    let mut bytes = 0;
    for item in ordered(range, scope, cursor.number) {
        if page.rows.len() >= size || page.scanned >= SCANNED {
            return Ok(Some(cursor.at(item, 0)));
        }
        page.scanned += 1;
        let before = item.number == cursor.number;
        let given = if before { cursor.skip } else { 0 };
        for (number, row) in row(item)?.into_iter().enumerate().skip(given) {
            bytes += row.len();
            let over = bytes > LARGEST && !page.rows.is_empty();
            if over || page.rows.len() >= size {
                return Ok(Some(cursor.at(item, number)));
            }
            page.rows.push(row);
        }
    }
    Ok(None)
}

/// The start of the range after that one, if there is one.
fn after(store: &Store, scope: &Scope, at: usize) -> Result<Option<Cursor>, Refusal> {
    let next = scope.ranges.iter().find(|&&range| range > at);
    next.map(|&range| store.range(range).map(Cursor::start))
        .transpose()
}

/// A page of rows that were all found at once, of which some were given before.
pub fn slice(cursor: Cursor, size: usize, rows: Vec<String>) -> Page {
    let mut bytes = 0;
    let fits = |row: &String| {
        let first = bytes == 0;
        bytes += row.len();
        first || bytes <= LARGEST
    };
    let total = rows.len();
    let rest = rows.into_iter().skip(cursor.skip).take(size);
    let rows: Vec<String> = rest.take_while(fits).collect();
    let skip = cursor.skip + rows.len();
    let more = skip < total && !rows.is_empty();
    Page {
        rows,
        next: more
            .then_some(Cursor { skip, ..cursor })
            .into_iter()
            .collect(),
        scanned: total,
    }
}

/// The items of a range within the scope, in the order they were made.
pub fn ordered<'r>(range: &'r Range, scope: &Scope, from: u64) -> Vec<&'r Item> {
    let within = range
        .items
        .iter()
        .filter(|((effective, key, _), item)| item.number >= from && scope.holds(effective, key));
    let mut items: Vec<&Item> = within.map(|(_, item)| item).collect();
    items.sort_unstable_by_key(|item| item.number);
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_bound_to_its_container() {
        let cursor = Cursor {
            min: "1F".into(),
            max: "FF".into(),
            number: 7,
            skip: 2,
        };
        for cursors in [vec![cursor.clone()], vec![cursor.clone(), cursor]] {
            let token = token(&cursors, "R").unwrap_or_default();
            assert_eq!(parse(&token, "R"), Some(cursors));
            assert_eq!(parse(&token, "S"), None);
        }
        for text in [
            "",
            "x",
            "{}",
            "[]",
            "[{}]",
            r#"{"token":"-RID:~R#AT:x","range":{"min":"","max":"FF"}}"#,
        ] {
            assert_eq!(parse(text, "R"), None, "{text}");
        }
    }
}
