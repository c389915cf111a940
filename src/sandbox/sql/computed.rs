//! Computed properties: members that no document holds and every query finds.

use super::ast::{Expr, Origin, Projection, Select, Step};
use super::eval::{Env, Result, eval};
use super::value::Value;
use super::{Shape, parse, shape};

/// A computed property of a container.
pub struct Property {
    name: String,
    /// What its own query calls the document.
    alias: String,
    expr: Expr,
}

impl Property {
    /// From its definition: a name and `SELECT VALUE expression FROM alias`, and nothing else.
    pub fn parse(name: &str, query: &str) -> Option<Self> {
        let select = parse(query).ok()?.select;
        let plain = select.filter.is_none() && shape(&select) == Shape::default();
        let alias = root(&select)?.to_owned();
        match (select.projection, select.from.len()) {
            (Projection::Value(expr), 1) if plain && !name.is_empty() => Some(Self {
                name: name.to_owned(),
                alias,
                expr,
            }),
            _ => None,
        }
    }

    /// What it is of a document.
    pub fn of(&self, document: &Value, env: &Env) -> Result<Value> {
        let mut own: Env<'_> = env.clone();
        own.names = vec![(&self.alias, document)];
        own.computed = Computed::default();
        eval(&self.expr, &own)
    }
}

/// The computed properties there are, and the name that has them.
#[derive(Clone, Copy, Default)]
pub struct Computed<'a> {
    root: &'a str,
    all: &'a [Property],
}

impl<'a> Computed<'a> {
    /// Those of the documents of a query.
    pub fn new(select: &'a Select, all: &'a [Property]) -> Self {
        let root = root(select).unwrap_or_default();
        Self { root, all }
    }

    /// The one a path begins with, and the rest of the path.
    pub fn find<'s>(&self, name: &str, steps: &'s [Step]) -> Option<(&'a Property, &'s [Step])> {
        let (Step::Name(first, _), rest) = steps.split_first()? else {
            return None;
        };
        let mut all = self.all.iter().filter(|_| name == self.root);
        Some((all.find(|property| property.name == *first)?, rest))
    }
}

/// What the innermost query calls the documents.
fn root(select: &Select) -> Option<&str> {
    let source = select.from.first()?;
    match &source.origin {
        Origin::Query(inner) => root(inner),
        Origin::Path(Expr::Name(..)) if !source.each => source.alias.as_deref(),
        Origin::Path(_) => None,
    }
}
