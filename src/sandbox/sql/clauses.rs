//! Tokens to a query: the clauses.

use super::ast::{Count, Expr, Item, Order, Origin, Projection, Select, Source, Step};
use super::lexer::Kind;
use super::parser::{Parsed, Parser};

/// As the account says of itself: `maxJoinsPerSqlQuery`.
const JOINS: usize = 10;

impl Parser {
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
            Kind::Parameter(name) => Some(Count::Parameter(name.clone())),
            Kind::Number(number) => {
                let number = number.integer().and_then(|n| u32::try_from(n).ok());
                number.map(|n| Count::Number(n.into()))
            }
            _ => return Err(self.unexpected()),
        };
        self.advance();
        if count.is_none() {
            self.refuse(code, message, self.span(start));
        }
        Ok(count.unwrap_or(Count::Number(0)))
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
        let items = items.into_iter().map(|(alias, expr)| {
            let named = alias.is_some();
            let alias = alias.or_else(|| implied_alias(&expr)).unwrap_or_else(|| {
                unnamed += 1;
                format!("${unnamed}")
            });
            Item { alias, named, expr }
        });
        Ok(Projection::List(items.collect()))
    }

    fn item(&mut self) -> Parsed<(Option<String>, Expr)> {
        let expr = self.expression()?;
        let alias = match self.take_word("AS") {
            true => Some(self.alias()?),
            // What a parenthesis follows is no name.
            false if self.is_symbol(1, "(") => None,
            false => self.take_identifier(),
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
        let from = self.start();
        if !self.take_word("FROM") {
            return Ok(sources);
        }
        sources.push(self.nested(Self::source)?);
        while self.take_word("JOIN") {
            sources.push(self.nested(Self::source)?);
        }
        if sources.len() > JOINS + 1 {
            let message = format!("The query exceeds the maximum of {JOINS} joins.");
            self.refuse("SC1001", message, self.span(from));
        }
        Ok(sources)
    }

    fn source(&mut self) -> Parsed<Source> {
        if self.is_word(1, "IN") {
            let alias = Some(self.identifier()?);
            self.advance();
            return Ok(Source {
                alias,
                named: true,
                origin: self.origin()?,
                each: true,
            });
        }
        let origin = self.origin()?;
        let alias = match self.take_word("AS") {
            true => Some(self.identifier()?),
            false => self.take_identifier(),
        };
        let named = alias.is_some();
        let alias = alias.or_else(|| match &origin {
            Origin::Path(path) => implied_alias(path),
            Origin::Query(_) => None,
        });
        Ok(Source {
            alias,
            named,
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
        let rank = self.is_word(0, "RANK") && self.is_symbol(2, "(");
        if rank {
            self.advance();
        }
        let key = self.expression()?;
        let descending = self.take_word("DESC");
        let said = descending || self.take_word("ASC");
        Ok(Order {
            key,
            descending,
            said,
            rank,
        })
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
            Some(Step::Name(name, _)) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}
