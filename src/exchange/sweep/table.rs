//! What of which range is fetched, what waits, and what was handed over.

use crate::cosmos::query::state::{Left, State};
use crate::cosmos::ranges::{Part, Ranges};
use crate::cosmos::sheet::Sheet;
use crate::error::Error;
use crate::exchange::pages::Turns;
use crate::exchange::retry::History;
use crate::message::{Answer, Next, Request};

/// Pages that wait, and those under way, which take twice their size, are not more than this, unless one page is.
const HELD: usize = 16 * 1024 * 1024;

/// Where a range goes on: at the start, or with a page; nowhere behind its end.
type Place = Option<Option<Next>>;

/// A range, or a part of one.
struct Leaf {
    /// Stays, wherever the leaf stands among the others.
    id: usize,
    part: Part,
    /// What was handed over ends here, with the page that is being handed over.
    done: Place,
    /// What was fetched ends here: with the page that waits, if one does.
    ahead: Place,
    /// The page that waits. Until it is taken no other is asked for, so that a range that is gone has none.
    sheet: Option<Answer<Sheet>>,
    /// A request is under way.
    busy: bool,
    /// Its bounds are not said, because they were refused.
    unbound: bool,
    /// How often it was gone since its last page.
    range_history: History,
    turns: Turns,
}

impl Leaf {
    fn new(id: usize, part: Part, from: Option<Next>) -> Leaf {
        Leaf {
            id,
            part,
            done: Some(from.clone()),
            ahead: Some(from),
            sheet: None,
            busy: false,
            unbound: false,
            range_history: History::default(),
            turns: Turns::default(),
        }
    }

    fn can_be_asked(&self) -> bool {
        self.ahead.is_some() && !self.busy && self.sheet.is_none()
    }

    fn left(&self) -> Option<Left> {
        Some(Left {
            part: self.part.clone(),
            from: self.done.clone()?,
            given: Vec::new(),
        })
    }
}

#[derive(Default)]
pub(super) struct Table {
    /// In the order of their keys.
    leaves: Vec<Leaf>,
    made: usize,
    ordered: bool,
    /// Bytes of lines that wait or are being handed over.
    held: usize,
    /// The largest page so far.
    largest: usize,
    pub ended: bool,
    pub failed: Option<Error>,
}

/// A page that is to be asked for.
pub(super) struct Job {
    pub id: usize,
    pub part: Part,
    pub from: Option<Next>,
    unbound: bool,
}

impl Job {
    /// Whether the request says the bounds of its part.
    pub fn is_bounded(&self) -> bool {
        self.part.within && !self.unbound
    }
}

impl Table {
    /// What is left, by the ranges as they are now.
    pub fn new(state: &State, ranges: &Ranges, ordered: bool) -> Table {
        let mut table = Table {
            ordered,
            ..Table::default()
        };
        for left in &state.left {
            for part in ranges.parts(&left.part.min, &left.part.max) {
                table.made += 1;
                let leaf = Leaf::new(table.made, part, left.from.clone());
                table.leaves.push(leaf);
            }
        }
        table
    }

    /// How many are not at their end.
    pub fn leaves(&self) -> usize {
        self.leaves.len()
    }

    fn leaf(&mut self, id: usize) -> Option<&mut Leaf> {
        self.leaves.iter_mut().find(|leaf| leaf.id == id)
    }

    /// What to ask for next, as long as there is room: the first ranges are read to their end before others.
    pub fn pick(&mut self) -> Option<Job> {
        let busy = self.leaves.iter().filter(|leaf| leaf.busy).count();
        let room = self.held + 2 * self.largest * (busy + 1) <= HELD;
        let idle = busy == 0 && self.held == 0;
        let mut open = self.leaves.iter_mut().enumerate();
        let (at, leaf) = open.find(|(_, leaf)| leaf.can_be_asked())?;
        // The first one is what is waited for, if there is an order.
        let awaited = self.ordered && at == 0;
        if !(room || idle || awaited) {
            return None;
        }
        leaf.busy = true;
        Some(Job {
            id: leaf.id,
            part: leaf.part.clone(),
            from: leaf.ahead.clone()?,
            unbound: leaf.unbound,
        })
    }

    /// Lays a page down that was of this size when it came.
    pub fn put(
        &mut self,
        id: usize,
        request: &Request,
        answer: Answer<Sheet>,
        size: usize,
    ) -> Result<(), Error> {
        let next = answer.value.next.clone();
        self.held += answer.value.lines.len();
        self.largest = self.largest.max(size);
        let Some(leaf) = self.leaf(id) else {
            return Ok(());
        };
        (leaf.busy, leaf.range_history) = (false, History::default());
        leaf.sheet = Some(answer);
        leaf.ahead = next.clone().map(Some);
        next.map_or(Ok(()), |next| leaf.turns.turn(request, &next))
    }

    /// Takes a page that waits, and says in the state what is left behind it.
    pub fn take(&mut self, state: &mut State) -> Option<Answer<Sheet>> {
        let among = if self.ordered { 1 } else { usize::MAX };
        let mut leaves = self.leaves.iter_mut().take(among);
        let leaf = leaves.find(|leaf| leaf.sheet.is_some())?;
        let answer = leaf.sheet.take()?;
        leaf.done = answer.value.next.clone().map(Some);
        self.leaves.retain(|leaf| leaf.done.is_some());
        state.passed += answer.value.count as u64;
        state.left = self.leaves.iter().filter_map(Leaf::left).collect();
        Some(answer)
    }

    /// A page was handed over.
    pub fn written(&mut self, sheet: &Sheet) {
        self.held -= sheet.lines.len();
    }

    /// From now on the whole range is asked for a part of it.
    pub fn unbind(&mut self, id: usize) {
        if let Some(leaf) = self.leaf(id) {
            (leaf.busy, leaf.unbound) = (false, true);
        }
    }

    /// How often a leaf was gone since its last page.
    pub fn range_history(&mut self, id: usize) -> History {
        let leaf = self.leaf(id);
        leaf.map_or(History::default(), |leaf| leaf.range_history)
    }

    /// A leaf becomes one for each range that holds a part of it; each goes on where it was.
    pub fn replace(&mut self, id: usize, ranges: &Ranges, range_history: History) {
        let Some(at) = self.leaves.iter().position(|leaf| leaf.id == id) else {
            return;
        };
        let leaf = self.leaves.remove(at);
        let parts = ranges.parts(&leaf.part.min, &leaf.part.max);
        for (place, part) in (at..).zip(parts) {
            self.made += 1;
            let mut child = Leaf::new(self.made, part, leaf.ahead.clone().flatten());
            child.range_history = range_history;
            self.leaves.insert(place, child);
        }
    }
}
