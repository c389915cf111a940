//! A range that is being read: what waits of it, and where it goes on.

use std::collections::VecDeque;

use crate::cosmos::query::order::Key;
use crate::cosmos::query::rows::{Block, Row};
use crate::cosmos::query::state::Left;
use crate::cosmos::ranges::Part;
use crate::exchange::pages::Turns;
use crate::exchange::retry::History;
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
    /// How often it was gone since its last page.
    pub range_history: History,
    pub turns: Turns,
    /// Which of the lists of rows that an earlier run has given says what is left out here.
    pub known: Option<usize>,
    sheets: VecDeque<Sheet>,
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
    pub block: Block,
    /// Marks of its rows that were given.
    given: Vec<u64>,
}

impl Sheet {
    pub fn new(from: Option<Next>, block: Block) -> Sheet {
        Sheet {
            from,
            block,
            given: Vec::new(),
        }
    }

    fn pass(&mut self) {
        self.given.extend(self.block.mark());
        self.block.pass();
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
            range_history: History::default(),
            turns: Turns::default(),
            known: None,
            sheets: VecDeque::new(),
        }
    }

    /// A part of this one as the ranges are now; it goes on where this one was.
    pub fn child(&self, id: usize, part: Part) -> Leaf {
        Leaf {
            ahead: self.ahead.clone(),
            known: self.known,
            ..Leaf::new(id, part, None)
        }
    }

    /// Adds what has come.
    pub fn add(&mut self, sheet: Sheet) {
        if !sheet.block.is_empty() {
            self.sheets.push_back(sheet);
        }
    }

    /// How many pages have rows but the next one.
    pub fn waiting(&self) -> usize {
        let rows = self.sheets.iter().map(|sheet| sheet.block.len());
        let waiting = rows
            .enumerate()
            .filter(|(at, rows)| *rows > usize::from(*at == 0));
        waiting.count()
    }

    /// How many bytes of rows it holds.
    pub fn bytes(&self) -> usize {
        self.sheets.iter().map(|sheet| sheet.block.bytes()).sum()
    }

    /// Whether the next row is at the front.
    pub fn has_head(&self) -> bool {
        let front = self.sheets.front();
        front.is_some_and(|sheet| !sheet.block.is_empty())
    }

    /// What the row at the front is ordered by.
    pub fn keys(&self) -> &[Key] {
        let front = self.sheets.front();
        front.map_or(&[], |sheet| sheet.block.keys())
    }

    fn is_empty(&self) -> bool {
        self.sheets.iter().all(|sheet| sheet.block.is_empty())
    }

    /// Has no row, and may get one.
    pub fn is_hungry(&self) -> bool {
        self.is_empty() && !self.is_at_end()
    }

    /// Has no row, and gets none.
    pub fn is_over(&self) -> bool {
        self.is_empty() && self.is_at_end()
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
        while let Some(sheet) = self.sheets.front_mut() {
            if sheet.block.is_empty() {
                self.sheets.pop_front();
                continue;
            }
            let known = self.known.and_then(|at| known.get_mut(at));
            if !known.is_some_and(|known| has_taken(known, sheet.block.mark())) {
                self.known = None;
                return;
            }
            sheet.pass();
        }
    }

    /// Gives the row at the front to `each`, and goes on to the next one of its page.
    pub fn take(&mut self, each: &mut dyn FnMut(&Row)) {
        if let Some(sheet) = self.sheets.front_mut() {
            sheet.block.front().iter().for_each(each);
            sheet.pass();
        }
    }

    /// Whether nothing is left of the page in front.
    pub fn has_turned(&self) -> bool {
        let front = self.sheets.front();
        front.is_none_or(|sheet| sheet.block.is_empty())
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
fn has_taken(known: &mut Vec<u64>, mark: Option<u64>) -> bool {
    let at = known.iter().position(|known| Some(*known) == mark);
    at.map(|at| known.swap_remove(at)).is_some()
}
