//! Tokens to a query: the clauses. Expressions are in `expr.rs`.

use super::SyntaxError;
use super::ast::{Aggregate, Count, Expr, Order, Origin, Projection, Select, Source, Span, Step};
use super::lexer::{Kind, Token, tokens};

/// Words that are never identifiers.
const RESERVED: &[&str] = &[
    "AND",
    "ARRAY",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "DESC",
    "DISTINCT",
    "ESCAPE",
    "EXISTS",
    "FALSE",
    "FROM",
    "GROUP",
    "IN",
    "JOIN",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "OFFSET",
    "OR",
    "ORDER",
    "SELECT",
    "TOP",
    "TRUE",
    "UDF",
    "UNDEFINED",
    "VALUE",
    "WHERE",
];

/// How deep expressions and subqueries may nest.
const DEPTH: usize = 128;

pub type Parsed<T> = Result<T, SyntaxError>;

/// Where the parser is in the text.
pub struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Operators chained to the left so far, all of them: a chain is as deep as it is long.
    chained: usize,
    /// The aggregates of each query that is being parsed, the innermost last; `None` once its
    /// projection is over.
    pub aggregates: Vec<Option<Vec<(Aggregate, Expr)>>>,
}

/// A whole query text.
pub fn parse(text: &str) -> Parsed<Select> {
    let text: Vec<char> = text.chars().collect();
    let mut parser = Parser {
        tokens: tokens(&text)?,
        at: 0,
        depth: 0,
        chained: 0,
        aggregates: Vec::new(),
    };
    let select = parser.select()?;
    match parser.peek() {
        Kind::End => Ok(select),
        _ => Err(parser.unexpected()),
    }
}

impl Parser {
    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).or(self.tokens.last())
    }

    pub fn ahead(&self, ahead: usize) -> &Kind {
        self.token(ahead).map_or(&Kind::End, |token| &token.kind)
    }

    pub fn peek(&self) -> &Kind {
        self.ahead(0)
    }

    pub fn advance(&mut self) -> Kind {
        let kind = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len());
        kind
    }

    /// The first character of the next token.
    pub fn start(&self) -> usize {
        self.token(0).map_or(0, |token| token.start)
    }

    /// From a character to the end of the last token.
    pub fn span(&self, start: usize) -> Span {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        Span {
            start,
            end: last.map_or(start, |token| token.end),
        }
    }

    pub fn unexpected(&self) -> SyntaxError {
        let (start, end) = self
            .token(0)
            .map_or((0, 0), |token| (token.start, token.end));
        let near = match self.peek() {
            Kind::End => {
                return SyntaxError::new(
                    "SC1001",
                    "Syntax error, unexpected end of query.",
                    start,
                    end,
                );
            }
            Kind::Word(word) | Kind::Parameter(word) => word.clone(),
            Kind::Text(text) => text.clone(),
            Kind::Number(number) => number.to_string(),
            Kind::Symbol(symbol) => (*symbol).to_owned(),
        };
        SyntaxError::new(
            "SC1001",
            format!("Syntax error, incorrect syntax near '{near}'."),
            start,
            end,
        )
    }

    fn too_deep(&self) -> SyntaxError {
        let start = self.start();
        SyntaxError::new(
            "SC1001",
            "Syntax error, the query is nested too deeply.",
            start,
            start,
        )
    }

    /// Runs a rule one level deeper, within the limit.
    pub fn nested<T>(&mut self, rule: fn(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH {
            return Err(self.too_deep());
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    /// Counts one more operator chained to the left, within the limit.
    pub fn chain(&mut self) -> Parsed<()> {
        self.chained += 1;
        match self.chained > DEPTH {
            true => Err(self.too_deep()),
            false => Ok(()),
        }
    }

    pub fn is_word(&self, ahead: usize, word: &str) -> bool {
        matches!(self.ahead(ahead), Kind::Word(w) if w.eq_ignore_ascii_case(word))
    }

    pub fn is_symbol(&self, ahead: usize, symbol: &str) -> bool {
        matches!(self.ahead(ahead), Kind::Symbol(s) if *s == symbol)
    }

    pub fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(0, word);
        self.at += usize::from(found);
        found
    }

    pub fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(0, symbol);
        self.at += usize::from(found);
        found
    }

    pub fn need_word(&mut self, word: &str) -> Parsed<()> {
        self.take_word(word)
            .then_some(())
            .ok_or_else(|| self.unexpected())
    }

    pub fn need_symbol(&mut self, symbol: &str) -> Parsed<()> {
        self.take_symbol(symbol)
            .then_some(())
            .ok_or_else(|| self.unexpected())
    }

    /// An identifier, if the next token can be one.
    fn take_identifier(&mut self) -> Option<String> {
        match self.peek() {
            Kind::Word(word) if !RESERVED.iter().any(|r| r.eq_ignore_ascii_case(word)) => {
                let word = word.clone();
                self.at += 1;
                Some(word)
            }
            _ => None,
        }
    }

    pub fn identifier(&mut self) -> Parsed<String> {
        self.take_identifier().ok_or_else(|| self.unexpected())
    }

    /// One or more, separated by commas.
    pub fn list<T>(&mut self, rule: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![rule(self)?];
        while self.take_symbol(",") {
            items.push(rule(self)?);
        }
        Ok(items)
    }

    /// `SELECT` and everything after it.
    pub fn select(&mut self) -> Parsed<Select> {
        self.need_word("SELECT")?;
        self.aggregates.push(Some(Vec::new()));
        let distinct = self.take_word("DISTINCT");
        let top = self.top()?;
        let projection = self.projection()?;
        let aggregates = self
            .aggregates
            .last_mut()
            .and_then(Option::take)
            .unwrap_or_default();
        let from = self.from()?;
        let filter = match self.take_word("WHERE") {
            true => Some(self.expression()?),
            false => None,
        };
        let group = self.group()?;
        let order = self.order()?;
        let window = self.window()?;
        self.aggregates.pop();
        Ok(Select {
            distinct,
            top,
            projection,
            from,
            filter,
            group,
            order,
            window,
            aggregates,
        })
    }

    fn top(&mut self) -> Parsed<Option<Count>> {
        if !self.take_word("TOP") {
            return Ok(None);
        }
        self.count(
            "SC2060",
            "The count value provided for a TOP clause must be an integer.",
        )
        .map(Some)
    }

    fn count(&mut self, code: &'static str, message: &str) -> Parsed<Count> {
        let start = self.start();
        let count = match self.peek() {
            Kind::Parameter(name) => Count::Parameter(name.clone()),
            Kind::Number(number) => match number.integer().and_then(|n| u32::try_from(n).ok()) {
                Some(n) => Count::Number(n.into()),
                None => {
                    let end = self.token(0).map_or(start, |token| token.end);
                    return Err(SyntaxError::new(code, message, start, end));
                }
            },
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(count)
    }

    fn projection(&mut self) -> Parsed<Projection> {
        let start = self.start();
        if self.take_symbol("*") {
            return Ok(Projection::All(self.span(start)));
        }
        if self.take_word("VALUE") {
            return self.expression().map(Projection::Value);
        }
        let mut unnamed = 0;
        let items = self.list(Self::item)?;
        let named = items.into_iter().map(|(alias, expr)| {
            let name = alias.or_else(|| implied_alias(&expr)).unwrap_or_else(|| {
                unnamed += 1;
                format!("${unnamed}")
            });
            (name, expr)
        });
        Ok(Projection::List(named.collect()))
    }

    fn item(&mut self) -> Parsed<(Option<String>, Expr)> {
        let expr = self.expression()?;
        let alias = match self.take_word("AS") {
            true => Some(self.alias()?),
            false => None,
        };
        Ok((alias, expr))
    }

    /// A name after AS; in quotes it may be any text.
    fn alias(&mut self) -> Parsed<String> {
        if let Kind::Text(text) = self.peek() {
            let text = text.clone();
            self.advance();
            return Ok(text);
        }
        self.identifier()
    }

    fn from(&mut self) -> Parsed<Vec<Source>> {
        let mut sources = Vec::new();
        if !self.take_word("FROM") {
            return Ok(sources);
        }
        sources.push(self.nested(Self::source)?);
        while self.take_word("JOIN") {
            sources.push(self.nested(Self::source)?);
        }
        Ok(sources)
    }

    fn source(&mut self) -> Parsed<Source> {
        if self.is_word(1, "IN") {
            let alias = Some(self.identifier()?);
            self.advance();
            return Ok(Source {
                alias,
                origin: self.origin()?,
                each: true,
            });
        }
        let origin = self.origin()?;
        let alias = match self.take_word("AS") {
            true => Some(self.identifier()?),
            false => self.take_identifier(),
        };
        let alias = alias.or_else(|| match &origin {
            Origin::Path(path) => implied_alias(path),
            Origin::Query(_) => None,
        });
        Ok(Source {
            alias,
            origin,
            each: false,
        })
    }

    fn origin(&mut self) -> Parsed<Origin> {
        if self.take_symbol("(") {
            let select = self.nested(Self::select)?;
            self.need_symbol(")")?;
            return Ok(Origin::Query(Box::new(select)));
        }
        let start = self.start();
        let name = self.identifier()?;
        let name = Expr::Name(name, self.span(start));
        self.steps(name, start).map(Origin::Path)
    }

    fn group(&mut self) -> Parsed<Vec<Expr>> {
        if !self.take_word("GROUP") {
            return Ok(Vec::new());
        }
        self.need_word("BY")?;
        self.list(Self::expression)
    }

    fn order(&mut self) -> Parsed<Vec<Order>> {
        if !self.take_word("ORDER") {
            return Ok(Vec::new());
        }
        self.need_word("BY")?;
        self.list(Self::order_key)
    }

    fn order_key(&mut self) -> Parsed<Order> {
        let key = self.expression()?;
        let descending = self.take_word("DESC");
        if !descending {
            self.take_word("ASC");
        }
        Ok(Order { key, descending })
    }

    fn window(&mut self) -> Parsed<Option<(Count, Count)>> {
        if !self.take_word("OFFSET") {
            return Ok(None);
        }
        let offset = self.count(
            "SC2062",
            "The OFFSET count value exceeds the maximum allowed value.",
        )?;
        self.need_word("LIMIT")?;
        let limit = self.count(
            "SC2061",
            "The LIMIT count value exceeds the maximum allowed value.",
        )?;
        Ok(Some((offset, limit)))
    }
}

/// The name a path gives to what it leads to.
fn implied_alias(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Name(name, _) => Some(name.clone()),
        Expr::Path(_, steps, _) => match steps.last() {
            Some(Step::Name(name)) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}
