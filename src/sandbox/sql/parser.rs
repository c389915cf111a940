//! Where the parser is in the text. The rules are in `clauses.rs`, `expr.rs` and `primary.rs`.

use super::SyntaxError;
use super::ast::{Fold, Select, Span};
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

/// Tokens, and what has been found out about them.
pub struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Operators chained to the left so far, all of them: a chain is as deep as it is long.
    chained: usize,
    /// The first thing that is wrong with a text that parses; a syntax error goes before it.
    refusal: Option<SyntaxError>,
    /// The aggregates of each query that is being parsed, the innermost last; `None` once its
    /// projection is over.
    pub aggregates: Vec<Option<Vec<Fold>>>,
}

/// A whole query text.
pub fn parse(text: &str) -> Parsed<Select> {
    let text: Vec<char> = text.chars().collect();
    let mut parser = Parser {
        tokens: tokens(&text)?,
        at: 0,
        depth: 0,
        chained: 0,
        refusal: None,
        aggregates: Vec::new(),
    };
    let select = parser.select()?;
    if !matches!(parser.peek(), Kind::End) {
        return Err(parser.unexpected());
    }
    parser.refusal.map_or(Ok(select), Err)
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

    /// Notes what is wrong with a text that may still parse.
    pub fn refuse(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        let refusal = SyntaxError::new(code, message, span.start, span.end);
        self.refusal.get_or_insert(refusal);
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
    pub fn take_identifier(&mut self) -> Option<String> {
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
}
