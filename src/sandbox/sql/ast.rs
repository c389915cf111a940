//! What a query is once it has been parsed.

use super::functions::Function;
use super::value::Value;

/// A query or a subquery.
#[derive(PartialEq)]
pub struct Select {
    pub distinct: bool,
    pub top: Option<Count>,
    pub projection: Projection,
    /// The FROM clause and its JOINs; empty where there is none.
    pub from: Vec<Source>,
    pub filter: Option<Expr>,
    pub group: Vec<Expr>,
    pub order: Vec<Order>,
    pub window: Option<(Count, Count)>,
    /// The aggregates in the projection; `Expr::Aggregate` is an index into them.
    pub aggregates: Vec<Fold>,
}

/// The number of TOP, OFFSET or LIMIT.
#[derive(PartialEq)]
pub enum Count {
    Number(u64),
    Parameter(String),
}

/// What follows SELECT.
#[derive(PartialEq)]
pub enum Projection {
    All(Span),
    Value(Expr),
    List(Vec<Item>),
}

/// A member of the rows.
#[derive(PartialEq)]
pub struct Item {
    /// Given, taken from the path, or `$1` and on.
    pub alias: String,
    /// Whether it was given.
    pub named: bool,
    pub expr: Expr,
}

/// An aggregate of the projection.
#[derive(PartialEq)]
pub struct Fold {
    pub kind: Aggregate,
    pub spelling: Look<String>,
    pub argument: Expr,
}

/// An input set: what it ranges over and the name it goes by.
#[derive(PartialEq)]
pub struct Source {
    pub alias: Option<String>,
    /// Whether the name was given and not taken from the path.
    pub named: bool,
    pub origin: Origin,
    /// `alias IN origin`: the elements instead of the whole.
    pub each: bool,
}

/// Where an input set comes from.
#[derive(PartialEq)]
pub enum Origin {
    /// A path whose first name is the container or an alias.
    Path(Expr),
    Query(Box<Select>),
}

/// A key of ORDER BY.
#[derive(PartialEq)]
pub struct Order {
    pub key: Expr,
    pub descending: bool,
    /// Whether ASC or DESC was said.
    pub said: bool,
    /// `ORDER BY RANK`
    pub rank: bool,
}

/// Characters of the query text. All are equal, so that expressions compare by meaning.
#[derive(Clone, Copy)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl PartialEq for Span {
    fn eq(&self, _: &Span) -> bool {
        true
    }
}

/// How something was written, which says nothing about what it means: all are equal.
pub struct Look<T>(pub T);

impl<T> PartialEq for Look<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A step of a path.
#[derive(PartialEq)]
pub enum Step {
    /// A member, by its name; written in brackets or after a dot.
    Name(String, Look<bool>),
    Index(Expr),
}

/// An expression.
#[derive(PartialEq)]
pub enum Expr {
    Literal(Value),
    Parameter(String),
    Name(String, Span),
    Path(Box<Expr>, Vec<Step>, Span),
    Unary(Unary, Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Coalesce(Vec<Expr>),
    Conditional(Box<[Expr; 3]>),
    In(Box<Expr>, Vec<Expr>),
    Between(Box<[Expr; 3]>),
    Like(Box<Expr>, Box<Expr>, Option<char>),
    Call(&'static Function, Look<String>, Vec<Expr>),
    /// A function that only the service has.
    Foreign(String, Vec<Expr>),
    Array(Vec<Expr>),
    Object(Vec<(String, Expr)>),
    Aggregate(usize),
    Exists(Box<Select>),
    ArrayOf(Box<Select>),
    Scalar(Box<Select>),
}

/// Operators with one operand.
#[derive(Clone, Copy, PartialEq)]
pub enum Unary {
    Not,
    Minus,
    Plus,
    Complement,
}

/// Operators with two operands.
#[derive(Clone, Copy, PartialEq)]
pub enum Binary {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Concat,
    BitOr,
    BitXor,
    BitAnd,
    ShiftLeft,
    ShiftRight,
    ShiftRightZero,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Functions over a group.
#[derive(Clone, Copy, PartialEq)]
pub enum Aggregate {
    Count,
    CountIf,
    Sum,
    Average,
    Min,
    Max,
    MakeList,
    MakeSet,
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.same(other)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
    }
}

impl Select {
    /// Whether rows are folded into groups.
    pub fn grouped(&self) -> bool {
        !self.group.is_empty() || !self.aggregates.is_empty()
    }
}

impl Select {
    /// Whether an aggregate is only a part of what is projected.
    pub fn composed(&self) -> bool {
        let whole = self
            .projected()
            .into_iter()
            .filter(|expr| matches!(expr, Expr::Aggregate(_)));
        whole.count() < self.aggregates.len()
    }

    /// The expressions of the projection.
    pub fn projected(&self) -> Vec<&Expr> {
        match &self.projection {
            Projection::All(_) => Vec::new(),
            Projection::Value(expr) => vec![expr],
            Projection::List(items) => items.iter().map(|item| &item.expr).collect(),
        }
    }

    /// The inner query whose rows this one ranges over in place of documents.
    pub fn derived(&self) -> Option<&Select> {
        match self.from.first().map(|source| &source.origin) {
            Some(Origin::Query(select)) => Some(select),
            _ => None,
        }
    }
}

impl Expr {
    /// The query inside, where this is a subquery.
    pub fn subquery(&self) -> Option<&Select> {
        match self {
            Expr::Exists(select) | Expr::ArrayOf(select) | Expr::Scalar(select) => Some(select),
            _ => None,
        }
    }

    /// The expressions directly inside, subqueries left out.
    pub fn parts(&self) -> Vec<&Expr> {
        match self {
            Expr::Path(base, steps, _) => {
                let indexes = steps.iter().filter_map(|step| match step {
                    Step::Index(index) => Some(index),
                    Step::Name(..) => None,
                });
                std::iter::once(&**base).chain(indexes).collect()
            }
            Expr::Unary(_, a) => vec![a],
            Expr::Binary(_, a, b) | Expr::Like(a, b, _) => vec![a, b],
            Expr::Conditional(parts) | Expr::Between(parts) => parts.iter().collect(),
            Expr::In(a, items) => std::iter::once(&**a).chain(items).collect(),
            Expr::Object(members) => members.iter().map(|(_, value)| value).collect(),
            Expr::All(items)
            | Expr::Any(items)
            | Expr::Coalesce(items)
            | Expr::Call(_, _, items)
            | Expr::Foreign(_, items)
            | Expr::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        }
    }
}
