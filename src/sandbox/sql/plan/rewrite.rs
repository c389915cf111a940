//! Queries that are not merged by adding: the query for each range.

use super::super::EvalError;
use super::super::ast::{Aggregate, Expr, Item, Origin, Projection, Select};
use super::super::print::{self, quoted};
use super::window::Window;
use super::{Plan, lacking};

const PLACEHOLDER: &str = "({documentdb-formattableorderbyquery-filter})";

/// The query as it is, but for its limits.
pub fn plain(select: &Select, window: &Window) -> String {
    let distinct = if select.distinct { "DISTINCT " } else { "" };
    let value = match select.projection {
        Projection::Value(_) => "VALUE ",
        _ => "",
    };
    let line = match select.distinct {
        true => String::new(),
        false => window.line(),
    };
    let projection = print::projection(select);
    let tail = tail(select, filter(select));
    format!("SELECT {distinct}{value}{projection}{tail}{line}")
}

/// Ranges answer in order and give the values they ordered by, for a merge.
pub fn ordered(select: &Select, window: &Window) -> Result<String, EvalError> {
    let root = root(select).ok_or_else(|| lacking("plans that order what is no document"))?;
    let limited = !select.distinct;
    let top = window.top.filter(|_| limited);
    let top = top.map_or(String::new(), |top| format!("TOP {top} "));
    let line = if limited {
        window.line()
    } else {
        String::new()
    };
    let keys = select.order.iter().map(|order| &order.key);
    let wanted = match filter(select) {
        Some(filter) => format!("({filter} AND {PLACEHOLDER})"),
        None => PLACEHOLDER.to_owned(),
    };
    let wanted = match &select.projection {
        Projection::Value(value) => {
            format!("({wanted} AND IS_DEFINED({}))", print::expr(value, select))
        }
        _ => wanted,
    };
    Ok(format!(
        "SELECT {top}{root}._rid, {} AS orderByItems, {} AS payload{}{}{line}",
        items(keys, select),
        payload(select, root, |item| print::expr(item, select)),
        tail(select, Some(wanted)),
        print::order(select),
    ))
}

/// `SELECT COUNT(1) FROM (SELECT DISTINCT ...)`: ranges answer with the rows that are to be counted.
pub fn count(select: &Select, inner: &Select, mut plan: Plan) -> Result<Plan, EvalError> {
    let bare = |select: &Select| {
        select.top.is_none() && select.window.is_none() && select.order.is_empty()
    };
    let counts = matches!(select.aggregates.as_slice(), [fold] if fold.kind == Aggregate::Count
        && matches!(&fold.argument, Expr::Literal(value) if value.defined()));
    let alone = select.from.len() == 1 && select.filter.is_none() && select.group.is_empty();
    if !(counts && alone && bare(select) && bare(inner) && !select.distinct) {
        return Err(lacking("plans of such queries within FROM"));
    }
    if !inner.distinct || inner.grouped() || inner.derived().is_some() {
        return Err(lacking("plans of such queries within FROM"));
    }
    let alias = match &select.projection {
        Projection::List(items) => items.first().map(|item| item.alias.clone()),
        _ => None,
    };
    plan.counted = Some(alias.unwrap_or_default());
    plan.distinct = Some(false);
    plan.rewritten = print::query(inner);
    Ok(plan)
}

/// The name of the documents, where the first input is documents.
fn root(select: &Select) -> Option<&str> {
    let source = select.from.first()?;
    match &source.origin {
        Origin::Path(Expr::Name(..)) if !source.each => source.alias.as_deref(),
        _ => None,
    }
}

/// The filter as it is, if there is one.
pub fn filter(select: &Select) -> Option<String> {
    let filter = select.filter.as_ref();
    filter.map(|filter| print::expr(filter, select))
}

/// `FROM` and, where there is a filter, `WHERE`.
pub fn tail(select: &Select, filter: Option<String>) -> String {
    let filter = filter.map_or(String::new(), |filter| format!("\nWHERE {filter}"));
    format!("{}{filter}", print::from(select))
}

/// Expressions as the values a client compares.
pub fn items<'e>(keys: impl Iterator<Item = &'e Expr>, select: &Select) -> String {
    let item = |key: &Expr| format!("{{\"item\": {}}}", print::expr(key, select));
    let items: Vec<_> = keys.map(item).collect();
    format!("[{}]", items.join(", "))
}

/// What stands for the original selection in each row.
pub fn payload(select: &Select, root: &str, part: impl Fn(&Expr) -> String) -> String {
    let member = |item: &Item| format!("{}: {}", quoted(&item.alias), part(&item.expr));
    match &select.projection {
        Projection::All(_) => root.to_owned(),
        Projection::Value(value) => part(value),
        Projection::List(items) => {
            let members: Vec<_> = items.iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}
