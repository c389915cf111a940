//! What each partition range is to be asked, and what the client is to do with the answers.

mod keys;
mod partial;
mod rewrite;
mod scope;
mod window;

pub use keys::Keys;

use super::ast::{Expr, Projection, Select};
use super::resolve::distance;
use super::{EvalError, Query, Value, print, shape};
use window::Window;

/// What the plan depends on besides the query.
pub struct Setting<'a> {
    /// As sent with the query.
    pub parameters: &'a [(String, Value)],
    /// The names that lead to each part of the partition key.
    pub paths: &'a [Vec<String>],
    /// The parts are hashed one by one, so that the first of them tell a range.
    pub hierarchical: bool,
    /// One whole key was named, so that only one range answers.
    pub keyed: bool,
    /// Whether the vectors under a path are the nearer the smaller their distance is, where there are vectors.
    pub nearest_first: &'a dyn Fn(&[String]) -> Option<bool>,
}

/// What the client is to do, and which ranges it is to ask.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// `SELECT DISTINCT`, and whether equal rows follow one another.
    pub distinct: Option<bool>,
    /// `TOP`
    pub top: Option<u64>,
    /// `OFFSET`
    pub offset: Option<u64>,
    /// `LIMIT`
    pub limit: Option<u64>,
    /// What to order by, and whether descending.
    pub order: Vec<(String, bool)>,
    /// What is grouped by.
    pub group: Vec<String>,
    /// The members of the rows, and which of them are aggregates.
    pub members: Vec<(String, Option<&'static str>)>,
    /// The aggregates of rows without members.
    pub aggregates: Vec<&'static str>,
    /// `SELECT VALUE`
    pub value: bool,
    /// The rows are to be counted: under this name, or as they are where it is empty.
    pub counted: Option<String>,
    /// Each range answers in no order, or only nearly.
    pub non_streaming: bool,
    /// What to send, where it is not the query as it is.
    pub rewritten: String,
    /// Which partition keys can have answers.
    pub keys: Keys,
}

impl Query {
    /// Which partition keys can have answers.
    pub fn keys(&self, setting: &Setting) -> Result<Keys, EvalError> {
        keys::of(&self.select, setting)
    }

    /// The plan of the query.
    pub fn plan(&self, setting: &Setting) -> Result<Plan, EvalError> {
        let select = &self.select;
        let mut plan = Plan {
            value: matches!(select.projection, Projection::Value(_)),
            keys: keys::of(select, setting)?,
            ..Plan::default()
        };
        let shape = shape(select);
        if shape.composed {
            return Err(EvalError::BadRequest(COMPOSED.to_owned()));
        }
        if shape.constant || shape.streams() {
            return Ok(plan);
        }
        if let Some(inner) = select.derived().filter(|_| shape.gathered) {
            return rewrite::count(select, inner, plan);
        }
        let alone = setting.keyed || plan.keys.is_one(setting.paths.len());
        let windowed = select.window.is_some() && !select.merged();
        if alone && windowed && select.order.is_empty() && select.top.is_none() {
            return Ok(plan);
        }
        let window = window::read(select, setting.parameters)?;
        plan.take(select, &window, setting)?;
        Ok(plan)
    }
}

const COMPOSED: &str = "Compositions of aggregates and other expressions are not allowed.";

impl Select {
    /// Whether the rows of ranges become fewer when they are put together.
    fn merged(&self) -> bool {
        self.grouped() || self.distinct
    }
}

impl Plan {
    fn take(
        &mut self,
        select: &Select,
        window: &Window,
        setting: &Setting,
    ) -> Result<(), EvalError> {
        (self.top, self.offset, self.limit) = (window.top, window.offset, window.limit);
        if select.distinct {
            self.distinct = Some(ordered(select));
        }
        if select.grouped() {
            partial::describe(select, self);
            self.rewritten = partial::rewritten(select);
        } else if !select.order.is_empty() {
            self.order = order(select, setting)?;
            self.non_streaming = select.order.iter().any(|key| distance(&key.key).is_some());
            self.rewritten = rewrite::ordered(select, window)?;
        } else if select.window.is_some() || (select.distinct && select.top.is_some()) {
            self.rewritten = rewrite::plain(select, window);
        }
        Ok(())
    }
}

/// Whether equal rows follow one another: they are ordered by all there is of them.
fn ordered(select: &Select) -> bool {
    match (&select.projection, select.order.as_slice()) {
        (Projection::Value(value), [order]) => *value == order.key,
        _ => false,
    }
}

fn order(select: &Select, setting: &Setting) -> Result<Vec<(String, bool)>, EvalError> {
    let keys = select.order.iter().map(|order| {
        if order.rank {
            return Err(lacking("plans of full-text and hybrid searches"));
        }
        let descending = match distance(&order.key) {
            Some(arguments) => !nearest_first(select, arguments, setting)?,
            None => order.descending,
        };
        Ok((print::expr(&order.key, select), descending))
    });
    keys.collect()
}

/// Vectors are ordered the nearest first, which for some measures is the greatest first.
fn nearest_first(
    select: &Select,
    arguments: &[Expr],
    setting: &Setting,
) -> Result<bool, EvalError> {
    let scope = scope::Scope::of(select);
    let mut paths = arguments.iter().filter_map(|argument| scope.path(argument));
    let unknown = || lacking("plans of distances between vectors no policy tells of");
    match arguments.len() {
        2 | 3 => paths
            .find_map(|path| (setting.nearest_first)(&path))
            .ok_or_else(unknown),
        _ => Err(unknown()),
    }
}

fn lacking(what: &str) -> EvalError {
    EvalError::Unsupported(format!("{what} are not made."))
}
