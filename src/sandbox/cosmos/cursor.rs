//! Where a feed goes on, and the token that says so.

use serde_json::{Value, json};

use super::ragged::Dice;
use super::reply::{Exchange, Refusal};
use super::scope::Scope;
use super::store::Store;
use crate::cosmos::effective_key::order;
use crate::sandbox::world::{Item, Range};

/// The rest of an interval of keys, which is a range or was one when the token was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leg {
    /// Lower bound.
    pub min: String,
    /// Upper bound.
    pub max: String,
    /// Number of the first item to look at; its rows up to `skip` were given.
    pub number: u64,
    /// Rows given of it, or of the whole of a query that is not answered item by item.
    pub skip: usize,
    /// Behind which row of an order, as [`super::spot::Spot`] writes it.
    pub after: String,
    /// Pages so far, the empty ones counted.
    pub page: u64,
}

/// What is left: first this, then the ranges after it. More than one where a range was split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<Leg>);

impl Leg {
    /// All of a range.
    pub fn start(range: &Range) -> Self {
        Self {
            min: range.min.clone(),
            max: range.max.clone(),
            ..Self::default()
        }
    }

    /// At an item of the same range, after some of its rows.
    pub fn at(&self, item: &Item, skip: usize) -> Self {
        self.further(item.number, skip)
    }

    /// One page later.
    pub fn further(&self, number: u64, skip: usize) -> Self {
        Self {
            number,
            skip,
            after: String::new(),
            page: self.page + 1,
            ..self.clone()
        }
    }

    /// What happens to the page that begins here.
    pub fn dice(&self, seed: u64) -> Dice {
        let skip = u64::try_from(self.skip).unwrap_or_default();
        Dice::new(seed, &self.min, &[self.number, skip, self.page])
    }

    /// The part of it that is in a range.
    fn within(&self, range: &Range) -> Option<Self> {
        let min = greater(&self.min, &range.min);
        let max = lesser(&self.max, &range.max);
        let some = order(min, max).is_lt();
        some.then(|| Self {
            min: min.to_owned(),
            max: max.to_owned(),
            ..self.clone()
        })
    }

    fn json(&self, rid: &str) -> Value {
        let Self {
            min,
            max,
            number,
            skip,
            after,
            page,
        } = self;
        let token = format!("-RID:~{rid}#AT:{number}#SK:{skip}#OB:{after}#PG:{page}#ISV:2");
        json!({"token": token, "range": {"min": min, "max": max}})
    }

    fn parse(json: &Value, rid: &str) -> Option<Self> {
        let bound = |name: &str| json.get("range")?.get(name)?.as_str().map(str::to_owned);
        let mut parts = json.get("token")?.as_str()?.split('#');
        let mut part = |name: &str| parts.next()?.strip_prefix(name);
        (part("-RID:~")? == rid).then_some(())?;
        let leg = Self {
            min: bound("min")?,
            max: bound("max")?,
            number: part("AT:")?.parse().ok()?,
            skip: part("SK:")?.parse().ok()?,
            after: part("OB:")?.to_owned(),
            page: part("PG:")?.parse().ok()?,
        };
        part("ISV:").map(|_| leg)
    }
}

fn greater<'t>(one: &'t str, two: &'t str) -> &'t str {
    if order(one, two).is_lt() { two } else { one }
}

fn lesser<'t>(one: &'t str, two: &'t str) -> &'t str {
    if order(one, two).is_lt() { one } else { two }
}

impl Cursor {
    /// The token for the client, bound to one container.
    pub fn token(&self, rid: &str) -> String {
        let mut legs: Vec<Value> = self.0.iter().map(|leg| leg.json(rid)).collect();
        match legs.pop() {
            Some(only) if legs.is_empty() => only.to_string(),
            last => {
                legs.extend(last);
                Value::Array(legs).to_string()
            }
        }
    }

    /// Where a token says to go on.
    pub fn parse(token: &str, rid: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(token).ok()?;
        let legs = match &json {
            Value::Array(legs) => legs.as_slice(),
            one => std::slice::from_ref(one),
        };
        let legs: Option<Vec<Leg>> = legs.iter().map(|leg| Leg::parse(leg, rid)).collect();
        legs.filter(|legs| !legs.is_empty()).map(Self)
    }

    /// The cursor a request came with, or nothing on the first page.
    pub fn read(exchange: &Exchange, rid: &str) -> Result<Option<Self>, Refusal> {
        let limit = exchange.header("x-ms-documentdb-responsecontinuationtokenlimitinkb");
        if limit.is_some_and(|limit| limit.parse::<u32>().map_or(true, |limit| limit == 0)) {
            return Err(Refusal::gateway(
                400,
                "The continuation token limit is invalid.",
            ));
        }
        match exchange.header("x-ms-continuation") {
            None => Ok(None),
            Some(token) => Self::parse(token, rid).map(Some).ok_or_else(invalid),
        }
    }
}

/// What a token that is none of ours is answered with.
pub fn invalid() -> Refusal {
    Refusal::new(400, "Invalid Continuation Token")
}

/// The legs of a scope with the positions of their ranges, and how many of them the token told:
/// a leg of a range that was split meanwhile is one of each child.
pub fn route(
    store: &Store,
    scope: &Scope,
    cursor: Option<&Cursor>,
) -> Result<(Vec<(usize, Leg)>, usize), Refusal> {
    let told = cursor.map_or(&[][..], |cursor| cursor.0.as_slice());
    let mut legs = Vec::new();
    for leg in told {
        for &at in &scope.ranges {
            legs.extend(leg.within(store.range(at)?).map(|leg| (at, leg)));
        }
    }
    let count = legs.len();
    if count == 0 && !told.is_empty() {
        return Err(invalid());
    }
    let end = told.last().map_or("", |leg| leg.max.as_str());
    for &at in &scope.ranges {
        let range = store.range(at)?;
        if order(&range.min, end).is_ge() {
            legs.push((at, Leg::start(range)));
        }
    }
    Ok((legs, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_bound_to_its_container() {
        let leg = Leg {
            min: "1F".into(),
            max: "FF".into(),
            number: 7,
            skip: 2,
            after: "WzFd".into(),
            page: 3,
        };
        let both = [vec![leg.clone()], vec![leg.clone(), Leg::default()]];
        for cursor in both.map(Cursor) {
            let token = cursor.token("R");
            assert_eq!(Cursor::parse(&token, "R"), Some(cursor));
            assert_eq!(Cursor::parse(&token, "S"), None);
        }
        for text in [
            "",
            "x",
            "{}",
            "[]",
            "[1]",
            r#"{"token":"-RID:~R#AT:x","range":{"min":"","max":"FF"}}"#,
        ] {
            assert_eq!(Cursor::parse(text, "R"), None, "{text}");
        }
    }
}
