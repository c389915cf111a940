//! Tokens to the expressions that operators are applied to.

use super::ast::{Aggregate, Expr, Fold, Look, Select};
use super::functions::{self, Function};
use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use super::value::Value;

const AGGREGATES: &[(&str, Aggregate)] = &[
    ("COUNT", Aggregate::Count),
    ("COUNTIF", Aggregate::CountIf),
    ("SUM", Aggregate::Sum),
    ("AVG", Aggregate::Average),
    ("MIN", Aggregate::Min),
    ("MAX", Aggregate::Max),
    ("MAKELIST", Aggregate::MakeList),
    ("MAKESET", Aggregate::MakeSet),
];

const MISPLACED_AGGREGATE: &str = "An aggregate function is only allowed in the SELECT clause.";
const NESTED_AGGREGATE: &str =
    "Cannot perform an aggregate function on an expression containing an aggregate or a subquery.";

impl Parser {
    /// A literal, a name, a call, or something in brackets.
    pub fn primary(&mut self) -> Parsed<Expr> {
        match self.peek().clone() {
            Kind::Text(text) => Ok(self.literal(Value::String(text))),
            Kind::Number(number) => Ok(self.literal(Value::Number(number))),
            Kind::Parameter(name) => {
                self.advance();
                Ok(Expr::Parameter(name))
            }
            Kind::Symbol("(") => self.parenthesis(),
            Kind::Symbol("[") => self.array(),
            Kind::Symbol("{") => self.object(),
            Kind::Word(word) => self.word(&word),
            _ => Err(self.unexpected()),
        }
    }

    fn literal(&mut self, value: Value) -> Expr {
        self.advance();
        Expr::Literal(value)
    }

    fn parenthesis(&mut self) -> Parsed<Expr> {
        self.advance();
        let inner = match self.is_word(0, "SELECT") {
            true => Expr::Scalar(Box::new(self.nested(Self::select)?)),
            false => self.expression()?,
        };
        self.need_symbol(")")?;
        Ok(inner)
    }

    fn array(&mut self) -> Parsed<Expr> {
        self.advance();
        if self.take_symbol("]") {
            return Ok(Expr::Array(Vec::new()));
        }
        let items = self.list(Self::expression)?;
        self.need_symbol("]")?;
        Ok(Expr::Array(items))
    }

    fn object(&mut self) -> Parsed<Expr> {
        self.advance();
        if self.take_symbol("}") {
            return Ok(Expr::Object(Vec::new()));
        }
        let members = self.list(Self::object_member)?;
        self.need_symbol("}")?;
        Ok(Expr::Object(members))
    }

    fn object_member(&mut self) -> Parsed<(String, Expr)> {
        let name = match self.peek().clone() {
            Kind::Text(name) => {
                self.advance();
                name
            }
            _ => self.identifier()?,
        };
        self.need_symbol(":")?;
        Ok((name, self.expression()?))
    }

    fn word(&mut self, word: &str) -> Parsed<Expr> {
        let opens = self.is_symbol(1, "(");
        match word.to_ascii_uppercase().as_str() {
            "TRUE" => Ok(self.literal(Value::Bool(true))),
            "FALSE" => Ok(self.literal(Value::Bool(false))),
            "NULL" => Ok(self.literal(Value::Null)),
            "UNDEFINED" => Ok(self.literal(Value::Undefined)),
            "EXISTS" if opens => self.subquery().map(Expr::Exists),
            "ARRAY" if opens => self.subquery().map(Expr::ArrayOf),
            "UDF" if self.is_symbol(1, ".") => self.user_function(),
            _ if opens => self.call(),
            _ => {
                let start = self.start();
                let name = self.identifier()?;
                Ok(Expr::Name(name, self.span(start)))
            }
        }
    }

    fn subquery(&mut self) -> Parsed<Box<Select>> {
        self.advance();
        self.need_symbol("(")?;
        let select = self.nested(Self::select)?;
        self.need_symbol(")")?;
        Ok(Box::new(select))
    }

    fn user_function(&mut self) -> Parsed<Expr> {
        self.advance();
        self.advance();
        let name = self.identifier()?;
        Ok(Expr::Foreign(format!("udf.{name}"), self.arguments()?))
    }

    fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        self.need_symbol("(")?;
        if self.take_symbol(")") {
            return Ok(Vec::new());
        }
        let arguments = self.list(Self::expression)?;
        self.need_symbol(")")?;
        Ok(arguments)
    }

    fn call(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let name = self.identifier()?;
        let named = self.span(start);
        if let Some((known, kind)) = AGGREGATES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(&name))
        {
            return self.aggregate(known, *kind, start, name);
        }
        let arguments = self.arguments()?;
        if functions::is_foreign(&name) {
            return Ok(Expr::Foreign(name, arguments));
        }
        let Some(function) = functions::find(&name) else {
            let message = format!("'{name}' is not a recognized built-in function name.");
            self.refuse("SC2005", message, named);
            return Ok(Expr::Foreign(name, arguments));
        };
        let arity = (function.least, function.most);
        self.check_arity(function.name, arity, arguments.len(), start);
        Ok(Expr::Call(function, Look(name), arguments))
    }

    fn aggregate(
        &mut self,
        name: &str,
        kind: Aggregate,
        start: usize,
        written: String,
    ) -> Parsed<Expr> {
        let before = self.aggregates_so_far();
        let mut arguments = self.arguments()?;
        self.check_arity(name, (1, 1), arguments.len(), start);
        let span = self.span(start);
        if self.aggregates_so_far() != before {
            self.refuse("SC2101", NESTED_AGGREGATE, span);
        }
        let Some(Some(own)) = self.aggregates.last_mut() else {
            self.refuse("SC2101", MISPLACED_AGGREGATE, span);
            return Ok(Expr::Foreign(written, arguments));
        };
        own.extend(arguments.pop().map(|argument| Fold {
            kind,
            spelling: Look(written),
            argument,
        }));
        Ok(Expr::Aggregate(own.len().saturating_sub(1)))
    }

    fn aggregates_so_far(&self) -> usize {
        self.aggregates
            .last()
            .and_then(Option::as_ref)
            .map_or(0, Vec::len)
    }

    fn check_arity(&mut self, name: &str, (least, most): (u8, u8), given: usize, start: usize) {
        if given >= least.into() && (given <= most.into() || most == Function::ANY) {
            return;
        }
        let wanted = match most {
            _ if least == most => format!("{least}"),
            Function::ANY => format!("at least {least}"),
            _ => format!("{least} to {most}"),
        };
        let message = format!("The {name} function requires {wanted} argument(s).");
        self.refuse("SC2050", message, self.span(start));
    }
}
