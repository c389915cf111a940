//! Feeds and queries over items.

use super::pages::{self, Cursor, Page};
use super::plan;
use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::resume;
use super::scope::{self, Scope};
use super::session;
use super::statement::{self, Statement};
use super::store::{self, Store};
use crate::sandbox::sql::Shape;
use crate::sandbox::world::World;

/// `GET /dbs/{db}/colls/{coll}/docs`
pub fn list(world: &mut World, exchange: &Exchange) -> Outcome {
    let store = store::open(world, exchange)?;
    let scope = scope::feed(exchange, &store)?;
    fresh(exchange, &store, &scope)?;
    let size = pages::size(exchange, 100)?;
    let cursors = Cursor::read(exchange, &store.container.rid)?;
    let (at, page) = pages::stream(&store, &scope, cursors, size, |item| {
        Ok(vec![item.text.clone()])
    })?;
    let charge = 1.0 + 0.03 * page.rows.len() as f64;
    Ok(answer(exchange, &store, at, &page, charge))
}

/// `POST /dbs/{db}/colls/{coll}/docs` with a query
pub fn run(world: &mut World, exchange: &Exchange) -> Outcome {
    let store = store::open(world, exchange)?;
    let statement = statement::read(exchange)?;
    if exchange.flag("x-ms-cosmos-is-query-plan-request") {
        return planned(exchange, &store, &statement);
    }
    let scope = scope::query(exchange, &store)?;
    servable(&scope, &statement)?;
    fresh(exchange, &store, &scope)?;
    let size = pages::size(exchange, 1000)?;
    let cursors = Cursor::read(exchange, &store.container.rid)?;
    let (at, page) = match statement.shape().streams() {
        true => pages::stream(&store, &scope, cursors, size, |item| {
            statement.row(&item.text)
        })?,
        false => whole(&store, &scope, &statement, &cursors, size)?,
    };
    let metrics = metrics(exchange, &page);
    let charge = 2.25 + 0.03 * page.scanned as f64;
    let mut reply = answer(exchange, &store, at, &page, charge)
        .header("x-ms-cosmos-query-execution-info", EXECUTION);
    if let Some(metrics) = metrics {
        reply = reply.header("x-ms-documentdb-query-metrics", metrics);
    }
    Ok(reply)
}

const EXECUTION: &str = "{\"reverseRidEnabled\":false,\"reverseIndexScan\":false}";
const NOT_SERVED: &str = "The provided cross partition query can not be directly served by the gateway. This is a first chance (internal) exception that all newer clients will know how to handle gracefully. This exception is traced, but unless you see it bubble up as an exception (which only happens on older SDK clients), then you can safely ignore this message.";
const ONLY_VALUE: &str =
    "Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates.";

/// Refuses across partitions what the gateway leaves to its clients.
fn servable(scope: &Scope, statement: &Statement) -> Result<(), Refusal> {
    let shape = statement.shape();
    if scope.directed {
        return Ok(());
    }
    whole_documents(shape, scope.ranges.len())?;
    if shape.list_aggregate || shape.group_by {
        return Err(Refusal::new(400, ONLY_VALUE));
    }
    if shape.order_by || shape.top || shape.offset_limit || shape.distinct || shape.value_aggregate
    {
        let plan = plan::plan(statement, false)?;
        return Err(Refusal::gateway(400, NOT_SERVED).sub(1004).info(&plan));
    }
    Ok(())
}

/// What an inner query leaves out or counts per range is not the whole of it.
fn whole_documents(shape: Shape, ranges: usize) -> Result<(), Refusal> {
    match shape.gathered && ranges > 1 {
        true => Err(Refusal::absent(
            "a query within FROM across partition ranges",
        )),
        false => Ok(()),
    }
}

/// Whether every range has got as far as the session has seen it.
pub fn fresh(exchange: &Exchange, store: &Store, scope: &Scope) -> Result<(), Refusal> {
    scope
        .ranges
        .iter()
        .try_for_each(|&at| session::reached(exchange, store.range(at)?))
}

/// A page of a query that needs all documents before its first row.
fn whole(
    store: &Store,
    scope: &Scope,
    statement: &Statement,
    cursors: &[Cursor],
    size: usize,
) -> Result<(usize, Page), Refusal> {
    let at = scope.ranges.first().copied().unwrap_or_default();
    let cursor = resume::of_all(store, scope, statement, cursors)?;
    let documents = resume::documents(store, scope, &scope.ranges)?;
    let rows = statement.run(&documents)?;
    let mut page = pages::slice(cursor, size, rows);
    page.scanned = documents.len();
    Ok((at, page))
}

fn answer(exchange: &Exchange, store: &Store, at: usize, page: &Page, charge: f64) -> Reply {
    let count = page.rows.len();
    let rid = &store.container.rid;
    let body = format!(
        "{{\"_rid\":\"{rid}\",\"Documents\":[{}],\"_count\":{count}}}",
        page.rows.join(",")
    );
    let mut reply = Reply::new(200, body)
        .header("x-ms-item-count", count)
        .charge(charge);
    if let Some(next) = pages::token(&page.next, rid) {
        reply = reply.header("x-ms-continuation", next);
    }
    let deleting = store.container.deleting > exchange.now;
    let pending = if deleting { "True" } else { "False" };
    reply = reply.header("x-ms-cosmos-is-partition-key-delete-pending", pending);
    store.describe(reply, at)
}

fn metrics(exchange: &Exchange, page: &Page) -> Option<String> {
    let wanted = exchange.flag("x-ms-documentdb-populatequerymetrics");
    let size: usize = page.rows.iter().map(String::len).sum();
    wanted.then(|| {
        format!(
            "totalExecutionTimeInMs=0.50;queryCompileTimeInMs=0.05;retrievedDocumentCount={};outputDocumentCount={};outputDocumentSize={size};indexUtilizationRatio=1.00",
            page.scanned,
            page.rows.len()
        )
    })
}

/// Answers with the query's plan, if the client can carry it out.
fn planned(exchange: &Exchange, store: &Store, statement: &Statement) -> Outcome {
    let known: Vec<&str> = exchange
        .header("x-ms-cosmos-supported-query-features")
        .map(|features| features.split(',').map(str::trim).collect())
        .unwrap_or_default();
    let unknown: Vec<String> = features(statement.shape())
        .into_iter()
        .filter(|feature| !known.contains(feature))
        .map(|feature| {
            format!("Query contained {feature}, which the calling client does not support.")
        })
        .collect();
    if !unknown.is_empty() {
        let message = format!("{UNSUPPORTED}{}", unknown.join("\r\n"));
        return Err(Refusal::new(400, message));
    }
    let scope = scope::feed(exchange, store)?;
    whole_documents(statement.shape(), scope.ranges.len())?;
    let keyed = scope.directed;
    Ok(Reply::new(200, plan::plan(statement, keyed)?.to_string()))
}

const UNSUPPORTED: &str = "Query contains 1 or more unsupported features. Upgrade your SDK to a version that does support the requested features:\r\n";

fn features(shape: Shape) -> Vec<&'static str> {
    let table = [
        (shape.value_aggregate, "Aggregate"),
        (shape.list_aggregate, "NonValueAggregate"),
        (shape.distinct, "Distinct"),
        (shape.distinct_count, "DCount"),
        (shape.group_by, "GroupBy"),
        (shape.offset_limit, "OffsetAndLimit"),
        (shape.order_by, "OrderBy"),
        (shape.top, "Top"),
    ];
    table
        .into_iter()
        .filter(|row| row.0)
        .map(|row| row.1)
        .collect()
}
