//! Aggregates and groups: ranges answer with parts, for a sum of sums.

use super::super::ast::{Aggregate, Expr, Fold, Item, Projection, Select};
use super::super::print;
use super::Plan;
use super::rewrite::{filter, items, payload, tail};

/// The query for each range.
pub fn rewritten(select: &Select) -> String {
    let part = |expr: &Expr| match aggregate(expr, select) {
        Some(fold) => partial(fold, select),
        None => print::expr(expr, select),
    };
    let payload = payload(select, "", part);
    let value = matches!(select.projection, Projection::Value(_)) && !select.aggregates.is_empty();
    let payload = match value {
        true => format!("[{payload}]"),
        false => payload,
    };
    let tail = tail(select, filter(select));
    let order = print::order(select);
    if select.group.is_empty() {
        return match value {
            true => format!("SELECT VALUE {payload}{tail}{order}"),
            false => format!("SELECT {payload} AS payload{tail}{order}"),
        };
    }
    let keys = items(select.group.iter(), select);
    let group = texts(select).join(", ");
    format!("SELECT {keys} AS groupByItems, {payload} AS payload{tail}\nGROUP BY {group}{order}")
}

/// Which members are which aggregates, and what is grouped by.
pub fn describe(select: &Select, plan: &mut Plan) {
    plan.group = texts(select);
    let kind = |expr: &Expr| aggregate(expr, select).map(|fold| name(fold.kind));
    match &select.projection {
        Projection::All(_) => {}
        Projection::Value(value) => plan.aggregates.extend(kind(value)),
        Projection::List(items) => {
            let member = |item: &Item| (item.alias.clone(), kind(&item.expr));
            plan.members = items.iter().map(member).collect();
        }
    }
}

fn texts(select: &Select) -> Vec<String> {
    let keys = select.group.iter();
    keys.map(|key| print::expr(key, select)).collect()
}

/// The aggregate, where the whole expression is one.
fn aggregate<'s>(expr: &Expr, select: &'s Select) -> Option<&'s Fold> {
    match expr {
        Expr::Aggregate(slot) => select.aggregates.get(*slot),
        _ => None,
    }
}

/// What plans call an aggregate.
fn name(kind: Aggregate) -> &'static str {
    match kind {
        Aggregate::Count => "Count",
        Aggregate::CountIf => "CountIf",
        Aggregate::Sum => "Sum",
        Aggregate::Average => "Average",
        Aggregate::Min => "Min",
        Aggregate::Max => "Max",
        Aggregate::MakeList => "MakeList",
        Aggregate::MakeSet => "MakeSet",
    }
}

fn partial(fold: &Fold, select: &Select) -> String {
    let argument = print::expr(&fold.argument, select);
    let written = &fold.spelling.0;
    let extreme = |member: &str, name: &str| {
        format!(
            "{{\"item\": {written}({argument}), \"item2\": {{\"{member}\": {name}({argument}), \"count\": COUNT({argument})}}}}"
        )
    };
    match fold.kind {
        Aggregate::Average => {
            format!("{{\"item\": {{\"sum\": SUM({argument}), \"count\": COUNT({argument})}}}}")
        }
        Aggregate::Min => extreme("min", "MIN"),
        Aggregate::Max => extreme("max", "MAX"),
        _ => format!("{{\"item\": {written}({argument})}}"),
    }
}
