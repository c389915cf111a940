//! Queries as the service's plan generator writes them: a clause to a line, operators in parentheses.

mod expr;
mod number;

use super::ast::{Count, Expr, Item, Order, Origin, Projection, Select, Source};

/// A text that is being written, and how deep its lines are indented.
#[derive(Default)]
struct Writer {
    out: String,
    depth: usize,
}

/// An expression of a query.
pub fn expr(expr: &Expr, select: &Select) -> String {
    write(|writer| writer.expr(expr, select))
}

/// What the query selects, `SELECT` and its words left out.
pub fn projection(select: &Select) -> String {
    write(|writer| writer.projection(select))
}

/// `FROM` and its joins, a line break before each.
pub fn from(select: &Select) -> String {
    write(|writer| writer.from(select))
}

/// `ORDER BY` after a line break, or nothing.
pub fn order(select: &Select) -> String {
    write(|writer| writer.order(select))
}

/// A whole query.
pub fn query(select: &Select) -> String {
    write(|writer| writer.select(select))
}

/// A text in the quotes of JSON.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write(fill: impl FnOnce(&mut Writer)) -> String {
    let mut writer = Writer::default();
    fill(&mut writer);
    writer.out
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn line(&mut self) {
        self.out.push('\n');
        (0..self.depth).for_each(|_| self.out.push_str("    "));
    }

    /// What `write` makes of each, with commas between.
    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            write(self, item);
        }
    }

    fn select(&mut self, select: &Select) {
        self.push("SELECT ");
        if select.distinct {
            self.push("DISTINCT ");
        }
        if let Some(top) = &select.top {
            self.push(&format!("TOP {} ", count(top)));
        }
        if matches!(select.projection, Projection::Value(_)) {
            self.push("VALUE ");
        }
        self.projection(select);
        self.from(select);
        if let Some(filter) = &select.filter {
            self.line();
            self.push("WHERE ");
            self.expr(filter, select);
        }
        if !select.group.is_empty() {
            self.line();
            self.push("GROUP BY ");
            self.list(&select.group, |writer, key| writer.expr(key, select));
        }
        self.order(select);
        if let Some((offset, limit)) = &select.window {
            self.line();
            self.push(&format!("OFFSET {} LIMIT {}", count(offset), count(limit)));
        }
    }

    fn projection(&mut self, select: &Select) {
        match &select.projection {
            Projection::All(_) => self.push("*"),
            Projection::Value(expr) => self.expr(expr, select),
            Projection::List(items) => self.list(items, |writer, item| writer.item(item, select)),
        }
    }

    fn item(&mut self, item: &Item, select: &Select) {
        self.expr(&item.expr, select);
        if item.named {
            self.push(" AS ");
            self.push(&item.alias);
        }
    }

    fn from(&mut self, select: &Select) {
        for (at, source) in select.from.iter().enumerate() {
            self.line();
            self.push(if at == 0 { "FROM " } else { "JOIN " });
            self.source(source, select);
        }
    }

    fn source(&mut self, source: &Source, select: &Select) {
        let alias = source.alias.as_deref().filter(|_| source.named);
        if let (true, Some(alias)) = (source.each, alias) {
            self.push(alias);
            self.push(" IN ");
        }
        match &source.origin {
            Origin::Path(path) => self.expr(path, select),
            Origin::Query(inner) => self.nested(inner),
        }
        if let (false, Some(alias)) = (source.each, alias) {
            self.push(" AS ");
            self.push(alias);
        }
    }

    fn order(&mut self, select: &Select) {
        if select.order.is_empty() {
            return;
        }
        self.line();
        self.push("ORDER BY ");
        self.list(&select.order, |writer, order| writer.key(order, select));
    }

    fn key(&mut self, order: &Order, select: &Select) {
        if order.rank {
            self.push("RANK ");
        }
        self.expr(&order.key, select);
        match (order.said, order.descending) {
            (true, true) => self.push(" DESC"),
            (true, false) => self.push(" ASC"),
            _ => {}
        }
    }

    /// A query in parentheses, on lines of its own.
    fn nested(&mut self, select: &Select) {
        self.push("(");
        self.depth += 1;
        self.line();
        self.select(select);
        self.depth -= 1;
        self.line();
        self.push(")");
    }
}

fn count(count: &Count) -> String {
    match count {
        Count::Number(number) => number.to_string(),
        Count::Parameter(name) => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::parser::parse;
    use super::*;

    fn printed(text: &str) -> String {
        query(&parse(text).unwrap())
    }

    #[test]
    fn every_form_of_expression_has_its_parentheses() {
        let rows = [
            ("1 + 2 * c.n", "(1 + (2 * c.n))"),
            (
                "a.x AND a.y AND a.z OR a.w",
                "(((a.x AND a.y) AND a.z) OR a.w)",
            ),
            ("a.x ?? a.y ?? null", "((a.x ?? a.y) ?? null)"),
            ("a.x ? 'y' : \"it's\"", "(a.x ? \"y\" : \"it's\")"),
            ("NOT a.x IN (1, @p)", "(NOT (a.x IN (1, @p)))"),
            ("a.x NOT BETWEEN 1 AND 2", "(NOT (a.x BETWEEN 1 AND 2))"),
            (
                "a.x LIKE 'y!%' ESCAPE '!'",
                "(a.x LIKE \"y!%\" ESCAPE \"!\")",
            ),
            ("- -a.x", "(- (- a.x))"),
            ("-2 - -3", "(-2 - -3)"),
            ("a [ 'b c' ] . d[ 0 ]", "a[\"b c\"].d[0]"),
            (
                "{'x': [1.50, 0x10], y: undefined}",
                "{\"x\": [1.5, 16], \"y\": undefined}",
            ),
            ("Udf.f(a.x, uPPer(a.y))", "udf.f(a.x, uPPer(a.y))"),
            ("a.x <> 1 || ~a.y >>> 2", "(a.x != (1 || ((~ a.y) >>> 2)))"),
        ];
        for (text, wanted) in rows {
            let whole = printed(&format!("SELECT VALUE {text} FROM a"));
            assert_eq!(whole, format!("SELECT VALUE {wanted}\nFROM a"));
        }
    }

    #[test]
    fn what_is_printed_says_the_same() {
        let texts = [
            "select distinct top 3 c.a as x, c['b'] from root c where c.x = 1 and not c.y or c.z order by c.a desc, c.b asc",
            "SELECT VALUE COUNT(1) FROM (SELECT DISTINCT VALUE c.a FROM c) OFFSET @a LIMIT 2",
            "SELECT Avg(t.n) AS m, t.k FROM c JOIN t IN c.l JOIN (SELECT VALUE u FROM u IN t.m WHERE u > 1) AS s GROUP BY t.k",
            "SELECT * FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.l WHERE t = 1) AND ARRAY(SELECT VALUE 1)[0] = (SELECT VALUE MAX(t) FROM t IN c.l)",
            "SELECT TOP 5 * FROM c ORDER BY RANK FullTextScore(c.t, 'a')",
        ];
        for text in texts {
            let again = printed(text);
            assert!(parse(text).unwrap() == parse(&again).unwrap(), "{again}");
            assert_eq!(printed(&again), again);
        }
        assert_eq!(
            printed("SELECT c.a FROM c JOIN (SELECT VALUE t FROM t IN c.l WHERE t.x) AS s"),
            "SELECT c.a\nFROM c\nJOIN (\n    SELECT VALUE t\n    FROM t IN c.l\n    WHERE t.x\n) AS s"
        );
    }
}
