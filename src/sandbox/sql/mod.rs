//! The query language of items: a parser and an evaluator, without I/O and without a clock.
//!
//! A query is either streaming ([`Shape::streams`]), and then [`Query::row`] answers for each
//! document on its own, or it needs all documents of its scope at once: [`Query::run`].

mod aggregate;
mod ast;
mod clauses;
mod computed;
mod eval;
mod expr;
mod from;
mod functions;
mod json;
mod lexer;
mod operators;
mod order;
mod parser;
mod placed;
mod plan;
mod primary;
mod print;
mod resolve;
mod resume;
mod select;
mod value;

use std::fmt;

pub use computed::Property;
pub use placed::Placed;
pub use plan::{Keys, Plan, Setting};
pub use resume::Resume;
pub use value::{Number, Value};

/// A query text that is not a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// `SC1001` and the like.
    pub code: &'static str,
    /// In the service's words where they are known.
    pub message: String,
    /// The first character of what is wrong.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
    /// What else is wrong.
    pub also: Vec<SyntaxError>,
}

impl SyntaxError {
    fn new(code: &'static str, message: impl Into<String>, start: usize, end: usize) -> Self {
        SyntaxError {
            code,
            message: message.into(),
            start,
            end,
            also: Vec::new(),
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} at {}..{}: {}",
            self.code, self.start, self.end, self.message
        )
    }
}

/// A query that cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvalError {
    /// The service can; the sandbox cannot.
    Unsupported(String),
    /// The service would refuse it, too.
    BadRequest(String),
}

/// What a query needs besides a look at each document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// `ORDER BY`
    pub order_by: bool,
    /// `TOP`
    pub top: bool,
    /// `OFFSET ... LIMIT`
    pub offset_limit: bool,
    /// `DISTINCT`
    pub distinct: bool,
    /// `GROUP BY`
    pub group_by: bool,
    /// An aggregate in `SELECT VALUE`.
    pub value_aggregate: bool,
    /// An aggregate in a select list.
    pub list_aggregate: bool,
    /// An aggregate inside a larger expression. A client cannot merge it, so that the service
    /// plans no such query; it runs one for a single range, and rewritten queries are of this form.
    pub composed: bool,
    /// No `FROM`: one row, whatever the documents.
    pub constant: bool,
    /// `FROM (SELECT ...)`: the documents are those of an inner query.
    pub derived: bool,
    /// The inner query needs all documents, which no single range has.
    pub gathered: bool,
    /// Each row is a part of an aggregate, which any number of rows may be.
    pub partial: bool,
}

impl Shape {
    /// Row by row, with nothing to remember between documents.
    pub fn streams(self) -> bool {
        // Each document has the rows of the inner query to itself.
        let own = self.derived && !self.gathered;
        let derived = self.derived && !own;
        Shape { derived, ..self } == Shape::default()
    }
}

/// A parsed query.
pub struct Query {
    select: ast::Select,
    computed: Vec<Property>,
    resume: Option<Resume>,
}

/// Parses a query text.
pub fn parse(text: &str) -> Result<Query, SyntaxError> {
    let select = parser::parse(text)?;
    resolve::check(&select)?;
    Ok(Query {
        select,
        computed: Vec::new(),
        resume: None,
    })
}

fn shape(select: &ast::Select) -> Shape {
    let value = matches!(select.projection, ast::Projection::Value(_));
    let aggregates = !select.aggregates.is_empty();
    let inner = select.derived().map(shape).unwrap_or_default();
    Shape {
        order_by: !select.order.is_empty(),
        top: select.top.is_some(),
        offset_limit: select.window.is_some(),
        distinct: select.distinct,
        group_by: !select.group.is_empty(),
        value_aggregate: aggregates && value,
        list_aggregate: aggregates && !value,
        composed: select.composed(),
        constant: select.from.is_empty(),
        derived: select.derived().is_some(),
        gathered: !inner.streams(),
        partial: partial(select),
    }
}

/// Whether it is one of the forms plans give to aggregates.
fn partial(select: &ast::Select) -> bool {
    use ast::{Expr, Projection};
    let item = |expr: &Expr| match expr {
        Expr::Object(members) => members.first().is_some_and(|(name, _)| name == "item"),
        _ => false,
    };
    let limited = select.top.is_some() || select.window.is_some() || select.distinct;
    if !select.grouped() || limited || !select.order.is_empty() || select.derived().is_some() {
        return false;
    }
    match &select.projection {
        Projection::Value(Expr::Array(items)) => items.iter().all(item),
        Projection::List(items) => items.last().is_some_and(|item| item.alias == "payload"),
        _ => false,
    }
}

impl Query {
    /// The same over documents that have computed properties.
    pub fn with(self, computed: Vec<Property>) -> Self {
        Query { computed, ..self }
    }

    /// The same from some row on.
    pub fn after(self, resume: Option<Resume>) -> Self {
        Query { resume, ..self }
    }

    /// Which parts of the language it uses.
    pub fn shape(&self) -> Shape {
        shape(&self.select)
    }

    /// The rows one document gives to a streaming query, as JSON texts.
    pub fn row(
        &self,
        parameters: &[(String, Value)],
        document: &str,
    ) -> Result<Vec<String>, EvalError> {
        self.run(parameters, &[document])
    }

    /// The rows of the query over all documents of its scope, as JSON texts.
    pub fn run(
        &self,
        parameters: &[(String, Value)],
        documents: &[&str],
    ) -> Result<Vec<String>, EvalError> {
        let rows = self.rows(parameters, documents)?;
        Ok(rows.into_iter().map(select::Row::into_text).collect())
    }

    fn rows(
        &self,
        parameters: &[(String, Value)],
        documents: &[&str],
    ) -> Result<Vec<select::Row>, EvalError> {
        let documents = select::Document::all(documents)?;
        let computed = computed::Computed::new(&self.select, &self.computed);
        let resume = self.resume.as_ref();
        select::run(&self.select, parameters, &documents, computed, resume)
    }
}

/// The `parameters` of a query body: names that start with `@`, each once.
pub fn parameters_from(json: &serde_json::Value) -> Result<Vec<(String, Value)>, String> {
    let given = match json {
        serde_json::Value::Null => return Ok(Vec::new()),
        serde_json::Value::Array(given) => given,
        _ => return Err("The parameters of a query must be an array.".to_owned()),
    };
    let mut parameters: Vec<(String, Value)> = Vec::with_capacity(given.len());
    for parameter in given {
        let (name, value) = named(parameter)?;
        if parameters.iter().any(|(other, _)| *other == name) {
            return Err(format!("The parameter '{name}' is given more than once."));
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

fn named(parameter: &serde_json::Value) -> Result<(String, Value), String> {
    let name = parameter.get("name").and_then(serde_json::Value::as_str);
    let name = name.ok_or("Every parameter of a query must have a name.")?;
    if !name.starts_with('@') || name.len() < 2 {
        return Err(format!("The parameter name '{name}' must start with '@'."));
    }
    let value = parameter.get("value").map(Value::deserialize_from);
    Ok((name.to_owned(), value.unwrap_or(Value::Undefined)))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )]

    use super::*;

    const DOCUMENT: &str = r#"{"id": "1","n":9007199254740993,"f":1.50,"a":{"b":"x","c":{"d":2}},"l":[1,"2",{"k":3}],"z":null}"#;

    fn rows(text: &str) -> Vec<String> {
        let query = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        query
            .run(&[], &[DOCUMENT])
            .unwrap_or_else(|e| panic!("{text}: {e:?}"))
    }

    fn over(text: &str, documents: &[&str]) -> Vec<String> {
        let query = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        query
            .run(&[], documents)
            .unwrap_or_else(|e| panic!("{text}: {e:?}"))
    }

    fn value(expression: &str) -> String {
        rows(&format!("SELECT VALUE {expression} FROM c")).join("|")
    }

    fn refused(text: &str) -> (&'static str, usize, usize, String) {
        let error = parse(text).err().unwrap_or_else(|| panic!("{text} parsed"));
        (error.code, error.start, error.end, error.message)
    }

    #[test]
    fn whole_documents_come_back_byte_for_byte() {
        assert_eq!(rows("SELECT * FROM c"), [DOCUMENT]);
        assert_eq!(
            rows("select value x from c as x where x.id = '1' -- the end"),
            [DOCUMENT]
        );
        assert_eq!(
            rows("SELECT TOP 1 * FROM root ORDER BY root.id DESC"),
            [DOCUMENT]
        );
        assert_eq!(rows("SELECT * FROM c.a"), [r#"{"b":"x","c":{"d":2}}"#]);
        assert_eq!(rows("SELECT * FROM c WHERE c.id = '2'"), [""; 0]);
        assert_eq!(rows("SELECT * FROM c.nothing"), [""; 0]);
    }

    #[test]
    fn projections_name_their_members() {
        let cases = [
            (
                "SELECT c.a.b, c.n AS m FROM c",
                r#"{"b":"x","m":9007199254740993}"#,
            ),
            (
                "SELECT c['a']['b'], c.l[0], 1 + 1, c.nope FROM c",
                r#"{"b":"x","$1":1,"$2":2}"#,
            ),
            ("SELECT c.f, c.z FROM c", r#"{"f":1.5,"z":null}"#),
            (
                "SELECT VALUE {'n': c.n, \"o\": [c.a.c, c.nope, 1.0]} FROM c",
                r#"{"n":9007199254740993,"o":[{"d":2},1]}"#,
            ),
            ("SELECT 1", r#"{"$1":1}"#),
            ("SELECT VALUE i FROM i IN c.l WHERE IS_NUMBER(i)", "1"),
            (
                "SELECT i.k FROM c JOIN i IN c.l WHERE i.k = 3",
                r#"{"k":3}"#,
            ),
            (
                "SELECT VALUE ARRAY(SELECT VALUE i FROM i IN c.l WHERE IS_STRING(i)) FROM c",
                r#"["2"]"#,
            ),
            (
                "SELECT VALUE c.id FROM c WHERE EXISTS(SELECT VALUE i FROM i IN c.l WHERE i.k = 3)",
                "\"1\"",
            ),
            (
                "SELECT (SELECT VALUE COUNT(1) FROM i IN c.l) AS n FROM c",
                r#"{"n":3}"#,
            ),
            (
                "SELECT t.v FROM c JOIN (SELECT VALUE {'v': i} FROM i IN c.l WHERE i = 1) AS t",
                r#"{"v":1}"#,
            ),
        ];
        for (text, row) in cases {
            assert_eq!(rows(text), [row], "{text}");
        }
        assert_eq!(rows("SELECT VALUE c.nope FROM c"), [""; 0]);
        assert_eq!(rows("SELECT c.nope FROM c"), ["{}"]);
    }

    #[test]
    fn operators_bind_and_have_no_value_where_they_make_no_sense() {
        let cases = [
            ("1 + 2 * 3 - 4 / 2", "5"),
            ("-2 - -3", "1"),
            ("7 % 4 & 2 | 8", "10"),
            ("-1 >>> 28", "15"),
            ("~5", "-6"),
            ("'a' || 'b' = 'ab'", "true"),
            ("NOT 1 = 2 AND true", "true"),
            ("true OR undefined", "true"),
            ("false OR undefined", ""),
            ("false AND undefined", "false"),
            ("1 < '2'", ""),
            ("[1] < [2]", ""),
            ("1 / 0", ""),
            ("1 = '1'", "false"),
            ("c.z != 1", "true"),
            ("c.nope != 1", ""),
            ("c.nope ?? c.id ?? 2", "\"1\""),
            ("c.nope ? 1 : 2 = 2 ? 3 : 4", "3"),
            ("{'a': 1, 'b': [1.0]} = {'b': [1], 'a': 1}", "true"),
            ("2 IN (1, 2)", "true"),
            ("2 NOT IN (1, 2)", "false"),
            ("2 BETWEEN 1 AND 2 AND true", "true"),
            ("'aXc_' LIKE 'a[A-Z]%!_' ESCAPE '!'", "true"),
            ("'abc' LIKE 'a[^b]%'", "false"),
            (
                "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' LIKE '%a%a%a%a%a%a%a%a%b'",
                "false",
            ),
            ("9007199254740993 = 9007199254740992", "false"),
            ("0x1F + 1e2", "131"),
            ("'\\u0041\\n\\''", "\"A\\n'\""),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551615 * 1", "1.8446744073709552e+19"),
        ];
        for (expression, result) in cases {
            assert_eq!(value(expression), result, "{expression}");
        }
    }

    #[test]
    fn functions_give_what_is_documented() {
        let cases = [
            ("IS_DEFINED(c.nope)", "false"),
            ("is_integer(1.5)", "false"),
            ("CONCAT('a', 'b', 'c')", "\"abc\""),
            ("CONTAINS('Abc', 'B', true)", "true"),
            ("STARTSWITH('Abc', 'a')", "false"),
            ("INDEX_OF('äbc', 'c')", "2"),
            ("INDEX_OF('abc', 'z')", "-1"),
            ("SUBSTRING('hello', 1, 3)", "\"ell\""),
            ("RIGHT('hello', 2) || LEFT('hello', 9)", "\"lohello\""),
            ("REPLICATE('ab', 1e18)", ""),
            ("TRIM('  a ')", "\"a\""),
            ("STRINGSPLIT('a,b', ',')", r#"["a","b"]"#),
            ("STRINGJOIN(['a', 'b'], '-')", "\"a-b\""),
            ("ToString({'a': 1.0})", r#""{\"a\":1}""#),
            ("StringToNumber('1e2')", "100"),
            ("StringToArray('{}')", ""),
            ("ROUND(2.567, 1)", "2.6"),
            ("ABS(-3)", "3"),
            ("SQRT(-1)", ""),
            ("INTDIV(7, 0)", ""),
            ("INTMUL(9223372036854775807, 2)", ""),
            ("ARRAY_CONTAINS(c.l, {'k': 3})", "true"),
            ("ARRAY_CONTAINS([{'a': 1, 'b': 2}], {'a': 1}, true)", "true"),
            ("ARRAY_CONTAINS([{'a': 1, 'b': 2}], {'a': 1})", "false"),
            ("ARRAY_CONTAINS_ANY([1, 2], 3, 2)", "true"),
            ("ARRAY_SLICE([1, 2, 3, 4], -3, 2)", "[2,3]"),
            ("SETUNION([1, 2], [2.0, 3])", "[1,2,3]"),
            ("OBJECTTOARRAY({'a': 1})", r#"[{"k":"a","v":1}]"#),
            ("CHOOSE(2, 'a', 'b')", "\"b\""),
            ("IIF(1 = 1, 'a', 'b')", "\"a\""),
        ];
        for (expression, result) in cases {
            assert_eq!(value(expression), result, "{expression}");
        }
    }

    #[test]
    fn syntax_errors_are_where_the_service_finds_them() {
        let refusals = [
            ("SELECT * FROM c;", "SC1010", 15, 16),
            ("SELECT * FROM c /* no */", "SC1001", 16, 17),
            ("SELECT TOP -1 c.name FROM c", "SC1001", 11, 12),
            ("SELECT TOP 4294967296 c.name FROM c", "SC2060", 11, 21),
            (
                "SELECT c.name FROM c OFFSET 4294967296 LIMIT 10",
                "SC2062",
                28,
                38,
            ),
            (
                "SELECT c.name FROM c OFFSET 10 LIMIT 4294967296",
                "SC2061",
                37,
                47,
            ),
            ("SELECT BADFUNC(r.age) FROM Root r", "SC2005", 7, 14),
            (
                "SELECT * FROM Root r WHERE STARTSWITH(r.key, 'a', 'b', 'c')",
                "SC2050",
                27,
                59,
            ),
            ("SELECT VALUE MAX(MIN(r)) From r", "SC2101", 13, 24),
            (
                "SELECT ROW_NUMBER() OVER(ORDER BY c.a) AS rn FROM c",
                "SC1001",
                20,
                24,
            ),
            ("SELECT * FROM c GROUP BY c.age", "SC2041", 7, 8),
            ("SELECT d.x FROM c", "SC2001", 7, 8),
            ("SELECT c.b, COUNT(1) FROM c GROUP BY c.a", "SC2102", 7, 10),
            ("SELECT c.value FROM c", "SC1001", 9, 14),
            ("SELECT * FROM c ORDER BY LOWER(c.a)", "2206", 0, 0),
            ("SELECT 'open", "SC1012", 7, 12),
            ("SELECT", "SC1001", 6, 6),
            ("SELECT COUNT(*) FROM c", "SC1001", 13, 14),
        ];
        for (text, code, start, end) in refusals {
            let (found, from, to, message) = refused(text);
            assert_eq!((found, from, to), (code, start, end), "{text}: {message}");
        }
        let near_from = "Syntax error, incorrect syntax near 'FROM'.";
        assert_eq!(refused("SELECT c.a, FROM c").3, near_from);
        let arity = "The STARTSWITH function requires 2 to 3 argument(s).";
        assert_eq!(refused("SELECT STARTSWITH(1)").3, arity);
    }

    #[test]
    fn what_only_the_service_has_is_said_to_be_missing() {
        for call in [
            "GetCurrentDateTime()",
            "VectorDistance([1], [2])",
            "RegexMatch('a', 'b')",
            "udf.f(c.a)",
        ] {
            let query =
                parse(&format!("SELECT VALUE {call} FROM c")).unwrap_or_else(|e| panic!("{e}"));
            assert!(
                matches!(query.row(&[], DOCUMENT), Err(EvalError::Unsupported(_))),
                "{call}"
            );
        }
    }

    #[test]
    fn hostile_texts_are_refused_and_not_fatal() {
        let deep = [
            format!("SELECT {}1", "(".repeat(100_000)),
            format!(
                "SELECT {}1",
                "-".repeat(2).replace("--", "- ").repeat(100_000)
            ),
            format!("SELECT {}1", "NOT ".repeat(100_000)),
            format!("SELECT 1{}", "+1".repeat(100_000)),
            format!("SELECT {}", "[".repeat(100_000)),
            format!("SELECT {}", "(SELECT ".repeat(100_000)),
            format!("SELECT 1{}", " IN (1)".repeat(100_000)),
            format!("SELECT * FROM c{}", ".a[".repeat(100_000)),
            format!("SELECT {}", "1?1:".repeat(100_000)),
        ];
        for text in deep {
            assert_eq!(refused(&text).0, "SC1001");
        }
        let wide = format!(
            "SELECT VALUE c.a FROM c WHERE false{}",
            " OR c.id = '1'".repeat(10_000)
        );
        assert_eq!(rows(&wide).len(), 1);
        let long = format!("SELECT VALUE c{} FROM c", ".a".repeat(10_000));
        assert_eq!(rows(&long).len(), 0);
        let nested = format!("SELECT VALUE {}1{} FROM c", "(-".repeat(60), ")".repeat(60));
        assert_eq!(rows(&nested), ["1"]);
        let joins = |count: usize| {
            let joins = (0..count).map(|i| format!(" JOIN a{i} IN c.l"));
            parse(&format!(
                "SELECT VALUE 1 FROM c{} WHERE false",
                joins.collect::<String>()
            ))
        };
        assert!(joins(11).is_err());
        let many = joins(10).unwrap_or_else(|e| panic!("{e}"));
        assert!(matches!(
            many.row(&[], r#"{"l":[1,2,3,4,5,6]}"#),
            Err(EvalError::Unsupported(_))
        ));
    }

    #[test]
    fn order_distinct_and_the_window_apply_in_turn() {
        let documents = [
            r#"{"k":"b"}"#,
            r#"{"k":10}"#,
            r#"{}"#,
            r#"{"k":null}"#,
            r#"{"k":true}"#,
            r#"{"k":9}"#,
            r#"{"k":{}}"#,
            r#"{"k":[]}"#,
            r#"{"k":"a"}"#,
            r#"{"k":false}"#,
            r#"{"k":9.0}"#,
        ];
        let up = over("SELECT VALUE [c.k] FROM c ORDER BY c.k", &documents).concat();
        assert_eq!(up, "[][null][false][true][9][9][10][\"a\"][\"b\"][[]][{}]");
        let down = over(
            "SELECT DISTINCT VALUE c.k FROM c ORDER BY c.k DESC OFFSET 1 LIMIT 5",
            &documents,
        )
        .join(" ");
        assert_eq!(down, "[] \"b\" \"a\" 10 9");
        let two = [r#"{"a":1,"b":1}"#, r#"{"a":2,"b":1}"#, r#"{"a":1,"b":2}"#];
        let pairs = over(
            "SELECT VALUE [c.a, c.b] FROM c ORDER BY c.a DESC, c.b DESC",
            &two,
        )
        .join(" ");
        assert_eq!(pairs, "[2,1] [1,2] [1,1]");
        let query = parse("SELECT TOP @n VALUE c.a FROM c").unwrap_or_else(|e| panic!("{e}"));
        let n = |json: serde_json::Value| {
            parameters_from(&serde_json::json!([{"name": "@n", "value": json}])).unwrap()
        };
        assert_eq!(query.run(&n(2.into()), &two).unwrap(), ["1", "2"]);
        assert!(matches!(
            query.run(&n("2".into()), &two),
            Err(EvalError::BadRequest(_))
        ));
    }

    #[test]
    fn groups_come_in_the_order_they_are_met() {
        let documents = [
            r#"{"k":"b","n":1}"#,
            r#"{"k":"a","n":2}"#,
            r#"{"k":"b","n":3}"#,
            r#"{"n":5}"#,
            r#"{"k":null,"n":"x"}"#,
        ];
        let list = over(
            "SELECT c.k, COUNT(1) AS n, SUM(c.n), MAX(c.n) AS most FROM c GROUP BY c.k",
            &documents,
        );
        assert_eq!(
            list.join(" "),
            concat!(
                r#"{"k":"b","n":2,"$1":4,"most":3} {"k":"a","n":1,"$1":2,"most":2} "#,
                r#"{"n":1,"$1":5,"most":5} {"k":null,"n":1,"most":"x"}"#
            )
        );
        // The forms a client is told to send to each partition range.
        let rewritten = "SELECT [{\"item\": c.k}] AS groupByItems, {\"$1\": {\"item\": COUNT(1)}} AS payload FROM c GROUP BY c.k";
        assert_eq!(
            over(rewritten, &documents)[0],
            r#"{"groupByItems":[{"item":"b"}],"payload":{"$1":{"item":2}}}"#
        );
        let average = "SELECT VALUE [{\"item\": {\"sum\": SUM(c.n), \"count\": COUNT(c.n)}}] FROM c WHERE IS_NUMBER(c.n)";
        assert_eq!(
            over(average, &documents),
            [r#"[{"item":{"sum":11,"count":4}}]"#]
        );
        let ordered = "SELECT c._rid, [{\"item\": c.n}] AS orderByItems, c AS payload FROM c WHERE (c.k = 'b') AND (true) ORDER BY c.n DESC";
        assert_eq!(
            over(ordered, &documents)[0],
            r#"{"orderByItems":[{"item":3}],"payload":{"k":"b","n":3}}"#
        );
        assert_eq!(
            over(
                "SELECT VALUE COUNT(1) FROM (SELECT DISTINCT VALUE c.k FROM c)",
                &documents
            ),
            ["3"]
        );
        assert_eq!(
            over(
                "SELECT COUNT(1), AVG(c.n) AS mean FROM c WHERE false",
                &documents
            ),
            [r#"{"$1":0}"#]
        );
    }

    #[test]
    fn shapes_tell_which_queries_stream() {
        let streams = |text: &str| {
            parse(text)
                .unwrap_or_else(|e| panic!("{e}"))
                .shape()
                .streams()
        };
        assert!(streams(
            "SELECT c.a FROM c JOIN i IN c.l WHERE c.a LIKE 'x%'"
        ));
        assert!(streams(
            "SELECT VALUE (SELECT VALUE COUNT(1) FROM i IN c.l) FROM c"
        ));
        let whole = [
            "SELECT TOP 1 * FROM c",
            "SELECT DISTINCT c.a FROM c",
            "SELECT * FROM c ORDER BY c.a",
            "SELECT c.a FROM c GROUP BY c.a",
            "SELECT * FROM c OFFSET 0 LIMIT 1",
            "SELECT VALUE COUNT(1) FROM c",
            "SELECT SUM(c.a) FROM c",
            "SELECT c.a FROM (SELECT DISTINCT c.a FROM c) AS c",
            "SELECT 1",
        ];
        for text in whole {
            assert!(!streams(text), "{text}");
        }
        let composed = |text: &str| {
            parse(text)
                .unwrap_or_else(|e| panic!("{e}"))
                .shape()
                .composed
        };
        assert!(composed("SELECT c.k, ABS(AVG(c.a)) FROM c GROUP BY c.k"));
        assert!(!composed(
            "SELECT c.k, AVG(c.a), COUNT(1) AS n FROM c GROUP BY c.k"
        ));
        assert!(!composed("SELECT VALUE SUM(c.a + 1) FROM c"));
    }

    #[test]
    fn parameters_have_names_of_their_own() {
        let parse = |text: &str| parameters_from(&serde_json::from_str(text).unwrap());
        assert!(parse(r#"[{"name":"n","value":1}]"#).is_err());
        assert!(parse(r#"[{"name":"@n","value":1},{"name":"@n","value":2}]"#).is_err());
        assert!(parse(r#"{"name":"@n"}"#).is_err());
        let given = parse(r#"[{"name":"@n","value":9007199254740993},{"name":"@o"}]"#).unwrap();
        let query = super::parse("SELECT VALUE [@n, @o, @p, c.n = @n] FROM c")
            .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(
            query.row(&given, DOCUMENT).unwrap(),
            ["[9007199254740993,true]"]
        );
    }

    #[test]
    fn aggregates_answer_as_recorded() {
        let fixture = include_str!("../../../fixtures/query/aggregate_mixed_types.json");
        let fixture: serde_json::Value = serde_json::from_str(fixture).unwrap();
        let texts: Vec<String> = fixture["documents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d.to_string())
            .collect();
        let documents: Vec<&str> = texts.iter().map(String::as_str).collect();
        let queries = fixture["queries"].as_array().unwrap();
        assert_eq!(queries.len(), 123);
        for case in queries {
            let any_order = case["anyOrder"] == true;
            let text = case["query"].as_str().unwrap();
            let found = over(text, &documents)
                .iter()
                .map(|row| answer(row, any_order))
                .collect::<Vec<_>>();
            let rows = case["rows"].as_array().unwrap();
            let recorded = rows
                .iter()
                .map(|row| answer(&row.to_string(), any_order))
                .collect::<Vec<_>>();
            assert_eq!(found, recorded, "{text}");
        }
    }

    /// A row to compare: its elements sorted where their order says nothing.
    fn answer(row: &str, any_order: bool) -> String {
        match Value::parse(row).unwrap() {
            Value::Array(items) if any_order => {
                let mut keys: Vec<String> = items.iter().map(Value::key).collect();
                keys.sort();
                keys.join(" ")
            }
            value => value.key(),
        }
    }
}
