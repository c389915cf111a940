//! Expressions: every operator in parentheses of its own.

use super::super::ast::{Binary, Expr, Select, Step, Unary};
use super::super::value::Value;
use super::{Writer, number, quoted};

impl Writer {
    pub fn expr(&mut self, expr: &Expr, select: &Select) {
        match expr {
            Expr::Literal(value) => self.value(value),
            Expr::Parameter(name) | Expr::Name(name, _) => self.push(name),
            Expr::Path(base, steps, _) => self.path(base, steps, select),
            Expr::Unary(operator, a) => self.unary(*operator, a, select),
            Expr::Binary(operator, a, b) => self.joined(&[a, b], symbol(*operator), select),
            Expr::All(items) => self.chain(items, " AND ", select),
            Expr::Any(items) => self.chain(items, " OR ", select),
            Expr::Coalesce(items) => self.chain(items, " ?? ", select),
            Expr::Conditional(parts) => self.three(parts, [" ? ", " : "], select),
            Expr::In(a, items) => self.one_of(a, items, select),
            Expr::Between(parts) => self.three(parts, [" BETWEEN ", " AND "], select),
            Expr::Like(a, b, escape) => self.like(a, b, *escape, select),
            Expr::Call(_, name, arguments) => self.call(&name.0, arguments, select),
            Expr::Foreign(name, arguments) => self.call(name, arguments, select),
            Expr::Array(items) => self.array(items, select),
            Expr::Object(members) => self.object(members, select),
            Expr::Aggregate(slot) => self.aggregate(*slot, select),
            Expr::Exists(inner) => self.query("EXISTS", inner),
            Expr::ArrayOf(inner) => self.query("ARRAY", inner),
            Expr::Scalar(inner) => self.nested(inner),
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Undefined => self.push("undefined"),
            Value::Number(number) => self.push(&number::text(*number)),
            value => value.write(&mut self.out),
        }
    }

    fn path(&mut self, base: &Expr, steps: &[Step], select: &Select) {
        self.expr(base, select);
        for step in steps {
            match step {
                Step::Name(name, look) if !look.0 => {
                    self.push(".");
                    self.push(name);
                }
                Step::Name(name, _) => self.push(&format!("[{}]", quoted(name))),
                Step::Index(index) => {
                    self.push("[");
                    self.expr(index, select);
                    self.push("]");
                }
            }
        }
    }

    fn unary(&mut self, operator: Unary, operand: &Expr, select: &Select) {
        // The space keeps two minus signs from beginning a comment.
        self.push(match operator {
            Unary::Not => "(NOT ",
            Unary::Minus => "(- ",
            Unary::Plus => "(+ ",
            Unary::Complement => "(~ ",
        });
        self.expr(operand, select);
        self.push(")");
    }

    fn joined(&mut self, items: &[&Expr], between: &str, select: &Select) {
        self.push("(");
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.push(between);
            }
            self.expr(item, select);
        }
        self.push(")");
    }

    /// As many operands as there are, joined from the left two by two.
    fn chain(&mut self, items: &[Expr], between: &str, select: &Select) {
        (1..items.len()).for_each(|_| self.push("("));
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.push(between);
            }
            self.expr(item, select);
            if at > 0 {
                self.push(")");
            }
        }
    }

    fn three(&mut self, [a, b, c]: &[Expr; 3], between: [&str; 2], select: &Select) {
        self.push("(");
        self.expr(a, select);
        self.push(between[0]);
        self.expr(b, select);
        self.push(between[1]);
        self.expr(c, select);
        self.push(")");
    }

    fn one_of(&mut self, a: &Expr, items: &[Expr], select: &Select) {
        self.push("(");
        self.expr(a, select);
        self.call(" IN ", items, select);
        self.push(")");
    }

    fn like(&mut self, a: &Expr, pattern: &Expr, escape: Option<char>, select: &Select) {
        self.push("(");
        self.expr(a, select);
        self.push(" LIKE ");
        self.expr(pattern, select);
        if let Some(escape) = escape {
            self.push(&format!(" ESCAPE {}", quoted(&escape.to_string())));
        }
        self.push(")");
    }

    fn call(&mut self, name: &str, arguments: &[Expr], select: &Select) {
        self.push(name);
        self.push("(");
        self.list(arguments, |writer, item| writer.expr(item, select));
        self.push(")");
    }

    fn array(&mut self, items: &[Expr], select: &Select) {
        self.push("[");
        self.list(items, |writer, item| writer.expr(item, select));
        self.push("]");
    }

    fn object(&mut self, members: &[(String, Expr)], select: &Select) {
        self.push("{");
        self.list(members, |writer, (name, value)| {
            writer.push(&quoted(name));
            writer.push(": ");
            writer.expr(value, select);
        });
        self.push("}");
    }

    fn aggregate(&mut self, slot: usize, select: &Select) {
        if let Some(fold) = select.aggregates.get(slot) {
            self.call(
                &fold.spelling.0,
                std::slice::from_ref(&fold.argument),
                select,
            );
        }
    }

    fn query(&mut self, name: &str, inner: &Select) {
        self.push(name);
        self.nested(inner);
    }
}

fn symbol(operator: Binary) -> &'static str {
    match operator {
        Binary::Equal => " = ",
        Binary::NotEqual => " != ",
        Binary::Less => " < ",
        Binary::LessOrEqual => " <= ",
        Binary::Greater => " > ",
        Binary::GreaterOrEqual => " >= ",
        Binary::Concat => " || ",
        Binary::BitOr => " | ",
        Binary::BitXor => " ^ ",
        Binary::BitAnd => " & ",
        Binary::ShiftLeft => " << ",
        Binary::ShiftRight => " >> ",
        Binary::ShiftRightZero => " >>> ",
        Binary::Add => " + ",
        Binary::Subtract => " - ",
        Binary::Multiply => " * ",
        Binary::Divide => " / ",
        Binary::Remainder => " % ",
    }
}
