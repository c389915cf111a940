//! Documents to the combinations of the input sets: FROM, JOIN and WHERE.

use super::ast::{Expr, Origin, Select, Source, Step};
use super::eval::{Env, Result, eval};
use super::select::{Document, rows};
use super::value::Value;

/// What is done with each combination of the input sets.
pub type Visit<'v> = &'v mut dyn FnMut(&Env) -> Result<()>;

/// Visits every combination of the input sets that passes the filter.
pub fn visit(
    select: &Select,
    env: &Env,
    documents: Option<&[Document]>,
    visit: Visit,
) -> Result<()> {
    let mut filtered = |env: &Env| match &select.filter {
        Some(filter) if !eval(filter, env)?.is_true() => Ok(()),
        _ => visit(env),
    };
    match documents {
        Some(documents) if select.derived().is_none() && !select.from.is_empty() => {
            documents.iter().try_for_each(|document| {
                let env = Env {
                    document: Some(document),
                    ..env.clone()
                };
                combine(&select.from, &env, None, &mut filtered)
            })
        }
        _ => combine(&select.from, env, documents, &mut filtered),
    }
}

fn combine(from: &[Source], env: &Env, documents: Option<&[Document]>, visit: Visit) -> Result<()> {
    env.spend()?;
    let Some((source, rest)) = from.split_first() else {
        return visit(env);
    };
    let mut bind = |value: &Value| {
        let env = env.with(source.alias.as_deref(), value);
        combine(rest, &env, None, visit)
    };
    match &source.origin {
        Origin::Query(select) => {
            for row in rows(select, env, documents)? {
                each(source, &row.value, &mut bind)?;
            }
            Ok(())
        }
        Origin::Path(path) => with_origin(path, env, &mut |value| each(source, value, &mut bind)),
    }
}

type Bind<'b> = &'b mut dyn FnMut(&Value) -> Result<()>;

fn each(source: &Source, value: &Value, bind: Bind) -> Result<()> {
    match value {
        Value::Array(items) if source.each => items.iter().try_for_each(bind),
        value if value.defined() && !source.each => bind(value),
        _ => Ok(()),
    }
}

/// The value a FROM path leads to: from an alias, or else from the document.
fn with_origin(path: &Expr, env: &Env, bind: Bind) -> Result<()> {
    let (name, steps): (_, &[Step]) = match path {
        Expr::Name(name, _) => (name, &[]),
        Expr::Path(base, steps, _) => match &**base {
            Expr::Name(name, _) => (name, steps),
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    let root = env
        .named(name)
        .or(env.document.map(|document| &document.value));
    match (root, steps) {
        (None, _) => Ok(()),
        (Some(root), []) => bind(root),
        // The container's name is not an alias, so it is made one for the length of the path.
        (Some(root), _) => bind(&eval(path, &env.with(Some(name), root))?),
    }
}
