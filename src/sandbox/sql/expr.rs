//! Tokens to expressions, loosest operator first.

use super::ast::{Binary, Expr, Look, Step, Unary};
use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use super::value::{Number, Value};

/// The binary operators of expressions that are not logical; a higher level binds tighter.
const OPERATORS: &[(&str, u8, Binary)] = &[
    ("=", 1, Binary::Equal),
    ("!=", 1, Binary::NotEqual),
    ("<>", 1, Binary::NotEqual),
    ("<", 1, Binary::Less),
    ("<=", 1, Binary::LessOrEqual),
    (">", 1, Binary::Greater),
    (">=", 1, Binary::GreaterOrEqual),
    ("||", 2, Binary::Concat),
    ("|", 3, Binary::BitOr),
    ("^", 4, Binary::BitXor),
    ("&", 5, Binary::BitAnd),
    ("<<", 6, Binary::ShiftLeft),
    (">>", 6, Binary::ShiftRight),
    (">>>", 6, Binary::ShiftRightZero),
    ("+", 7, Binary::Add),
    ("-", 7, Binary::Subtract),
    ("*", 8, Binary::Multiply),
    ("/", 8, Binary::Divide),
    ("%", 8, Binary::Remainder),
];

/// The level of comparisons, and that of their operands.
const COMPARISON: u8 = 1;
const OPERAND: u8 = 2;

/// One expression stays itself, more become what `many` makes of them.
fn join(mut items: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match items.len() {
        1 => items.remove(0),
        _ => many(items),
    }
}

impl Parser {
    /// `a ?? b`, `a ? b : c` and everything that binds tighter.
    pub fn expression(&mut self) -> Parsed<Expr> {
        self.nested(Self::conditional)
    }

    fn conditional(&mut self) -> Parsed<Expr> {
        let mut items = vec![self.any()?];
        while self.take_symbol("??") {
            items.push(self.any()?);
        }
        let condition = join(items, Expr::Coalesce);
        if !self.take_symbol("?") {
            return Ok(condition);
        }
        let then = self.expression()?;
        self.need_symbol(":")?;
        let otherwise = self.expression()?;
        Ok(Expr::Conditional(Box::new([condition, then, otherwise])))
    }

    fn any(&mut self) -> Parsed<Expr> {
        let mut items = vec![self.all()?];
        while self.take_word("OR") {
            items.push(self.all()?);
        }
        Ok(join(items, Expr::Any))
    }

    fn all(&mut self) -> Parsed<Expr> {
        let mut items = vec![self.inverse()?];
        while self.take_word("AND") {
            items.push(self.inverse()?);
        }
        Ok(join(items, Expr::All))
    }

    fn inverse(&mut self) -> Parsed<Expr> {
        if self.take_word("NOT") {
            return Ok(not(self.nested(Self::inverse)?));
        }
        let mut left = self.binary(COMPARISON)?;
        loop {
            let negated = self.is_word(0, "NOT");
            let ahead = usize::from(negated);
            let rule = match self.ahead(ahead) {
                Kind::Word(word) if word.eq_ignore_ascii_case("IN") => Self::one_of,
                Kind::Word(word) if word.eq_ignore_ascii_case("BETWEEN") => Self::between,
                Kind::Word(word) if word.eq_ignore_ascii_case("LIKE") => Self::like,
                _ => return Ok(left),
            };
            self.chain()?;
            (0..=ahead).for_each(|_| drop(self.advance()));
            left = rule(self, left)?;
            if negated {
                left = not(left);
            }
        }
    }

    fn one_of(&mut self, left: Expr) -> Parsed<Expr> {
        self.need_symbol("(")?;
        let items = self.list(Self::expression)?;
        self.need_symbol(")")?;
        Ok(Expr::In(Box::new(left), items))
    }

    fn between(&mut self, left: Expr) -> Parsed<Expr> {
        let low = self.binary(OPERAND)?;
        self.need_word("AND")?;
        let high = self.binary(OPERAND)?;
        Ok(Expr::Between(Box::new([left, low, high])))
    }

    fn like(&mut self, left: Expr) -> Parsed<Expr> {
        let pattern = self.binary(OPERAND)?;
        let mut escape = None;
        if self.take_word("ESCAPE") {
            escape = match self.peek() {
                Kind::Text(text) if text.chars().count() == 1 => text.chars().next(),
                _ => return Err(self.unexpected()),
            };
            self.advance();
        }
        Ok(Expr::Like(Box::new(left), Box::new(pattern), escape))
    }

    fn binary(&mut self, level: u8) -> Parsed<Expr> {
        let mut left = self.unary()?;
        let mut first = true;
        while let Some((own, operator)) = self.operator(level) {
            if !first {
                self.chain()?;
            }
            first = false;
            self.advance();
            let right = self.binary(own + 1)?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operator(&self, level: u8) -> Option<(u8, Binary)> {
        let Kind::Symbol(symbol) = self.peek() else {
            return None;
        };
        let found = OPERATORS.iter().find(|(s, ..)| s == symbol);
        found
            .map(|(_, own, operator)| (*own, *operator))
            .filter(|(own, _)| *own >= level)
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let operator = match self.peek() {
            Kind::Symbol("-") => Unary::Minus,
            Kind::Symbol("+") => Unary::Plus,
            Kind::Symbol("~") => Unary::Complement,
            Kind::Word(word) if word.eq_ignore_ascii_case("NOT") => Unary::Not,
            _ => return self.postfix(),
        };
        self.advance();
        let operand = self.nested(Self::unary)?;
        Ok(match (operator, operand) {
            (Unary::Minus, Expr::Literal(Value::Number(n))) => Expr::Literal(negative(n)),
            (operator, operand) => Expr::Unary(operator, Box::new(operand)),
        })
    }

    fn postfix(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let base = self.primary()?;
        self.steps(base, start)
    }

    /// `.name`, `["name"]` and `[index]`, as many as follow.
    pub fn steps(&mut self, base: Expr, start: usize) -> Parsed<Expr> {
        let mut steps = Vec::new();
        loop {
            if self.take_symbol(".") {
                steps.push(Step::Name(self.identifier()?, Look(false)));
            } else if self.take_symbol("[") {
                steps.push(match self.expression()? {
                    Expr::Literal(Value::String(name)) => Step::Name(name, Look(true)),
                    index => Step::Index(index),
                });
                self.need_symbol("]")?;
            } else {
                break;
            }
        }
        Ok(match steps.is_empty() {
            true => base,
            false => Expr::Path(Box::new(base), steps, self.span(start)),
        })
    }
}

fn not(expr: Expr) -> Expr {
    Expr::Unary(Unary::Not, Box::new(expr))
}

fn negative(number: Number) -> Value {
    match number.integer() {
        Some(n) => Value::integer(-n),
        None => Value::float(-number.double()),
    }
}
