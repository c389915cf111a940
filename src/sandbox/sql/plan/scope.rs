//! Where the names of a query lead: from an alias back to a path of the document.

use super::super::Query;
use super::super::ast::{Expr, Origin, Select, Source, Step};

/// The aliases that stand for a part of the document, the innermost last; nothing for those that do not.
#[derive(Clone, Default)]
pub struct Scope(Vec<(String, Option<Vec<String>>)>);

impl Scope {
    /// Of a query by itself.
    pub fn of(select: &Select) -> Self {
        Self::default().within(select)
    }

    /// Of a query within another.
    pub fn within(&self, select: &Select) -> Self {
        let mut scope = self.clone();
        for source in &select.from {
            let path = scope.origin(source);
            scope
                .0
                .extend(source.alias.clone().map(|alias| (alias, path)));
        }
        scope
    }

    fn origin(&self, source: &Source) -> Option<Vec<String>> {
        let Origin::Path(path) = &source.origin else {
            return None;
        };
        let (name, steps) = parts(path)?;
        let base = match self.0.iter().rev().find(|(alias, _)| alias == name) {
            Some((_, path)) => path.clone()?,
            // The first name that is not an alias stands for the container.
            None if self.0.is_empty() => Vec::new(),
            None => return None,
        };
        let path = names(base, steps)?;
        (!source.each).then_some(path)
    }

    /// The path of the document an expression leads to, if it is one.
    pub fn path(&self, expr: &Expr) -> Option<Vec<String>> {
        let (name, steps) = parts(expr)?;
        let (_, base) = self.0.iter().rev().find(|(alias, _)| alias == name)?;
        names(base.clone()?, steps)
    }
}

fn parts(expr: &Expr) -> Option<(&str, &[Step])> {
    match expr {
        Expr::Name(name, _) => Some((name, &[])),
        Expr::Path(base, steps, _) => match &**base {
            Expr::Name(name, _) => Some((name, steps)),
            _ => None,
        },
        _ => None,
    }
}

fn names(mut base: Vec<String>, steps: &[Step]) -> Option<Vec<String>> {
    for step in steps {
        match step {
            Step::Name(name, _) => base.push(name.clone()),
            Step::Index(_) => return None,
        }
    }
    Some(base)
}

impl Query {
    /// The paths of the filter and of the order, each once.
    pub fn paths(&self) -> Vec<Vec<String>> {
        let scope = Scope::of(&self.select);
        let keys = self.select.order.iter().map(|order| &order.key);
        let mut paths = Vec::new();
        for expr in self.select.filter.iter().chain(keys) {
            collect(expr, &scope, &mut paths);
        }
        paths
    }
}

fn collect(expr: &Expr, scope: &Scope, paths: &mut Vec<Vec<String>>) {
    match scope.path(expr) {
        Some(path) if path.is_empty() || paths.contains(&path) => {}
        Some(path) => paths.push(path),
        None => expr
            .parts()
            .into_iter()
            .for_each(|part| collect(part, scope, paths)),
    }
}
