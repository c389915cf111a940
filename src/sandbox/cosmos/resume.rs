//! Where the next page begins, also where its range has been split since the last one.

use std::collections::HashMap;

use super::pages::{Cursor, invalid, ordered};
use super::reply::Refusal;
use super::scope::Scope;
use super::statement::Statement;
use super::store::Store;
use crate::cosmos::effective_key::order;
use crate::sandbox::world::{Item, Range};

/// The ranges to go on with, in order, and where in each: a cursor of a range that was split is one for each child.
pub fn places(
    store: &Store,
    scope: &Scope,
    cursors: Vec<Cursor>,
) -> Result<Vec<(usize, Cursor)>, Refusal> {
    if cursors.is_empty() {
        let first = scope.ranges.first().map(|&at| (at, store.range(at)));
        let first = first.map(|(at, range)| range.map(|range| (at, Cursor::start(range))));
        return first.into_iter().collect();
    }
    let mut places = Vec::new();
    for cursor in &cursors {
        for at in under(store, cursor, &scope.ranges)? {
            let start = Cursor::start(store.range(at)?);
            let Cursor { number, skip, .. } = *cursor;
            places.push((
                at,
                Cursor {
                    number,
                    skip,
                    ..start
                },
            ));
        }
    }
    match places.is_empty() {
        true => Err(invalid()),
        false => Ok(places),
    }
}

/// Those ranges that are the cursor's own or came of it.
fn under(store: &Store, cursor: &Cursor, ranges: &[usize]) -> Result<Vec<usize>, Refusal> {
    let mut under = Vec::new();
    for &at in ranges {
        let range = store.range(at)?;
        let apart =
            !order(&range.min, &cursor.max).is_lt() || !order(&cursor.min, &range.max).is_lt();
        let inside =
            order(&cursor.min, &range.min).is_le() && order(&range.max, &cursor.max).is_le();
        match (apart, inside) {
            (true, _) => {}
            (false, true) => under.push(at),
            (false, false) => return Err(invalid()),
        }
    }
    Ok(under)
}

/// How far a query over all documents of one range has got.
pub fn of_all(
    store: &Store,
    scope: &Scope,
    statement: &Statement,
    cursors: &[Cursor],
) -> Result<Cursor, Refusal> {
    let at = scope.ranges.first().copied().unwrap_or_default();
    let range = store.range(at)?;
    let start = Cursor::start(range);
    let cursor = match cursors {
        [] => return Ok(start),
        [one] => one,
        _ => return Err(invalid()),
    };
    let own = cursor.min == range.min && cursor.max == range.max;
    if own || !scope.directed {
        let skip = cursor.skip;
        return Ok(Cursor { skip, ..start });
    }
    if under(store, cursor, &[at])?.is_empty() {
        return Err(invalid());
    }
    let skip = given(store, scope, statement, cursor, at)?;
    Ok(Cursor { skip, ..start })
}

/// How many of a child's rows were among those that its parent gave.
fn given(
    store: &Store,
    scope: &Scope,
    statement: &Statement,
    cursor: &Cursor,
    child: usize,
) -> Result<usize, Refusal> {
    let shape = statement.shape();
    if shape.group_by || shape.value_aggregate || shape.list_aggregate || shape.composed {
        return Err(invalid());
    }
    let all: Vec<usize> = (0..store.container.ranges.len()).collect();
    let family = under(store, cursor, &all)?;
    let mut left: HashMap<String, usize> = HashMap::new();
    let parents = statement.run(&documents(store, scope, &family)?)?;
    for row in parents.into_iter().take(cursor.skip) {
        *left.entry(row).or_default() += 1;
    }
    for at in family {
        let rows = statement.run(&documents(store, scope, &[at])?)?;
        let mut taken = 0;
        for row in rows {
            if let Some(count) = left.get_mut(&row).filter(|count| **count > 0) {
                *count -= 1;
                taken += 1;
            }
        }
        if at == child {
            return Ok(taken);
        }
    }
    Err(invalid())
}

/// The texts of the items that are in some ranges and in scope, in the order they were made.
pub fn documents<'s>(
    store: &'s Store,
    scope: &Scope,
    ranges: &[usize],
) -> Result<Vec<&'s str>, Refusal> {
    let mut items: Vec<&Item> = Vec::new();
    for &at in ranges {
        let range: &'s Range = store.range(at)?;
        items.extend(ordered(range, scope, 0));
    }
    items.sort_unstable_by_key(|item| item.number);
    Ok(items.into_iter().map(|item| item.text.as_str()).collect())
}
