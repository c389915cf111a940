//! A range that is being read: what waits of it, and where it goes on.

use std::collections::VecDeque;

use serde_json::value::RawValue;

use crate::cosmos::query::order::Key;
use crate::cosmos::query::rows::{Ordered, Wrapped};
use crate::cosmos::query::state::Left;
use crate::cosmos::ranges::Part;
use crate::error::Error;
use crate::exchange::pages::Turns;
use crate::message::Next;

/// A range, or a part of one, that is being read.
pub(super) struct Leaf {
    /// Stays, wherever the leaf stands among the others.
    pub id: usize,
    pub part: Part,
    pub ahead: Ahead,
    /// A request is under way.
    pub busy: bool,
    /// The range is gone: what waits is used up before its children are asked.
    pub gone: bool,
    /// How often in a row it was gone.
    pub repairs: u32,
    pub turns: Turns,
    /// Which of the lists of rows that an earlier run has given says what is left out here.
    pub known: Option<usize>,
    sheets: VecDeque<Sheet>,
    head: Option<Head>,
}

/// Where a range goes on.
#[derive(Clone)]
pub(super) enum Ahead {
    /// With this page; the first one where `None`.
    Page(Option<Next>),
    /// Nowhere.
    End,
}

/// A page that is being read.
pub(super) struct Sheet {
    pub from: Option<Next>,
    pub rows: std::vec::IntoIter<Head>,
    pub bytes: usize,
    given: Vec<u64>,
}

impl Sheet {
    pub fn read(
        from: Option<Next>,
        rows: Vec<Box<RawValue>>,
        reading: &Reading,
    ) -> Result<Sheet, Error> {
        let bytes = rows.iter().map(|row| row.get().len()).sum();
        let rows = rows.into_iter().map(|row| Head::read(row, reading));
        Ok(Sheet::of(from, rows.collect::<Result<_, _>>()?, bytes))
    }

    /// Of rows that were unwrapped.
    pub fn ordered(from: Option<Next>, page: Wrapped, reading: &Reading) -> Result<Sheet, Error> {
        let head = |row: Ordered| {
            row.is_by(reading.expressions)?;
            Ok(Head {
                keys: row.keys,
                payload: row.payload,
                mark: None,
            })
        };
        let rows: Result<_, Error> = page.rows.into_iter().map(head).collect();
        Ok(Sheet::of(from, rows?, page.bytes))
    }

    fn of(from: Option<Next>, rows: Vec<Head>, bytes: usize) -> Sheet {
        Sheet {
            from,
            bytes,
            rows: rows.into_iter(),
            given: Vec::new(),
        }
    }
}

/// The next row, and what it is ordered by.
pub(super) struct Head {
    pub keys: Vec<Key>,
    pub payload: Option<Box<RawValue>>,
    mark: Option<u64>,
}

/// How rows are to be read.
pub(super) struct Reading {
    /// How many values each is ordered by.
    pub expressions: usize,
    /// Whether it is remembered which of them were given.
    pub marked: bool,
}

impl Reading {
    /// Whether nothing is wanted of a row as it came.
    pub fn unwraps(&self) -> bool {
        self.expressions > 0 && !self.marked
    }
}

impl Head {
    fn read(row: Box<RawValue>, reading: &Reading) -> Result<Head, Error> {
        // Not by its text: the next answer may write the same row in another way.
        let mark = match reading.marked {
            true => Some(Key::read(Some(&row))?.identity().mark()),
            false => None,
        };
        let row = match reading.expressions {
            0 => Ordered {
                keys: Vec::new(),
                payload: Some(row),
            },
            expressions => Ordered::read(&row, expressions)?,
        };
        Ok(Head {
            keys: row.keys,
            payload: row.payload,
            mark,
        })
    }
}

impl Leaf {
    pub fn new(id: usize, part: Part, from: Option<Next>) -> Leaf {
        Leaf {
            id,
            part,
            ahead: Ahead::Page(from),
            busy: false,
            gone: false,
            repairs: 0,
            turns: Turns::default(),
            known: None,
            sheets: VecDeque::new(),
            head: None,
        }
    }

    /// A part of this one as the ranges are now; it goes on where this one was.
    pub fn child(&self, id: usize, part: Part) -> Leaf {
        Leaf {
            ahead: self.ahead.clone(),
            repairs: self.repairs,
            known: self.known,
            ..Leaf::new(id, part, None)
        }
    }

    /// Adds what has come.
    pub fn add(&mut self, sheet: Sheet) {
        if sheet.rows.len() > 0 {
            self.sheets.push_back(sheet);
        }
    }

    /// How many pages have rows that nobody has looked at.
    pub fn waiting(&self) -> usize {
        let waiting = self.sheets.iter().filter(|sheet| sheet.rows.len() > 0);
        waiting.count()
    }

    /// How many bytes of rows it holds.
    pub fn bytes(&self) -> usize {
        self.sheets.iter().map(|sheet| sheet.bytes).sum()
    }

    /// The next row, if it is here.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Has no row, and may get one.
    pub fn is_hungry(&self) -> bool {
        self.head.is_none() && self.waiting() == 0 && !self.is_at_end()
    }

    /// Has no row, and gets none.
    pub fn is_over(&self) -> bool {
        self.head.is_none() && self.waiting() == 0 && self.is_at_end()
    }

    fn is_at_end(&self) -> bool {
        matches!(self.ahead, Ahead::End)
    }

    /// Whether a page can be asked for.
    pub fn can_be_asked(&self) -> bool {
        !self.busy && !self.is_at_end() && (!self.gone || self.is_hungry())
    }

    /// Brings the next row to the front, past those that an earlier run has given: they are the first ones.
    pub fn raise(&mut self, known: &mut [Vec<u64>]) {
        while self.head.is_none()
            && let Some(sheet) = self.sheets.front_mut()
        {
            let Some(head) = sheet.rows.next() else {
                self.sheets.pop_front();
                continue;
            };
            let known = self.known.and_then(|at| known.get_mut(at));
            match known.and_then(|known| taken(known, head.mark)) {
                Some(mark) => sheet.given.push(mark),
                None => {
                    self.known = None;
                    self.head = Some(head);
                }
            }
        }
    }

    /// Takes the row at the front.
    pub fn take(&mut self) -> Option<Head> {
        let head = self.head.take()?;
        if let Some(sheet) = self.sheets.front_mut() {
            sheet.given.extend(head.mark);
        }
        Some(head)
    }

    /// Whether the page in front has no rows but the one at the front.
    pub fn has_turned(&self) -> bool {
        let front = self.sheets.front();
        front.is_none_or(|sheet| sheet.rows.len() == 0)
    }

    /// What is left of it, for another run.
    pub fn left(&self) -> Option<Left> {
        let (from, given) = match (self.sheets.front(), &self.ahead) {
            (Some(sheet), _) => (sheet.from.clone(), sheet.given.clone()),
            (None, Ahead::Page(from)) => (from.clone(), Vec::new()),
            (None, Ahead::End) => return None,
        };
        Some(Left {
            part: self.part.clone(),
            from,
            given,
        })
    }
}

/// Takes a mark out of a list, if it is in it.
fn taken(known: &mut Vec<u64>, mark: Option<u64>) -> Option<u64> {
    let at = known.iter().position(|known| Some(*known) == mark)?;
    Some(known.swap_remove(at))
}
