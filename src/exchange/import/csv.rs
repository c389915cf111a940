//! Rows of a table become items: the header names the members and their types.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Number,
    Bool,
    Json,
}

const TYPES: &[(&str, Type)] = &[
    ("string", Type::Text),
    ("number", Type::Number),
    ("bool", Type::Bool),
    ("json", Type::Json),
];

#[derive(Debug)]
struct Column {
    name: String,
    /// `"name":`
    member: String,
    of: Type,
}

/// The columns of a table.
#[derive(Debug, Default)]
pub(super) struct Header(Vec<Column>);

/// A cell without its quotes, and whether it had some.
type Cell<'a> = (Cow<'a, str>, bool);

impl Header {
    /// A name a column, and behind a colon its type; text where there is none.
    pub fn read(row: &str, separator: u8) -> Result<Header, String> {
        let mut columns: Vec<Column> = Vec::new();
        for cell in Cells::new(row, separator) {
            let column = column(&cell?.0)?;
            if columns.iter().any(|known| known.name == column.name) {
                return Err(format!("the table has two columns {:?}", column.name));
            }
            columns.push(column);
        }
        Ok(Header(columns))
    }

    /// The item of a row. An empty cell is a member less; a pair of quotes is an empty text.
    pub fn item(&self, row: &str, separator: u8, item: &mut String) -> Result<(), String> {
        item.clear();
        let mut cells = 0;
        for cell in Cells::new(row, separator) {
            let cell = cell?;
            let says = |column: &&Column| match column.of {
                Type::Text => cell.1 || !cell.0.is_empty(),
                _ => !cell.0.trim().is_empty(),
            };
            if let Some(column) = self.0.get(cells).filter(says) {
                item.push(if item.is_empty() { '{' } else { ',' });
                item.push_str(&column.member);
                item.push_str(&column.value(&cell)?);
            }
            cells += 1;
        }
        if cells != self.0.len() {
            return Err(format!(
                "it has {cells} cells, and the header {}",
                self.0.len()
            ));
        }
        item.push_str(if item.is_empty() { "{}" } else { "}" });
        Ok(())
    }
}

fn column(text: &str) -> Result<Column, String> {
    let text = text.trim();
    let (name, of) = match text.rsplit_once(':') {
        None => (text, Type::Text),
        Some((name, word)) => {
            let known = TYPES.iter().find(|(known, _)| *known == word.trim());
            let unknown = || {
                format!(
                    "the column {text:?} has no known type: string, number, bool or json. If its name has a colon, write {:?}",
                    format!("{text}:string")
                )
            };
            (name.trim(), known.ok_or_else(unknown)?.1)
        }
    };
    if name.is_empty() {
        return Err("a column of the table has no name".into());
    }
    Ok(Column {
        member: Value::from(name).to_string() + ":",
        name: name.to_string(),
        of,
    })
}

impl Column {
    fn value<'c>(&self, (cell, _): &'c Cell) -> Result<Cow<'c, str>, String> {
        let bare = cell.trim();
        let wrong = |what: &str| {
            Err(format!(
                "the cell of {:?} is no {what}: {bare:?}",
                self.name
            ))
        };
        let is_json = || serde_json::from_str::<&RawValue>(bare).is_ok();
        let begins_as_number = bare.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        match self.of {
            Type::Text => Ok(Value::from(&**cell).to_string().into()),
            Type::Number if begins_as_number && is_json() => Ok(bare.into()),
            Type::Number => wrong("number"),
            Type::Bool if bare.eq_ignore_ascii_case("true") => Ok("true".into()),
            Type::Bool if bare.eq_ignore_ascii_case("false") => Ok("false".into()),
            Type::Bool => wrong("true or false"),
            Type::Json if is_json() => Ok(bare.into()),
            Type::Json => wrong("JSON"),
        }
    }
}

/// The cells of a row.
struct Cells<'a> {
    rest: Option<&'a str>,
    separator: char,
}

impl<'a> Cells<'a> {
    fn new(row: &'a str, separator: u8) -> Cells<'a> {
        Cells {
            rest: Some(row.trim_end_matches(['\r', '\n'])),
            separator: char::from(separator),
        }
    }

    /// What stands in quotes, and what follows them.
    fn quoted(&self, inner: &'a str) -> Result<(Cow<'a, str>, &'a str), String> {
        let mut marks = inner.match_indices('"').peekable();
        let mut doubled = false;
        while let Some((at, _)) = marks.next() {
            if marks.next_if(|(next, _)| *next == at + 1).is_some() {
                doubled = true;
                continue;
            }
            let text = inner.get(..at).unwrap_or_default();
            let rest = inner.get(at + 1..).unwrap_or_default();
            let text = match doubled {
                true => text.replace("\"\"", "\"").into(),
                false => text.into(),
            };
            return Ok((text, rest));
        }
        Err("a quote is not closed".into())
    }

    fn cell(&mut self, row: &'a str) -> Result<Cell<'a>, String> {
        let (text, rest, quoted) = match row.strip_prefix('"') {
            Some(inner) => self.quoted(inner).map(|(text, rest)| (text, rest, true))?,
            None => {
                let (text, rest) = row.split_at(row.find(self.separator).unwrap_or(row.len()));
                // Between tabs it is a sign like any other.
                if self.separator == ',' && text.contains('"') {
                    return Err("a quote stands within a cell that does not begin with one".into());
                }
                (text.into(), rest, false)
            }
        };
        self.rest = rest.strip_prefix(self.separator);
        match rest.is_empty() || self.rest.is_some() {
            true => Ok((text, quoted)),
            false => Err("something follows a quoted cell".into()),
        }
    }
}

impl<'a> Iterator for Cells<'a> {
    type Item = Result<Cell<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rest.take()?;
        Some(self.cell(row))
    }
}
