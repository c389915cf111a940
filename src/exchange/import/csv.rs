//! Rows of a table become items: the header names the properties and their types.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// Every cell is a string.
    Text,
    /// A number or null.
    Number,
    /// true, false or null.
    Bool,
    /// JSON text.
    Json,
    /// JSON text where it is that, and a string where it is not.
    Any,
}

/// Each type by the word behind the colon in a header.
pub(crate) const TYPES: &[(&str, Type)] = &[
    ("string", Type::Text),
    ("number", Type::Number),
    ("bool", Type::Bool),
    ("json", Type::Json),
    ("any", Type::Any),
];

/// Deeper than this the service takes no objects.
const DEEPEST: usize = 128;

#[derive(Debug)]
struct Column {
    name: String,
    /// `"name":`
    member: String,
    of: Type,
}

/// What of the command line decides how a table is read.
#[derive(Debug, Clone, Default)]
pub struct TableOptions {
    /// Between cells; found out from the header where it is not given.
    pub delimiter: Option<u8>,
    /// The column that holds the ids.
    pub id: Option<String>,
    /// Whether a dot in the name of a column makes nested objects.
    pub nested: bool,
}

/// The columns of a table.
#[derive(Debug, Default)]
pub(super) struct Header {
    columns: Vec<Column>,
    /// Where columns make nested objects; the first one is the item itself.
    tree: Vec<Node>,
}

/// A property of a nested object: the value of a column, or an object.
#[derive(Debug, Default)]
struct Node {
    member: String,
    column: Option<usize>,
    inner: Vec<usize>,
}

/// A cell without its quotes, and whether it had some.
type Cell<'a> = (Cow<'a, str>, bool);

impl Header {
    /// A name a column, and behind a colon its type; a string where there is none.
    pub fn read(row: &str, separator: u8, options: &TableOptions) -> Result<Header, String> {
        let mut columns: Vec<Column> = Vec::new();
        for cell in Cells::new(row, separator) {
            columns.push(column(&cell?)?);
        }
        choose_id(&mut columns, options.id.as_deref())?;
        let mut known = HashMap::new();
        for column in &columns {
            if known.insert(&column.name, ()).is_some() {
                return Err(format!("the table has two columns {:?}", column.name));
            }
        }
        let tree = match options.nested {
            true => tree(&columns)?,
            false => Vec::new(),
        };
        Ok(Header { columns, tree })
    }

    /// The item of a row. An empty cell is a property less; a pair of quotes is an empty string.
    pub fn item(&self, row: &str, separator: u8, item: &mut String) -> Result<(), String> {
        item.clear();
        let (mut count, mut values) = (0, Vec::new());
        for cell in Cells::new(row, separator) {
            let cell = cell?;
            let column = self.columns.get(count).filter(|column| column.has(&cell));
            let value = column.map(|column| column.value(&cell)).transpose()?;
            count += 1;
            if !self.tree.is_empty() {
                values.push(value.map(Cow::into_owned));
            } else if let (Some(column), Some(value)) = (column, value) {
                item.push(if item.is_empty() { '{' } else { ',' });
                item.push_str(&column.member);
                item.push_str(&value);
            }
        }
        if count != self.columns.len() {
            return Err(format!(
                "it has {count} cells, and the header {}",
                self.columns.len()
            ));
        }
        if let Some(root) = self.tree.first() {
            item.push('{');
            self.nest(root, &values, item);
            item.push('}');
        } else {
            item.push_str(if item.is_empty() { "{}" } else { "}" });
        }
        Ok(())
    }

    /// The properties inside an object that have a value; an object without any is not written.
    fn nest(&self, of: &Node, values: &[Option<String>], item: &mut String) -> bool {
        let mut some = false;
        for node in of.inner.iter().filter_map(|at| self.tree.get(*at)) {
            let before = item.len();
            item.push_str(if some { "," } else { "" });
            item.push_str(&node.member);
            let written = match node.column {
                Some(column) => match values.get(column) {
                    Some(Some(value)) => {
                        item.push_str(value);
                        true
                    }
                    _ => false,
                },
                None => {
                    item.push('{');
                    let inner = self.nest(node, values, item);
                    item.push('}');
                    inner
                }
            };
            some |= written;
            if !written {
                item.truncate(before);
            }
        }
        some
    }
}

/// What stands in a header: `name` or `name:type`. What has quotes is taken as it is.
fn column((text, quoted): &Cell) -> Result<Column, String> {
    let bare = |text: &str| match quoted {
        true => text.to_string(),
        false => text.trim().to_string(),
    };
    let text = bare(text);
    let (name, of) = match text.rsplit_once(':') {
        None if text.is_empty() => return Err("a column of the table has no name".into()),
        None => (text, Type::Text),
        Some((name, word)) => (bare(name), type_of(word, &text)?),
    };
    Ok(Column {
        member: Value::from(name.as_str()).to_string() + ":",
        name,
        of,
    })
}

/// The type by its word; `text` is what stands in the header.
pub(crate) fn type_of(word: &str, text: &str) -> Result<Type, String> {
    let known = TYPES.iter().find(|(known, _)| *known == word.trim());
    known.map(|(_, of)| *of).ok_or_else(|| {
        format!(
            "the column {text:?} has no known type: string, number, bool, json or any. If its name has a colon, write {:?}",
            format!("{text}:string")
        )
    })
}

/// An item needs an id: the column of that name, or the one that `--id` names.
fn choose_id(columns: &mut [Column], wanted: Option<&str>) -> Result<(), String> {
    let found = columns
        .iter()
        .position(|column| column.name == wanted.unwrap_or("id"));
    let Some(found) = found else {
        return Err(no_id(columns, wanted));
    };
    if wanted.is_some()
        && let Some(column) = columns.get_mut(found)
    {
        column.name = "id".into();
        column.member = "\"id\":".into();
        column.of = Type::Text;
    }
    Ok(())
}

/// What to do about it depends on the columns there are.
fn no_id(columns: &[Column], wanted: Option<&str>) -> String {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let missing = wanted.unwrap_or("id");
    let exact = columns
        .iter()
        .find(|column| plain(&column.name) == plain(missing));
    let near = exact.or_else(|| {
        columns
            .iter()
            .find(|column| plain(&column.name).ends_with(&plain(missing)))
    });
    match near {
        Some(near) => format!(
            "the table has no column {missing:?}, but {:?}: rename it, or add --id '{}'",
            near.name, near.name
        ),
        None => {
            let names: Vec<&str> = columns
                .iter()
                .take(10)
                .map(|column| column.name.as_str())
                .collect();
            format!(
                "the table has no column {missing:?}. Its columns are {names:?}: --id COLUMN says which one holds the ids, --delimiter what stands between them"
            )
        }
    }
}

/// The names inside each other that a column's name stands for: `a.b`, or a JSON pointer.
fn steps(name: &str) -> Vec<String> {
    match name.strip_prefix('/') {
        Some(pointer) => pointer
            .split('/')
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .collect(),
        None => name.split('.').map(str::to_string).collect(),
    }
}

/// Columns as properties of objects in objects, in the order in which each is named first.
fn tree(columns: &[Column]) -> Result<Vec<Node>, String> {
    let mut nodes = vec![Node::default()];
    let mut known: HashMap<(usize, String), usize> = HashMap::new();
    for (number, column) in columns.iter().enumerate() {
        let steps = steps(&column.name);
        if steps.len() > DEEPEST {
            return Err(format!("a column makes objects of {} levels", steps.len()));
        }
        let mut at = 0;
        for step in steps {
            let next = nodes.len();
            let member = Value::from(step.as_str()).to_string() + ":";
            let place = *known.entry((at, step)).or_insert(next);
            if place == next {
                nodes.push(Node {
                    member,
                    ..Node::default()
                });
                if let Some(node) = nodes.get_mut(at) {
                    node.inner.push(next);
                }
            }
            at = place;
            let inside = nodes.get(at).is_some_and(|node| node.column.is_some());
            if inside {
                return Err(inside_itself(&column.name));
            }
        }
        match nodes.get_mut(at) {
            Some(node) if node.inner.is_empty() => node.column = Some(number),
            _ => return Err(inside_itself(&column.name)),
        }
    }
    Ok(nodes)
}

fn inside_itself(name: &str) -> String {
    format!("with --nested the column {name:?} is a value and an object at once")
}

/// Whether a text is JSON, whatever stands around it.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

impl Column {
    /// Whether a cell holds a value.
    fn has(&self, (cell, quoted): &Cell) -> bool {
        match self.of {
            Type::Text | Type::Any => *quoted || !cell.is_empty(),
            _ => !cell.trim().is_empty(),
        }
    }

    fn value<'c>(&self, (cell, _): &'c Cell) -> Result<Cow<'c, str>, String> {
        let bare = cell.trim();
        let wrong = |what: &str| {
            Err(format!(
                "the cell of {:?} is no {what}: {bare:?}",
                self.name
            ))
        };
        match self.of {
            Type::Any if is_json(bare) => Ok(bare.into()),
            Type::Text | Type::Any => Ok(Value::from(&**cell).to_string().into()),
            Type::Number | Type::Bool if bare == "null" => Ok(bare.into()),
            Type::Number => match number(bare) {
                Some(number) => Ok(number),
                None => wrong("number"),
            },
            Type::Bool if bare.eq_ignore_ascii_case("true") => Ok("true".into()),
            Type::Bool if bare.eq_ignore_ascii_case("false") => Ok("false".into()),
            Type::Bool => wrong("true or false"),
            Type::Json if is_json(bare) => Ok(bare.into()),
            Type::Json => wrong("JSON"),
        }
    }
}

/// A number as JSON writes it: with its digits, but for a plus sign, leading zeros, and a zero that is missing before
/// the point.
fn number(text: &str) -> Option<Cow<'_, str>> {
    if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && is_json(text) {
        return Some(text.into());
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = rest.split_at(digits(rest));
    let (part, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if part.is_empty() { "" } else { "." };
    let written = format!("{sign}{whole}{point}{part}{rest}");
    is_json(&written).then(|| written.into())
}

/// The cells of a row.
pub(crate) struct Cells<'a> {
    rest: Option<&'a str>,
    separator: char,
}

impl<'a> Cells<'a> {
    /// The cells of a row without its line end.
    pub fn new(row: &'a str, separator: u8) -> Cells<'a> {
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
                // Between tabs it is a character like any other.
                if self.separator != '\t' && text.contains('"') {
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
