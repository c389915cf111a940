//! Documents to rows: SELECT, GROUP BY, DISTINCT, ORDER BY and the window.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use super::EvalError;
use super::aggregate::Total;
use super::ast::{Expr, Projection, Select};
use super::computed::Computed;
use super::eval::{Env, Result, eval, object};
use super::from::visit;
use super::order::{compare, window};
use super::resume::Resume;
use super::value::Value;

/// Rows a query may make on its way, for one call.
const BUDGET: u32 = 2_000_000;

/// A stored document, as text and as a value.
pub struct Document<'a> {
    text: &'a str,
    /// How many come before it.
    pub place: usize,
    /// What the text says.
    pub value: Value,
}

impl<'a> Document<'a> {
    /// Reads JSON texts.
    pub fn all(texts: &[&'a str]) -> Result<Vec<Document<'a>>> {
        let texts = texts.iter().enumerate();
        texts
            .map(|(place, text)| Document::read(text, place))
            .collect()
    }

    fn read(text: &'a str, place: usize) -> Result<Document<'a>> {
        let value = Value::parse(text)
            .map_err(|e| EvalError::BadRequest(format!("A document is not JSON: {e}.")))?;
        Ok(Document { text, place, value })
    }
}

/// A row of the answer.
pub struct Row {
    /// What was projected.
    pub value: Value,
    /// The document's own text, where the row is the document.
    text: Option<String>,
    /// What ORDER BY compares.
    pub keys: Vec<Value>,
    /// What the row is of.
    pub origin: Origin,
}

/// What a row is of.
#[derive(Clone)]
pub enum Origin {
    /// One document, by its place.
    Document(usize),
    /// A group of documents that share a key.
    Group(String),
    /// All of them.
    All,
}

impl Row {
    /// Which document it is of.
    pub fn place(&self) -> Option<usize> {
        match self.origin {
            Origin::Document(place) => Some(place),
            _ => None,
        }
    }

    /// The JSON text.
    pub fn into_text(self) -> String {
        self.text.unwrap_or_else(|| self.value.json())
    }
}

/// The rows of a whole query.
pub fn run(
    select: &Select,
    parameters: &[(String, Value)],
    documents: &[Document],
    computed: Computed,
    resume: Option<&Resume>,
) -> Result<Vec<Row>> {
    let budget = Cell::new(BUDGET);
    let env = Env {
        parameters,
        document: None,
        names: Vec::new(),
        aggregates: &[],
        computed,
        budget: &budget,
    };
    let all = sorted(select, &env, Some(documents))?;
    let rest = match resume {
        Some(resume) => resume.apply(select, all, documents)?,
        None => all,
    };
    window(select, &env, rest)
}

/// The rows of a query over documents, or of a subquery within `env`.
pub fn rows(select: &Select, env: &Env, documents: Option<&[Document]>) -> Result<Vec<Row>> {
    let rows = sorted(select, env, documents)?;
    window(select, env, rows)
}

fn sorted(select: &Select, env: &Env, documents: Option<&[Document]>) -> Result<Vec<Row>> {
    let mut rows = match select.grouped() {
        true => grouped(select, env, documents)?,
        false => plain(select, env, documents)?,
    };
    if select.distinct {
        let mut seen = HashSet::new();
        rows.retain(|row| seen.insert(row.value.key()));
    }
    if !select.order.is_empty() {
        rows.sort_by(|a, b| compare(select, (&a.keys, a.place()), (&b.keys, b.place())));
    }
    Ok(rows)
}

fn plain(select: &Select, env: &Env, documents: Option<&[Document]>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    visit(select, env, documents, &mut |env| {
        rows.extend(project(select, env)?);
        Ok(())
    })?;
    Ok(rows)
}

/// The row of one combination; none where there is no value.
fn project(select: &Select, env: &Env) -> Result<Option<Row>> {
    let (value, text) = match &select.projection {
        Projection::All(_) => whole(
            select
                .from
                .first()
                .and_then(|source| source.alias.as_deref()),
            env,
        ),
        Projection::Value(Expr::Name(name, _)) => whole(Some(name), env),
        Projection::Value(expr) => (eval(expr, env)?, None),
        Projection::List(items) => (
            object(items.iter().map(|item| (&item.alias, &item.expr)), env)?,
            None,
        ),
    };
    if !value.defined() {
        return Ok(None);
    }
    let keys: Result<Vec<_>> = select
        .order
        .iter()
        .map(|order| eval(&order.key, env))
        .collect();
    Ok(Some(Row {
        value,
        text,
        keys: keys?,
        origin: env
            .document
            .map_or(Origin::All, |document| Origin::Document(document.place)),
    }))
}

/// An input set as it is; where it is the document, with the document's text.
fn whole(alias: Option<&str>, env: &Env) -> (Value, Option<String>) {
    let last = env.names.last().map(|(_, value)| *value);
    let Some(value) = alias.map_or(last, |alias| env.named(alias)) else {
        return (Value::Undefined, None);
    };
    let document = env
        .document
        .filter(|document| std::ptr::eq(&document.value, value));
    (
        value.clone(),
        document.map(|document| document.text.to_owned()),
    )
}

/// A group: its aggregates so far, and the names of its first row.
struct Group {
    key: String,
    totals: Vec<Total>,
    names: Vec<(String, Value)>,
}

impl Group {
    fn new(key: String, select: &Select, env: &Env) -> Group {
        // Without GROUP BY no name is used outside of an aggregate, so none is kept.
        let kept = if select.group.is_empty() {
            &[]
        } else {
            env.names.as_slice()
        };
        Group {
            key,
            totals: select
                .aggregates
                .iter()
                .map(|fold| Total::new(fold.kind))
                .collect(),
            names: kept
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).clone()))
                .collect(),
        }
    }

    fn add(&mut self, select: &Select, env: &Env) -> Result<()> {
        for (total, fold) in self.totals.iter_mut().zip(&select.aggregates) {
            total.add(eval(&fold.argument, env)?);
        }
        Ok(())
    }

    fn row(self, select: &Select, env: &Env) -> Result<Option<Row>> {
        let aggregates: Vec<Value> = self.totals.into_iter().map(Total::value).collect();
        let names = self
            .names
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        let env = Env {
            names,
            aggregates: &aggregates,
            ..env.clone()
        };
        let row = project(select, &env)?;
        Ok(row.map(|row| Row {
            origin: Origin::Group(self.key),
            ..row
        }))
    }
}

fn grouped(select: &Select, env: &Env, documents: Option<&[Document]>) -> Result<Vec<Row>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    if select.group.is_empty() {
        places.insert(String::new(), 0);
        groups.push(Group::new(String::new(), select, env));
    }
    visit(select, env, documents, &mut |env| {
        let key = group_key(select, env)?;
        let place = *places.entry(key.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Group::new(key, select, env));
        }
        groups
            .get_mut(place)
            .map_or(Ok(()), |group| group.add(select, env))
    })?;
    let rows = groups
        .into_iter()
        .filter_map(|group| group.row(select, env).transpose());
    rows.collect()
}

fn group_key(select: &Select, env: &Env) -> Result<String> {
    let keys: Result<Vec<_>> = select
        .group
        .iter()
        .map(|expr| Ok(eval(expr, env)?.key()))
        .collect();
    Ok(keys?.join(","))
}
