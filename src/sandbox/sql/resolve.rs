//! What can be wrong with a query that is well formed.

use super::SyntaxError;
use super::ast::{Expr, Origin, Projection, Select, Source, Span, Step};

type Checked = Result<(), SyntaxError>;

/// Checks that every name stands for an input set, and that clauses fit one another.
pub fn check(select: &Select) -> Checked {
    check_select(select, &mut Vec::new())
}

fn refuse(code: &'static str, message: impl Into<String>, span: Span) -> Checked {
    Err(SyntaxError::new(code, message, span.start, span.end))
}

fn check_select<'a>(select: &'a Select, names: &mut Vec<&'a str>) -> Checked {
    let outer = names.len();
    for (i, source) in select.from.iter().enumerate() {
        check_source(source, i == 0, names)?;
        names.extend(source.alias.as_deref());
    }
    let checked = check_clauses(select, names);
    names.truncate(outer);
    checked
}

fn check_source<'a>(source: &'a Source, first: bool, names: &mut Vec<&'a str>) -> Checked {
    match &source.origin {
        Origin::Query(select) => check_select(select, names),
        Origin::Path(path) => match base(path) {
            // The first name that is not an alias stands for the container, whatever it is.
            Some((name, _)) if first && !names.contains(&name) => check_steps(path, names),
            _ => check_expr(path, names),
        },
    }
}

fn base(path: &Expr) -> Option<(&str, Span)> {
    match path {
        Expr::Name(name, span) => Some((name, *span)),
        Expr::Path(inner, ..) => base(inner),
        _ => None,
    }
}

fn check_steps<'a>(path: &'a Expr, names: &mut Vec<&'a str>) -> Checked {
    let Expr::Path(_, steps, _) = path else {
        return Ok(());
    };
    steps.iter().try_for_each(|step| match step {
        Step::Name(..) => Ok(()),
        Step::Index(index) => check_expr(index, names),
    })
}

fn check_clauses<'a>(select: &'a Select, names: &mut Vec<&'a str>) -> Checked {
    if let Projection::All(span) = select.projection {
        check_all(select, span)?;
    }
    let mut ungrouped = Vec::new();
    for expr in select.projected() {
        check_expr(expr, names)?;
        if select.grouped() {
            check_grouped(expr, &select.group, &mut ungrouped);
        }
    }
    let mut ungrouped = ungrouped.into_iter();
    if let Some(first) = ungrouped.next() {
        let also = ungrouped.collect();
        return Err(SyntaxError { also, ..first });
    }
    let aggregated = select.aggregates.iter().map(|fold| &fold.argument);
    let mut others = aggregated.chain(&select.filter).chain(&select.group);
    others.try_for_each(|expr| check_expr(expr, names))?;
    select.order.iter().try_for_each(|order| match &order.key {
        key if order.rank || distance(key).is_some() => check_expr(key, names),
        Expr::Name(..) | Expr::Path(..) => check_expr(&order.key, names),
        _ => refuse("2206", UNORDERABLE, Span { start: 0, end: 0 }),
    })
}

/// The arguments of a distance between vectors, the one function that orders.
pub fn distance(key: &Expr) -> Option<&[Expr]> {
    match key {
        Expr::Foreign(name, arguments) if name.eq_ignore_ascii_case("VectorDistance") => {
            Some(arguments)
        }
        _ => None,
    }
}

const UNORDERABLE: &str =
    "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path.";

fn check_all(select: &Select, span: Span) -> Checked {
    match select.from.len() {
        1 if select.group.is_empty() => Ok(()),
        1 => refuse("SC2041", "'SELECT *' is not allowed with GROUP BY.", span),
        0 => refuse(
            "SC2040",
            "'SELECT *' is not valid if FROM clause is omitted.",
            span,
        ),
        _ => refuse(
            "SC2040",
            "'SELECT *' is only valid with a single input set.",
            span,
        ),
    }
}

fn check_expr<'a>(expr: &'a Expr, names: &mut Vec<&'a str>) -> Checked {
    if let Expr::Name(name, span) = expr
        && !names.contains(&name.as_str())
    {
        return refuse(
            "SC2001",
            format!("Identifier '{name}' could not be resolved."),
            *span,
        );
    }
    if let Some(select) = expr.subquery() {
        return check_select(select, names);
    }
    expr.parts()
        .into_iter()
        .try_for_each(|part| check_expr(part, names))
}

/// A reference in the projection of a group must be one of the group's keys.
fn check_grouped(expr: &Expr, keys: &[Expr], wrong: &mut Vec<SyntaxError>) {
    if keys.iter().any(|key| key == expr || leads_from(key, expr)) {
        return;
    }
    let (reference, span) = match expr {
        Expr::Name(name, span) => (name.clone(), span),
        Expr::Path(inner, steps, span) if base(inner).is_some() => (dotted(inner, steps), span),
        _ => {
            let parts = expr.parts().into_iter();
            return parts.for_each(|part| check_grouped(part, keys, wrong));
        }
    };
    let message = ungrouped(&reference);
    wrong.push(SyntaxError::new("SC2102", message, span.start, span.end));
}

/// Whether a path goes on from where a key leads to.
fn leads_from(key: &Expr, path: &Expr) -> bool {
    match (key, path) {
        (Expr::Path(a, key, _), Expr::Path(b, path, _)) => a == b && path.starts_with(key),
        (Expr::Name(..), Expr::Path(base, ..)) => **base == *key,
        _ => false,
    }
}

fn dotted(inner: &Expr, steps: &[Step]) -> String {
    let mut text = base(inner).map_or(String::new(), |(name, _)| name.to_owned());
    for step in steps {
        match step {
            Step::Name(name, _) => text.push_str(&format!(".{name}")),
            Step::Index(_) => text.push_str("[]"),
        }
    }
    text
}

fn ungrouped(reference: &str) -> String {
    format!(
        "Property reference '{reference}' is invalid in the select list because it is not \
         contained in either an aggregate function or the GROUP BY clause."
    )
}
