//! Standard output: the data that was asked for, and nothing else.
//!
//! Values pass through as text: numbers keep their digits and members their order.

mod grid;
pub mod json;
mod spool;

use std::borrow::Cow;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use serde_json::value::RawValue;

use crate::cli::settings::Settings;
use crate::error::Error;
use crate::show::printable;
use grid::{Chosen, Grid, Layout, Style};
pub use json::lookup;

/// How values are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// One resource as [`Format::Json`], rows as [`Format::Ndjson`].
    #[default]
    Auto,
    /// Indented on a terminal, compact in a pipe; rows as one array.
    Json,
    /// A line per value.
    Ndjson,
    /// Columns for people.
    Table,
    /// Comma-separated, with a header.
    Csv,
    /// Tab-separated, with a header.
    Tsv,
    /// As it came; what a pointer found without its quotes.
    Raw,
    /// Nothing at all.
    None,
}

const FORMATS: &[(&str, Format)] = &[
    ("auto", Format::Auto),
    ("json", Format::Json),
    ("ndjson", Format::Ndjson),
    ("table", Format::Table),
    ("csv", Format::Csv),
    ("tsv", Format::Tsv),
    ("raw", Format::Raw),
    ("none", Format::None),
];

impl Format {
    /// Reads a name; the error lists the known ones.
    pub fn parse(text: &str) -> Result<Format, Error> {
        let found = FORMATS.iter().find(|(name, _)| *name == text);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let known: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
            let known = known.join(", ");
            Error::usage(format!("{text:?} is not an output format: one of {known}"))
        })
    }

    /// What the end of a file's name says.
    pub fn of_name(name: &str) -> Option<Format> {
        let (_, end) = name.rsplit_once('.')?;
        let end = end.to_ascii_lowercase();
        match end.as_str() {
            "jsonl" => Some(Format::Ndjson),
            "json" | "ndjson" | "csv" | "tsv" => Format::parse(&end).ok(),
            _ => None,
        }
    }

    fn style(self) -> Option<Style> {
        match self {
            Format::Table => Some(Style::Table),
            Format::Csv => Some(Style::Separated(',')),
            Format::Tsv => Some(Style::Separated('\t')),
            _ => None,
        }
    }
}

/// What stands between cells: one character, or its name.
pub fn delimiter(text: Option<&str>) -> Result<Option<u8>, Error> {
    const NAMES: &[(&str, u8)] = &[
        ("comma", b','),
        ("semicolon", b';'),
        ("tab", b'\t'),
        ("\\t", b'\t'),
        ("pipe", b'|'),
        ("space", b' '),
    ];
    let Some(text) = text else { return Ok(None) };
    let named = NAMES.iter().find(|(name, _)| *name == text);
    let one = match text.as_bytes() {
        [byte] if !byte.is_ascii_alphanumeric() && !b"\"\r\n".contains(byte) => Some(*byte),
        _ => None,
    };
    named
        .map(|(_, byte)| *byte)
        .or(one.filter(u8::is_ascii))
        .map(Some)
        .ok_or_else(|| {
            Error::usage(format!(
                "--delimiter {text:?}: it is one character of ASCII that is no letter, digit, quote or line break; or comma, semicolon, tab, pipe or space"
            ))
        })
}

/// What the command line says of columns, for this format.
fn layout(settings: &Settings, format: Format) -> Result<Layout, Error> {
    let columns = settings.text("columns");
    let columns = columns.map(|text| Chosen::read(&text)).transpose()?;
    let layout = Layout {
        columns: columns.unwrap_or_default(),
        delimiter: delimiter(settings.text("delimiter").as_deref())?,
        safe: settings.on("csv-safe"),
    };
    if format.style().is_none() && settings.args().has("columns") {
        return Err(Error::usage("--columns: add -o table, csv or tsv"));
    }
    Ok(layout)
}

/// Whether a list is being written, and how far it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    None,
    Empty,
    Open,
}

/// Writes values. Every method fails with [`Error::Closed`] once nobody reads any more, which is no failure but a
/// reason to stop, and with [`Error::Local`] when something could not be written.
pub struct Output {
    format: Format,
    get: Option<String>,
    terminal: bool,
    to: Box<dyn Write>,
    /// Something could not be written.
    broken: bool,
    list: List,
    grid: Option<Grid>,
    /// Room for the text of a row.
    line: String,
}

impl Output {
    /// `get` is a JSON pointer applied to every value; refuses one that is none.
    pub fn new(
        format: Format,
        get: Option<String>,
        terminal: bool,
        to: Box<dyn Write>,
    ) -> Result<Output, Error> {
        json::check_pointer(get.as_deref().unwrap_or_default())?;
        Ok(Output {
            format,
            get,
            terminal,
            to,
            broken: false,
            list: List::None,
            grid: format
                .style()
                .map(|style| Grid::new(style, &Layout::default())),
            line: String::new(),
        })
    }

    /// In the columns that the command line asks for.
    pub fn laid_out(mut self, settings: &Settings) -> Result<Output, Error> {
        let layout = layout(settings, self.format)?;
        self.grid = self.format.style().map(|style| Grid::new(style, &layout));
        Ok(self)
    }

    /// These columns come first, unless others were asked for.
    pub fn expect_columns(&mut self, names: &[String]) {
        if let Some(grid) = &mut self.grid {
            grid.expect(names);
        }
    }

    /// The columns are those of all rows, which may wait in a file in this folder until then.
    pub fn look_at_all(&mut self, folder: PathBuf) {
        if let Some(grid) = self.grid.as_mut().filter(|_| self.format != Format::Table) {
            grid.look_at_all(folder);
        }
    }

    /// The format it was made with.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Writes a single resource. [`Error::Local`] where the pointer finds nothing in it.
    pub fn one(&mut self, value: &RawValue) -> Result<(), Error> {
        let pointer = self.get.as_deref().unwrap_or_default();
        let found = json::find(value, pointer)
            .ok_or_else(|| Error::local(format!("the answer has nothing at {pointer}")))?;
        let text = match self.format {
            Format::Auto | Format::Json if self.terminal => json::pretty(found, 0) + "\n",
            _ if self.grid.is_some() => return self.in_grid(Some(found), true),
            _ => self.rendered(found),
        };
        self.write(&text)
    }

    /// Says that rows follow, perhaps none: an empty list is `[]` in JSON, and no answer is nothing.
    pub fn list(&mut self) {
        if self.list == List::None {
            self.list = List::Empty;
        }
    }

    /// Writes an element of a list; `null` where the pointer finds nothing in it.
    pub fn row(&mut self, value: &RawValue) -> Result<(), Error> {
        let pointer = self.get.as_deref().unwrap_or_default();
        let found = json::find(value, pointer).unwrap_or(RawValue::NULL);
        let text = match (self.format, self.list) {
            (Format::Json, List::Open) => self.element(",", found),
            (Format::Json, _) => self.element("[", found),
            _ if self.grid.is_some() => return self.in_grid(Some(found), true),
            _ => self.rendered(found),
        };
        self.list = List::Open;
        self.write(&text)
    }

    /// Writes elements of a list that stand on lines of their own: in one go, where that is how they are written.
    pub fn rows(&mut self, lines: &[u8]) -> Result<(), Error> {
        let plain = self.is_lines();
        if plain && !self.terminal {
            return self.put(lines);
        }
        let lines = std::str::from_utf8(lines).map_err(|e| Error::answer(e.to_string()))?;
        if plain {
            return self.write(lines);
        }
        for line in lines.lines() {
            let row = serde_json::from_str(line).map_err(|e| Error::answer(e.to_string()))?;
            self.row(row)?;
        }
        Ok(())
    }

    /// The same as [`Output::row`], of JSON that need not be read again where it is written as it is.
    pub fn text_row(&mut self, text: &str) -> Result<(), Error> {
        if !self.is_lines() {
            let row = serde_json::from_str(text).map_err(|e| Error::answer(e.to_string()))?;
            return self.row(row);
        }
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        line.push_str(&json::compact(text));
        line.push('\n');
        let written = self.write(&line);
        self.line = line;
        written
    }

    /// Whether a row is a line as it came.
    fn is_lines(&self) -> bool {
        let lines = [Format::Auto, Format::Ndjson, Format::None];
        self.get.is_none() && lines.contains(&self.format)
    }

    /// Writes plain text, such as help.
    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        self.write(&format!("{text}{end}"))
    }

    /// Writes the rows that were held back. For a list that broke off: what came is shown, and a JSON list stays open.
    pub fn spill(&mut self) -> Result<(), Error> {
        self.in_grid(None, true)
    }

    /// Puts a row into its columns, or finishes what waits for them.
    fn in_grid(&mut self, row: Option<&RawValue>, early: bool) -> Result<(), Error> {
        let Some(mut grid) = self.grid.take() else {
            return Ok(());
        };
        let mut emit = |text: &str| self.write(text);
        let done = match row {
            Some(row) => grid.row(row, &mut emit),
            None => grid.finish(early, &mut emit),
        };
        self.grid = Some(grid);
        done
    }

    /// Ends what was begun and makes sure that all of it was written.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.in_grid(None, false)?;
        let mut text = String::new();
        if self.format == Format::Json {
            text.push_str(match (self.list, self.terminal) {
                (List::None, _) => "",
                (List::Empty, _) => "[]\n",
                (List::Open, true) => "\n]\n",
                (List::Open, false) => "]\n",
            });
        }
        self.list = List::None;
        self.write(&text)?;
        let flushed = self.to.flush().map_err(failed);
        self.broken |= flushed.is_err();
        flushed
    }

    /// Whether something could not be written.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// What could not be shown as it is, in sentences.
    pub fn losses(&self) -> Vec<String> {
        self.grid.as_ref().map(Grid::losses).unwrap_or_default()
    }

    /// A value on lines of its own.
    fn rendered(&self, value: &RawValue) -> String {
        match self.format {
            Format::Raw => {
                let bare = self.get.as_ref().and_then(|_| json::string(value));
                bare.unwrap_or_else(|| value.get().to_string()) + "\n"
            }
            _ => json::compact(value.get()).into_owned() + "\n",
        }
    }

    /// A value as an element of an array that is written while it comes.
    fn element(&self, before: &str, value: &RawValue) -> String {
        match (self.terminal, before) {
            (true, _) => format!("{before}\n  {}", json::pretty(value, 1)),
            (false, ",") => format!(",\n{}", json::compact(value.get())),
            (false, _) => format!("{before}{}", json::compact(value.get())),
        }
    }

    fn write(&mut self, text: &str) -> Result<(), Error> {
        let shown = match self.format {
            _ if !self.terminal || text.is_empty() => Cow::from(text),
            Format::Auto | Format::Json | Format::Ndjson => json::tame(text.to_string()).into(),
            _ => printable(text).into(),
        };
        self.put(shown.as_bytes())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() || self.format == Format::None {
            return Ok(());
        }
        let written = self.to.write_all(bytes);
        let written = written.and_then(|()| self.to.flush()).map_err(failed);
        self.broken |= written.is_err();
        written
    }
}

fn failed(error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::BrokenPipe => Error::Closed,
        _ => Error::local(format!("cannot write the output: {error}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    mod round_trip;

    use super::*;
    use std::cell::RefCell;
    use std::io;
    use std::rc::Rc;

    #[derive(Clone, Default)]
    struct Page(Rc<RefCell<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Fails with this kind: at every write, or only once what was held back is to go out.
    struct Broken(ErrorKind, bool);

    impl Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 {
                return Ok(bytes.len());
            }
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_string()).unwrap()
    }

    #[test]
    fn a_list_that_breaks_off_shows_what_came_and_stays_open() {
        for (format, shown) in [
            ("csv", "a:number\n1\n"),
            ("json", "[{\"a\":1}"),
            ("ndjson", "{\"a\":1}\n"),
        ] {
            let page = Page::default();
            let to = Box::new(page.clone());
            let mut output = Output::new(Format::parse(format).unwrap(), None, false, to).unwrap();
            output.row(&raw("{\"a\":1}")).unwrap();
            output.spill().unwrap();
            assert_eq!(String::from_utf8_lossy(&page.0.borrow()), shown, "{format}");
        }
    }

    fn written(
        format: &str,
        get: Option<&str>,
        terminal: bool,
        use_it: impl Fn(&mut Output) -> Result<(), Error>,
    ) -> String {
        let page = Page::default();
        let format = Format::parse(format).unwrap();
        let get = get.map(str::to_string);
        let mut output = Output::new(format, get, terminal, Box::new(page.clone())).unwrap();
        use_it(&mut output).unwrap();
        output.finish().unwrap();
        let bytes = page.0.borrow().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn rows(format: &str, get: Option<&str>, terminal: bool, texts: &[&str]) -> String {
        written(format, get, terminal, |output| {
            output.list();
            texts.iter().try_for_each(|text| output.row(&raw(text)))
        })
    }

    const ITEM: &str = r#"{"z":9007199254740993, "a":1.10,"e":1e400,"s":"x"}"#;

    #[test]
    fn numbers_and_order_survive_every_format() {
        let one = |format, terminal| written(format, None, terminal, |o| o.one(&raw(ITEM)));
        let line = "{\"z\":9007199254740993,\"a\":1.10,\"e\":1e400,\"s\":\"x\"}\n";
        assert_eq!(one("auto", false), line);
        assert_eq!(one("json", false), line);
        assert_eq!(one("ndjson", true), line);
        assert_eq!(
            one("auto", true),
            "{\n  \"z\": 9007199254740993,\n  \"a\": 1.10,\n  \"e\": 1e400,\n  \"s\": \"x\"\n}\n"
        );
        assert_eq!(
            one("csv", false),
            "z:number,a:number,e:number,s\n9007199254740993,1.10,1e400,x\n"
        );
        assert_eq!(
            one("table", false),
            "z                 a     e      s\n----------------  ----  -----  -\n9007199254740993  1.10  1e400  x\n"
        );
        assert_eq!(one("raw", false), format!("{ITEM}\n"));
        assert_eq!(one("none", true), "");
    }

    #[test]
    fn lists_are_lines_or_one_array() {
        let two = [r#"{"a": 1}"#, "[2,\n3]"];
        assert_eq!(rows("auto", None, true, &two), "{\"a\":1}\n[2,3]\n");
        assert_eq!(rows("json", None, false, &two), "[{\"a\":1},\n[2,3]]\n");
        assert_eq!(
            rows("json", None, true, &two),
            "[\n  {\n    \"a\": 1\n  },\n  [\n    2,\n    3\n  ]\n]\n"
        );
        assert_eq!(rows("json", None, true, &[]), "[]\n");
        assert_eq!(rows("auto", None, true, &[]), "");
        assert_eq!(rows("csv", None, true, &[]), "");
        assert_eq!(written("json", None, false, |_| Ok(())), "");
    }

    #[test]
    fn a_pointer_picks_and_raw_unquotes() {
        let items = [r#"{"n":{"m":"a\nb"}}"#, r#"{"n":1.0}"#];
        let all = |format| rows(format, Some("/n/m"), false, &items);
        assert_eq!(all("auto"), "\"a\\nb\"\nnull\n");
        assert_eq!(all("raw"), "a\nb\nnull\n");
        let page = Box::new(Page::default());
        let mut output = Output::new(Format::Auto, Some("/x".into()), false, page).unwrap();
        let missing = output.one(&raw("{}")).unwrap_err();
        assert_eq!(missing.to_string(), "the answer has nothing at /x");
        let wrong = Output::new(Format::Auto, Some("x".into()), false, Box::new(io::sink()));
        assert!(matches!(wrong, Err(Error::Usage(_))));
    }

    #[test]
    fn cells_are_written_so_that_an_import_reads_what_they_were() {
        let items = [
            r#"{"id":"=1+1","n":-5,"t":"-5","o":{"a": [1, 2]}}"#,
            r#"{"id":"a\"b,c\n","more":null,"t":"-5-3"}"#,
        ];
        assert_eq!(
            rows("csv", None, false, &items),
            "id,n:number,t,o:json,more:json\n=1+1,-5,-5,\"{\"\"a\"\":[1,2]}\",\n\"a\"\"b,c\n\",,-5-3,,null\n"
        );
        assert_eq!(
            rows("tsv", None, false, &[r#"{"a":"x\ty\\","b":"@z"}"#]),
            "a\tb\n\"x\ty\\\"\t@z\n"
        );
        let odd = [
            r#"{"a:b":"","":1," c ":true,"v":"null","x;y":"a;b"}"#,
            r#"{"v":null," c ":null,"a:b":" "}"#,
            r#"{"v":"plain"}"#,
        ];
        assert_eq!(
            rows("csv", None, false, &odd),
            "a:b:string,:number,\" c :bool\",v:any,\"x;y\"\n\"\",1,true,\"\"\"null\"\"\",a;b\n\" \",,null,null,\n,,,plain,\n"
        );
        assert_eq!(
            rows("table", None, false, &[r#"{"a":"\u001b[2Jx\ny"}"#, "7"]),
            "a              value\n-------------  -----\n\\u{1b}[2Jx\\ny\n               7\n"
        );
        assert_eq!(
            rows("raw", Some(""), true, &["\"\\u001b[2J\""]),
            "\\u{1b}[2J\n"
        );
    }

    #[test]
    fn columns_come_from_the_first_rows_and_what_they_do_not_show_is_named() {
        let page = Page::default();
        let mut output = Output::new(Format::Csv, None, false, Box::new(page.clone())).unwrap();
        let text = "x".repeat(1 << 20);
        for n in 0..4 {
            assert!(page.0.borrow().is_empty(), "{n}");
            let row = format!("{{\"a\":{n},\"t\":\"{text}\"}}");
            output.row(&raw(&row)).unwrap();
        }
        assert!(page.0.borrow().starts_with(b"a:number,t\n0,xxx"));
        assert!(output.losses().is_empty());
        output.row(&raw(r#"{"b":1,"a":100}"#)).unwrap();
        output.row(&raw(r#"{"b":2,"a":null,"t":5}"#)).unwrap();
        output.finish().unwrap();
        assert!(page.0.borrow().ends_with(b"\n100,\nnull,5\n"));
        let [left_out, misfit] = output.losses().try_into().unwrap();
        assert!(left_out.contains("without a column: b."), "{left_out}");
        assert!(misfit.contains("header says: t."), "{misfit}");
    }

    #[test]
    fn where_all_rows_are_looked_at_first_each_property_has_its_column() {
        let page = Page::default();
        let mut output = Output::new(Format::Tsv, None, false, Box::new(page.clone())).unwrap();
        output.look_at_all(std::env::temp_dir());
        let text = "x".repeat(3 << 20);
        for n in 0..4 {
            output
                .row(&raw(&format!("{{\"a\":{n},\"t\":\"{text}\"}}")))
                .unwrap();
        }
        output.row(&raw(r#"{"b":[ 1 ],"t":5}"#)).unwrap();
        assert!(page.0.borrow().is_empty());
        output.finish().unwrap();
        assert!(
            page.0
                .borrow()
                .starts_with(b"a:number\tt:any\tb:json\n0\txxx")
        );
        assert!(page.0.borrow().ends_with(b"xxx\t\n\t5\t[1]\n"));
        assert!(output.losses().is_empty());
    }

    #[test]
    fn a_reader_that_left_is_no_failure_and_a_full_disk_is() {
        let fails = |kind, late| {
            let to = Box::new(Broken(kind, late));
            let mut output = Output::new(Format::Table, None, false, to).unwrap();
            output.row(&raw("{\"a\":1}")).unwrap();
            output.finish().unwrap_err()
        };
        assert!(matches!(fails(ErrorKind::BrokenPipe, false), Error::Closed));
        assert!(matches!(fails(ErrorKind::BrokenPipe, true), Error::Closed));
        assert!(matches!(
            fails(ErrorKind::StorageFull, false),
            Error::Local(_)
        ));
        assert!(matches!(
            fails(ErrorKind::StorageFull, true),
            Error::Local(_)
        ));
        let Err(Error::Usage(text)) = Format::parse("yaml") else {
            panic!("yaml is known")
        };
        assert!(text.contains("ndjson") && text.contains("none"));
    }
}
