//! Rows in columns: tables, CSV and TSV, whatever their number, in constant memory.
//!
//! CSV and TSV can be imported again, unchanged. A column whose values are all strings has its name as header. The others
//! have a type behind it: `price:number`, `sold:bool`, `tags:json`; `any` where strings are among other values, and then a
//! string that would be taken for JSON has the quotes of JSON. A property that is not there is an empty cell, an empty
//! string is `""`, and null is `null`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::BufRead;
use std::path::PathBuf;

use serde_json::value::RawValue;

use super::json;
use super::spool::Spool;
use crate::error::Error;
use crate::exchange::import::csv::{Cells, TYPES, Type, is_json, type_of};
use crate::show::printable;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Aligned, for people.
    Table,
    /// RFC 4180, with plain line feeds and this character between cells.
    Separated(char),
}

/// What the command line says of columns.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// The columns, where they were chosen.
    pub columns: Vec<Chosen>,
    /// What stands between cells, where that is not what the format says.
    pub delimiter: Option<u8>,
    /// Whether a spreadsheet must not take a string for a formula.
    pub safe: bool,
}

/// A column that was asked for: the name of a property, or a JSON pointer, and perhaps a type.
#[derive(Debug, Clone)]
pub struct Chosen {
    name: String,
    of: Option<Type>,
}

impl Chosen {
    /// Reads `a,b:number,/c/d`; a name with a comma stands in quotes.
    pub fn read(text: &str) -> Result<Vec<Chosen>, Error> {
        let wrong = |why: String| Error::usage(format!("--columns: {why}"));
        let mut all: Vec<Chosen> = Vec::new();
        let mut known = HashSet::new();
        for cell in Cells::new(text, b',') {
            let (cell, _) = cell.map_err(wrong)?;
            let chosen = Chosen::one(&cell).map_err(wrong)?;
            if chosen.name.starts_with('/') {
                json::check_pointer(&chosen.name)?;
            }
            if !known.insert(chosen.name.clone()) {
                return Err(wrong(format!("{:?} is there twice", chosen.name)));
            }
            all.push(chosen);
        }
        Ok(all)
    }

    fn one(text: &str) -> Result<Chosen, String> {
        let (name, of) = match text.rsplit_once(':') {
            None => (text, None),
            Some((name, word)) => (name, Some(type_of(word, text)?)),
        };
        if name.is_empty() && of.is_none() {
            return Err("a column has no name".into());
        }
        let name = name.to_string();
        Ok(Chosen { name, of })
    }
}

/// The columns of a table are those of this many rows, or of as many as fit this many bytes.
const FIRST_ROWS: usize = 100;
const FIRST_BYTES: usize = 1 << 20;
/// Those of CSV are also their types.
const FIRST_CELLS_BYTES: usize = 4 << 20;

/// A wider cell is not cut, and does not push the other rows apart either.
const WIDEST: usize = 60;

/// The column of a row that is not an object.
const BARE: &str = "value";

/// The most names that are printed.
const TOLD: usize = 20;

/// Takes a piece of what is to be printed.
pub type Emit<'a> = dyn FnMut(&str) -> Result<(), Error> + 'a;

/// What kinds of values a column has, each a bit.
const STRING: u8 = 1;
const NUMBER: u8 = 2;
const BOOL: u8 = 4;
const NULL: u8 = 8;
const OTHER: u8 = 16;

struct Column {
    name: String,
    /// Whether the name is a JSON pointer.
    pointer: bool,
    /// The type that was asked for.
    of: Option<Type>,
    kinds: u8,
    width: usize,
}

/// Names, each once, in the order in which they came.
#[derive(Default)]
struct Names {
    all: Vec<String>,
    known: HashSet<String>,
}

impl Names {
    fn add(&mut self, name: &str) {
        if !self.known.contains(name) {
            self.known.insert(name.to_string());
            self.all.push(name.to_string());
        }
    }

    fn shown(&self) -> Option<String> {
        let shown: Vec<&str> = self.all.iter().take(TOLD).map(String::as_str).collect();
        let more = self.all.len().saturating_sub(TOLD);
        match (shown.is_empty(), more) {
            (true, _) => None,
            (_, 0) => Some(shown.join(", ")),
            _ => Some(format!("{} and {more} more", shown.join(", "))),
        }
    }
}

/// Takes rows and gives back what is to be printed of them.
pub struct Grid {
    style: Style,
    safe: bool,
    columns: Vec<Column>,
    /// Where the column of a property is.
    places: HashMap<String, usize>,
    /// Whether the columns were asked for: then no other property is.
    chosen: bool,
    /// Rows that wait for the columns, a line each.
    held: String,
    rows: usize,
    /// Where more rows may wait, if all of them are looked at first.
    folder: Option<PathBuf>,
    spool: Option<Spool>,
    /// Whether the header is out.
    settled: bool,
    left_out: Names,
    misfits: Names,
}

impl Grid {
    /// An empty one.
    pub fn new(style: Style, layout: &Layout) -> Grid {
        let style = match (style, layout.delimiter) {
            (Style::Separated(_), Some(delimiter)) => Style::Separated(delimiter.into()),
            _ => style,
        };
        let mut grid = Grid {
            style,
            safe: layout.safe,
            columns: Vec::new(),
            places: HashMap::new(),
            chosen: false,
            held: String::new(),
            rows: 0,
            folder: None,
            spool: None,
            settled: false,
            left_out: Names::default(),
            misfits: Names::default(),
        };
        for chosen in &layout.columns {
            let at = grid.add(&chosen.name);
            if let Some(column) = grid.columns.get_mut(at) {
                column.of = chosen.of;
                column.pointer = chosen.name.starts_with('/');
            }
        }
        grid.chosen = !layout.columns.is_empty();
        grid
    }

    /// These columns come first, whether rows have them or not.
    pub fn expect(&mut self, names: &[String]) {
        if !self.chosen && !self.settled {
            names.iter().for_each(|name| _ = self.add(name));
        }
    }

    /// All rows are looked at before the first is printed; those that wait may be in a file in this folder.
    pub fn look_at_all(&mut self, folder: PathBuf) {
        self.folder = Some(folder);
    }

    /// Takes a row; nothing comes of it as long as the columns are not known.
    pub fn row(&mut self, value: &RawValue, emit: &mut Emit) -> Result<(), Error> {
        if self.settled {
            let line = self.line(value);
            return emit(&line);
        }
        self.learn(value);
        self.held.push_str(&json::compact(value.get()));
        self.held.push('\n');
        self.rows += 1;
        let full = match self.style {
            Style::Table => self.rows >= FIRST_ROWS || self.held.len() >= FIRST_BYTES,
            Style::Separated(_) => self.held.len() >= FIRST_CELLS_BYTES,
        };
        match (full, &self.folder) {
            (false, _) => Ok(()),
            (true, None) => self.finish(true, emit),
            (true, Some(folder)) => {
                if self.spool.is_none() {
                    self.spool = Some(Spool::new(folder)?);
                }
                self.spool()
            }
        }
    }

    fn spool(&mut self) -> Result<(), Error> {
        if let Some(spool) = &mut self.spool {
            spool.write(&self.held)?;
            self.held.clear();
        }
        Ok(())
    }

    /// The rows that are still held back, and the header before the first of them; `early` where more rows may come.
    pub fn finish(&mut self, early: bool, emit: &mut Emit) -> Result<(), Error> {
        if std::mem::take(&mut self.rows) == 0 {
            return Ok(());
        }
        if !std::mem::replace(&mut self.settled, true) {
            // Of what no row had so far any value may come.
            let unknown = self.columns.iter_mut().filter(|c| early && c.kinds == 0);
            unknown.for_each(|column| column.of = column.of.or(Some(Type::Any)));
            if self.style == Style::Table && !self.chosen {
                self.put_first_what_is_read_first();
            }
            let header = self.header();
            emit(&header)?;
        }
        self.spool()?;
        if let Some(spool) = self.spool.take() {
            for line in spool.read()?.lines() {
                self.print(&line.map_err(super::spool::failed)?, emit)?;
            }
        }
        let held = std::mem::take(&mut self.held);
        held.lines().try_for_each(|line| self.print(line, emit))
    }

    fn print(&mut self, line: &str, emit: &mut Emit) -> Result<(), Error> {
        let row = serde_json::from_str(line).map_err(|e| Error::answer(e.to_string()))?;
        let line = self.line(row);
        emit(&line)
    }

    /// What could not be shown as it is, in sentences.
    pub fn losses(&self) -> Vec<String> {
        let mut all = Vec::new();
        if let Some(names) = self.left_out.shown() {
            all.push(format!(
                "properties of later rows without a column: {names}. --columns chooses the columns"
            ));
        }
        if let Some(names) = self.misfits.shown() {
            all.push(format!(
                "columns with values of another type than their header says: {names}. Choose one with --columns NAME:any"
            ));
        }
        all
    }

    /// The column of a property, made if it is not there.
    fn add(&mut self, name: &str) -> usize {
        if let Some(at) = self.places.get(name) {
            return *at;
        }
        let at = self.columns.len();
        self.places.insert(name.to_string(), at);
        self.columns.push(Column {
            name: name.to_string(),
            pointer: false,
            of: None,
            kinds: 0,
            width: visible(name).chars().count(),
        });
        at
    }

    /// Looks at a row for its columns, and for what they have.
    fn learn(&mut self, value: &RawValue) {
        if !self.chosen {
            match json::members(value) {
                Some(members) => members.0.iter().for_each(|(name, _)| _ = self.add(name)),
                None => _ = self.add(BARE),
            }
        }
        let (row, _) = self.cells(value);
        for (column, value) in self.columns.iter_mut().zip(row) {
            let Some(value) = value else { continue };
            column.kinds |= kind(value);
            if self.style == Style::Table {
                let width = shown(value).chars().count();
                column.width = width.max(column.width).min(WIDEST);
            }
        }
    }

    /// The values of a row by their columns, and the names of those that have none.
    fn cells<'v>(&self, value: &'v RawValue) -> (Vec<Option<&'v RawValue>>, Vec<Cow<'v, str>>) {
        let mut row = vec![None; self.columns.len()];
        let mut others = Vec::new();
        let members = json::members(value);
        let members = members.map_or_else(|| vec![(BARE.into(), value)], |members| members.0);
        for (name, value) in members {
            let place = self.places.get(name.as_ref());
            match place.and_then(|at| row.get_mut(*at)) {
                Some(cell) => *cell = Some(value),
                None => others.push(name),
            }
        }
        for (column, cell) in self.columns.iter().zip(&mut row) {
            if column.pointer {
                *cell = json::find(value, &column.name);
            }
        }
        (row, others)
    }

    /// For the eye: the id, what the user put in, and last what the service added.
    fn put_first_what_is_read_first(&mut self) {
        let rank = |name: &str| match name {
            "id" => 0,
            name if name.starts_with('_') => 2,
            _ => 1,
        };
        self.columns.sort_by_key(|column| rank(&column.name));
        let names = self.columns.iter().map(|column| column.name.clone());
        self.places = names.zip(0..).collect();
    }

    fn header(&self) -> String {
        let Style::Separated(delimiter) = self.style else {
            let names = self.columns.iter();
            let names: Vec<String> = names.map(|column| visible(&column.name)).collect();
            let rules = self.columns.iter().map(|column| "-".repeat(column.width));
            let rules: Vec<String> = rules.collect();
            return self.aligned(&names) + &self.aligned(&rules);
        };
        let mut text = String::new();
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                text.push(delimiter);
            }
            text.push_str(&column.header(delimiter, self.safe));
        }
        text + "\n"
    }

    fn line(&mut self, value: &RawValue) -> String {
        let (row, others) = self.cells(value);
        if !self.chosen {
            others.iter().for_each(|name| self.left_out.add(name));
        }
        let Style::Separated(delimiter) = self.style else {
            let cells = row.into_iter().map(|value| value.map(shown));
            let cells: Vec<String> = cells.map(Option::unwrap_or_default).collect();
            return self.aligned(&cells);
        };
        let mut text = String::new();
        for (at, (column, value)) in self.columns.iter().zip(row).enumerate() {
            if at > 0 {
                text.push(delimiter);
            }
            let Some(value) = value else { continue };
            let cell = match (column.written(value), self.safe) {
                (cell, true) if value.get().starts_with('"') => guarded(cell).into(),
                (cell, _) => cell,
            };
            text.push_str(&quoted(&cell, delimiter));
            if !column.takes(kind(value)) {
                self.misfits.add(&column.name);
            }
        }
        text + "\n"
    }

    fn aligned(&self, cells: &[String]) -> String {
        let mut line = String::new();
        for (at, (text, column)) in cells.iter().zip(&self.columns).enumerate() {
            let between = if at > 0 { "  " } else { "" };
            let width = column.width;
            line.push_str(&format!("{between}{text:<width$}"));
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}

impl Column {
    /// The type that holds all that was seen.
    fn of(&self) -> Type {
        let only = |kinds: u8| self.kinds & !kinds == 0;
        match self.kinds {
            _ if self.of.is_some() => self.of.unwrap_or(Type::Any),
            kinds if kinds & !STRING == 0 => Type::Text,
            kinds if kinds & NUMBER != 0 && only(NUMBER | NULL) => Type::Number,
            kinds if kinds & BOOL != 0 && only(BOOL | NULL) => Type::Bool,
            kinds if kinds & STRING == 0 => Type::Json,
            _ => Type::Any,
        }
    }

    /// Whether an import reads a value of this kind as what it is.
    fn takes(&self, kind: u8) -> bool {
        match self.of() {
            Type::Text => kind == STRING,
            Type::Number => kind & (NUMBER | NULL) != 0,
            Type::Bool => kind & (BOOL | NULL) != 0,
            Type::Json | Type::Any => true,
        }
    }

    fn header(&self, delimiter: char, safe: bool) -> String {
        let of = self.of();
        let word = TYPES.iter().find(|(_, known)| *known == of);
        let word = word.map_or("", |(word, _)| word);
        let plain = of == Type::Text && !self.name.contains(':') && !self.name.is_empty();
        let text = match plain {
            true => self.name.clone(),
            false => format!("{}:{word}", self.name),
        };
        let text = if safe { guarded(text) } else { text };
        // What might be taken for something else by those who find out what stands between cells.
        let odd = text.contains([',', ';', '\t', '|'])
            || self.name.trim() != self.name
            || text
                .get(..4)
                .is_some_and(|begin| begin.eq_ignore_ascii_case("sep="));
        match odd {
            true => in_quotes(&text),
            false => quoted(&text, delimiter).into_owned(),
        }
    }

    /// A value as the text of a cell.
    fn written<'v>(&self, value: &'v RawValue) -> Cow<'v, str> {
        match (self.of(), json::string(value)) {
            (Type::Text, Some(text)) => text.into(),
            (Type::Any, Some(text)) if !is_json(text.trim()) => text.into(),
            _ => json::compact(value.get()),
        }
    }
}

/// What kind a value is; a string that no text stands for is like an object.
fn kind(value: &RawValue) -> u8 {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') if !text.contains("\\u") || json::string(value).is_some() => STRING,
        Some(b't' | b'f') => BOOL,
        Some(b'n') => NULL,
        Some(b'-' | b'0'..=b'9') => NUMBER,
        _ => OTHER,
    }
}

/// For people: a string as its text, everything else as JSON.
fn shown(value: &RawValue) -> String {
    match json::string(value) {
        Some(text) => visible(&text),
        None => visible(&json::compact(value.get())),
    }
}

/// On one line, and nothing in it that steers a terminal.
fn visible(text: &str) -> String {
    printable(&text.replace("\r\n", "\n"))
        .replace('\n', "\\n")
        .replace('\t', "\\t")
}

/// A text a spreadsheet would take for a formula gets an apostrophe before it; a number is none.
fn guarded<'t>(text: impl Into<Cow<'t, str>> + AsRef<str>) -> String {
    let bare = text.as_ref();
    let formula = bare.starts_with(['=', '+', '-', '@', '\t', '\r']);
    match formula && !is_number(bare) {
        true => format!("'{bare}"),
        false => text.into().into_owned(),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    digits && text.trim() == text && is_json(text)
}

/// The text of a cell, with quotes where an import, or another reader, would take it for something else.
fn quoted(text: &str, delimiter: char) -> Cow<'_, str> {
    let odd = |c: char| {
        c == delimiter
            || c == '"'
            || c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
    };
    match text.is_empty() || text.contains(odd) || text.trim() != text {
        true => in_quotes(text).into(),
        false => text.into(),
    }
}

fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
