//! Feeds and queries over items.

use super::cursor::Cursor;
use super::metrics;
use super::pages::{self, Cut, Page};
use super::plan::{self, Frame};
use super::reply::{Exchange, Outcome, Refusal, Reply};
use super::scope::{self, Scope};
use super::session;
use super::statement::{self, Statement};
use super::store::{self, Store};
use crate::sandbox::sql::Shape;
use crate::sandbox::world::World;

/// `GET /dbs/{db}/colls/{coll}/docs`
pub fn list(world: &mut World, exchange: &Exchange) -> Outcome {
    let ragged = world.ragged_pages;
    let store = store::open(world, exchange)?;
    let scope = scope::feed(exchange, &store)?;
    fresh(exchange, &store, &scope)?;
    let cut = Cut::read(exchange, 100, ragged)?;
    let cursor = Cursor::read(exchange, &store.container.rid)?;
    let (at, page) = pages::stream(&store, &scope, cursor.as_ref(), &cut, |item| {
        Ok(vec![item.text.clone()])
    })?;
    let charge = 1.0 + 0.03 * page.rows.len() as f64;
    Ok(answer(exchange, &store, at, &page, charge))
}

/// `POST /dbs/{db}/colls/{coll}/docs` with a query
pub fn run(world: &mut World, exchange: &Exchange) -> Outcome {
    let ragged = world.ragged_pages;
    let store = store::open(world, exchange)?;
    let statement = statement::read(exchange)?.over(&store.container.definition);
    if exchange.flag("x-ms-cosmos-is-query-plan-request") {
        return planned(exchange, &store, &statement);
    }
    let scope = scope::query(exchange, &store, &statement)?;
    servable(&store, &scope, &statement)?;
    fresh(exchange, &store, &scope)?;
    let cut = Cut::read(exchange, 1000, ragged)?;
    let cursor = Cursor::read(exchange, &store.container.rid)?;
    let (at, page) = paged(&store, &scope, cursor.as_ref(), cut, &statement)?;
    let metrics = metrics::told(exchange, &page, &statement);
    let charge = 2.25 + 0.03 * page.scanned as f64;
    let mut reply = answer(exchange, &store, at, &page, charge)
        .header("x-ms-cosmos-query-execution-info", execution(&statement));
    reply.headers.extend(metrics);
    Ok(reply)
}

/// A page, by what the query has to remember between documents.
fn paged(
    store: &Store,
    scope: &Scope,
    cursor: Option<&Cursor>,
    cut: Cut,
    statement: &Statement,
) -> Result<(usize, Page), Refusal> {
    let shape = statement.shape();
    // Nothing remembers the rows of other pages.
    let distinct = shape.distinct
        && Shape {
            distinct: false,
            ..shape
        }
        .streams();
    if shape.streams() || distinct {
        let cut = Cut { distinct, ..cut };
        return pages::stream(store, scope, cursor, &cut, |item| statement.row(&item.text));
    }
    match shape.partial && cut.ragged.is_some() {
        true => pages::partial(store, scope, cursor, &cut, statement),
        false => pages::whole(store, scope, cursor, &cut, statement),
    }
}

/// Clients that resume within rows of the same keys ask here which way these go.
fn execution(statement: &Statement) -> String {
    let backwards = statement.backwards();
    format!("{{\"reverseRidEnabled\":false,\"reverseIndexScan\":{backwards}}}")
}

const NOT_SERVED: &str = "The provided cross partition query can not be directly served by the gateway. This is a first chance (internal) exception that all newer clients will know how to handle gracefully. This exception is traced, but unless you see it bubble up as an exception (which only happens on older SDK clients), then you can safely ignore this message.";
const ONLY_VALUE: &str =
    "Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates.";

/// Refuses across partitions what the gateway leaves to its clients.
fn servable(store: &Store, scope: &Scope, statement: &Statement) -> Result<(), Refusal> {
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
        let plan = plan::plan(statement, &Frame::new(store, false))?;
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
    if let Some(next) = &page.next {
        reply = reply.header("x-ms-continuation", next.token(rid));
    }
    let deleting = store.container.deleting > exchange.now;
    let pending = if deleting { "True" } else { "False" };
    reply = reply.header("x-ms-cosmos-is-partition-key-delete-pending", pending);
    store.describe(reply, at)
}

/// Answers with the query's plan, if the client can carry it out.
fn planned(exchange: &Exchange, store: &Store, statement: &Statement) -> Outcome {
    let scope = scope::feed(exchange, store)?;
    let frame = Frame::new(store, scope.directed);
    let plan = statement.plan(&frame)?;
    let known: Vec<&str> = exchange
        .header("x-ms-cosmos-supported-query-features")
        .map(|features| features.split(',').map(str::trim).collect())
        .unwrap_or_default();
    let unknown: Vec<String> = plan::features(&plan)
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
    Ok(Reply::new(200, plan::written(&plan, &frame).to_string()))
}

const UNSUPPORTED: &str = "Query contains 1 or more unsupported features. Upgrade your SDK to a version that does support the requested features:\r\n";
