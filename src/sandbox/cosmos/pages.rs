//! Pages: how many rows, and from where.

use std::collections::HashSet;

use super::cursor::{Cursor, Leg, invalid, route};
use super::ragged::Dice;
use super::reply::{Exchange, Refusal};
use super::scope::Scope;
use super::spot::Spot;
use super::statement::Statement;
use super::store::Store;
use crate::cosmos::effective_key::{contains, order};
use crate::cosmos::limits::RESPONSE_BYTES;
use crate::sandbox::sql;
use crate::sandbox::world::{Item, Range};

/// The most items looked at for one page, which stands for the time limit of the service.
const SCANNED: usize = 10_000;

/// Rows, and where the next page begins.
#[derive(Default)]
pub struct Page {
    /// JSON texts.
    pub rows: Vec<String>,
    /// Nothing on the last page.
    pub next: Option<Cursor>,
    /// Items looked at.
    pub scanned: usize,
    bytes: usize,
}

/// Where pages end.
#[derive(Clone, Copy)]
pub struct Cut {
    /// After that many rows.
    pub size: usize,
    /// Anywhere, by this seed.
    pub ragged: Option<u64>,
    /// A row is given once to a page.
    pub distinct: bool,
}

impl Cut {
    /// `x-ms-max-item-count`, `default` where it does not say.
    pub fn read(exchange: &Exchange, default: usize, ragged: Option<u64>) -> Result<Self, Refusal> {
        Ok(Self {
            size: size(exchange, default)?,
            ragged,
            distinct: false,
        })
    }

    fn size(&self, dice: Option<&Dice>) -> usize {
        dice.map_or(self.size, |dice| self.size.min(dice.size()))
    }
}

/// `x-ms-max-item-count`, `default` where it does not say.
pub fn size(exchange: &Exchange, default: usize) -> Result<usize, Refusal> {
    let name = "x-ms-max-item-count";
    let Some(text) = exchange.header(name) else {
        return Ok(default);
    };
    match text.parse::<i64>() {
        Ok(-1) => Ok(usize::MAX),
        Ok(0) => Ok(1000),
        Ok(count @ 1..) => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
        _ => Err(Refusal::header(name, text)),
    }
}

impl Page {
    /// Takes a row in, or says that the page is full.
    fn add(&mut self, row: String, size: usize) -> Result<(), String> {
        let over = self.bytes + row.len() > RESPONSE_BYTES && !self.rows.is_empty();
        if over || self.rows.len() >= size {
            return Err(row);
        }
        self.bytes += row.len();
        self.rows.push(row);
        Ok(())
    }
}

/// A page of one range, item by item; a range's end is a page's end.
pub fn stream(
    store: &Store,
    scope: &Scope,
    cursor: Option<&Cursor>,
    cut: &Cut,
    row: impl Fn(&Item) -> Result<Vec<String>, Refusal>,
) -> Result<(usize, Page), Refusal> {
    page(store, scope, cursor, cut, |leg, items, size, page| {
        let mut seen = HashSet::new();
        for item in items {
            if page.rows.len() >= size || page.scanned >= SCANNED {
                return Ok(Some(leg.at(item, 0)));
            }
            page.scanned += 1;
            let before = item.number == leg.number;
            let given = if before { leg.skip } else { 0 };
            for (number, row) in row(item)?.into_iter().enumerate().skip(given) {
                if cut.distinct && !seen.insert(key(&row)) {
                    continue;
                }
                if page.add(row, size).is_err() {
                    return Ok(Some(leg.at(item, number)));
                }
            }
        }
        Ok(None)
    })
}

/// What a row is as a value, however it is written.
fn key(row: &str) -> String {
    sql::Value::parse(row).map_or_else(|_| row.to_owned(), |value| value.key())
}

/// A page of partial answers: each is over a few items.
pub fn partial(
    store: &Store,
    scope: &Scope,
    cursor: Option<&Cursor>,
    cut: &Cut,
    statement: &Statement,
) -> Result<(usize, Page), Refusal> {
    page(store, scope, cursor, cut, |leg, items, _, page| {
        // Where a part ends may not depend on how much of it was given.
        let start = Leg {
            skip: 0,
            page: 0,
            ..leg.clone()
        };
        let count = cut
            .ragged
            .map_or(items.len(), |seed| start.dice(seed).size());
        let (part, rest) = items.split_at(count.min(items.len()));
        if part.is_empty() && leg.number > 0 {
            return Ok(None);
        }
        let texts: Vec<&str> = part.iter().map(|item| item.text.as_str()).collect();
        page.scanned = part.len();
        let rows = statement.run(&texts)?.into_iter().enumerate();
        for (number, row) in rows.skip(leg.skip) {
            if page.add(row, cut.size).is_err() {
                return Ok(Some(leg.further(leg.number, number)));
            }
        }
        Ok(rest.first().map(|item| leg.at(item, 0)))
    })
}

type Fill<'f> = &'f mut dyn FnMut(&Leg, &[&Item], usize, &mut Page) -> Result<Option<Leg>, Refusal>;

/// A page of the first leg: `fill` takes rows from its items and says where it stopped.
fn page(
    store: &Store,
    scope: &Scope,
    cursor: Option<&Cursor>,
    cut: &Cut,
    mut fill: impl FnMut(&Leg, &[&Item], usize, &mut Page) -> Result<Option<Leg>, Refusal>,
) -> Result<(usize, Page), Refusal> {
    let (legs, told) = route(store, scope, cursor)?;
    let Some(((at, leg), rest)) = legs.split_first() else {
        return Ok((0, Page::default()));
    };
    let mut page = Page::default();
    let items = ordered(store.range(*at)?, scope, leg);
    let left = step(leg, &items, cut, &mut page, &mut fill)?;
    let told = rest.iter().take(told.saturating_sub(1));
    let mut next: Vec<Leg> = left.into_iter().collect();
    next.extend(told.map(|(_, leg)| leg.clone()));
    if next.is_empty() {
        next.extend(rest.first().map(|(_, leg)| leg.clone()));
    }
    page.next = (!next.is_empty()).then_some(Cursor(next));
    Ok((*at, page))
}

/// What is left of a leg after one page of it.
fn step(
    leg: &Leg,
    items: &[&Item],
    cut: &Cut,
    page: &mut Page,
    fill: Fill,
) -> Result<Option<Leg>, Refusal> {
    let dice = cut.ragged.map(|seed| leg.dice(seed));
    if dice.as_ref().is_some_and(Dice::empty) {
        return Ok(Some(leg.further(leg.number, leg.skip)));
    }
    let left = fill(leg, items, cut.size(dice.as_ref()), page)?;
    let last = items
        .last()
        .filter(|_| left.is_none() && !page.rows.is_empty());
    let tail = last.filter(|_| dice.is_some_and(|dice| dice.tail()));
    Ok(left.or(tail.map(|item| leg.further(item.number + 1, 0))))
}

/// A page of a query that needs all documents before its first row.
///
/// A token of a range that was split meanwhile counts the rows of the whole range: each child gives its own of them.
pub fn whole(
    store: &Store,
    scope: &Scope,
    cursor: Option<&Cursor>,
    cut: &Cut,
    statement: &Statement,
) -> Result<(usize, Page), Refusal> {
    let at = scope.ranges.first().copied().unwrap_or_default();
    let range = store.range(at)?;
    let leg = match cursor.and_then(|cursor| cursor.0.first()) {
        None => Leg::start(range),
        Some(leg) if order(&leg.max, &range.min).is_le() => return Err(invalid()),
        Some(leg) if order(&range.max, &leg.min).is_le() => return Err(invalid()),
        Some(leg) => leg.clone(),
    };
    let mut page = Page::default();
    let dice = cut.ragged.map(|seed| leg.dice(seed));
    if dice.as_ref().is_some_and(Dice::empty) {
        let after = leg.after.clone();
        let next = leg.further(0, leg.skip);
        page.next = Some(Cursor(vec![Leg { after, ..next }]));
        return Ok((at, page));
    }
    let all = gathered(store, scope, &leg)?;
    page.scanned = all.texts.len();
    let first = order(&range.min, &leg.min).is_le();
    let mut rows = statement.divided(&all.texts, &all.own, first)?;
    let size = cut.size(dice.as_ref());
    let start = match leg.after.as_str() {
        "" => leg.skip,
        after => {
            let spot = Spot::read(after).ok_or_else(invalid)?;
            spot.passed(statement, &rows, &all.numbers)
        }
    };
    for number in start..rows.len() {
        let row = rows.get_mut(number).and_then(|row| row.text.take());
        if row.is_some_and(|row| page.add(row, size).is_err()) {
            let spot = Spot::before(number, statement, &rows, &all.numbers);
            let next = leg.further(0, number);
            let after = spot.and_then(|spot| spot.write()).unwrap_or_default();
            page.next = Some(Cursor(vec![Leg { after, ..next }]));
            break;
        }
    }
    Ok((at, page))
}

/// The documents of a leg in the order of their numbers.
#[derive(Default)]
struct Gathered<'s> {
    texts: Vec<&'s str>,
    numbers: Vec<u64>,
    /// Which of them are in the scope's own ranges.
    own: Vec<bool>,
}

fn gathered<'s>(store: &'s Store, scope: &Scope, leg: &Leg) -> Result<Gathered<'s>, Refusal> {
    let mut all = Vec::new();
    for at in 0..store.container.ranges.len() {
        let own = scope.ranges.contains(&at);
        let items = ordered(store.range(at)?, scope, leg).into_iter();
        all.extend(items.map(|item| (item.number, item.text.as_str(), own)));
    }
    all.sort_unstable_by_key(|(number, ..)| *number);
    let mut gathered = Gathered::default();
    for (number, text, own) in all {
        gathered.texts.push(text);
        gathered.numbers.push(number);
        gathered.own.push(own);
    }
    Ok(gathered)
}

/// The items of a range within the scope and the leg, in the order they were made.
pub fn ordered<'r>(range: &'r Range, scope: &Scope, leg: &Leg) -> Vec<&'r Item> {
    let within = range.items.iter().filter(|((effective, key, _), item)| {
        item.number >= leg.number
            && contains(&leg.min, &leg.max, effective)
            && scope.holds(effective, key)
    });
    let mut items: Vec<&Item> = within.map(|(_, item)| item).collect();
    items.sort_unstable_by_key(|item| item.number);
    items
}
