//! One item on its way, and whether it may go at all.

use super::Mode;
use super::records::Record;
use crate::cosmos::escapes::as_utf8;
use crate::cosmos::key_definition::keyed::Keyed;
use crate::cosmos::limits::ID_BYTES;
use crate::cosmos::operation::Operation;
use crate::name::Name;

/// Places for marks of what is under way. Two items that share one wait for each other, which is rare and does no harm.
pub(super) const SLOTS: usize = 1 << 16;

/// One item on its way.
#[derive(Debug)]
pub(super) struct Op {
    /// Its number in the input, from 0.
    pub number: u64,
    pub line: u64,
    pub spot: Spot,
    pub operation: Operation,
    /// The length of the item itself.
    pub length: usize,
    /// How often it was refused for now although others of its request, or its range, were not.
    pub attempts: u32,
    /// It may have been written without an answer that says so.
    pub unsure: bool,
    /// The service could not read a request that it was in.
    pub alone: bool,
    /// It goes in no batch: only in a request of its own the service says why it refuses it.
    pub by_itself: bool,
}

impl Op {
    pub fn new(number: u64, record: &Record, spot: Spot, mode: Mode) -> Op {
        let text = as_utf8(record.text);
        Op {
            number,
            line: record.line,
            operation: Operation::write(mode == Mode::Upsert, &text).of_header(&spot.key),
            spot,
            length: text.len(),
            attempts: 0,
            unsure: false,
            alone: false,
            by_itself: false,
        }
    }

    pub fn item(&self) -> &str {
        self.operation.item(self.length)
    }
}

/// Where an item belongs.
#[derive(Debug)]
pub struct Spot {
    /// Its effective partition key.
    pub effective: String,
    /// The same for all items of one id and key.
    pub(super) slot: usize,
    /// As in the header.
    key: String,
}

/// What an item must be before anything is sent.
#[derive(Debug)]
pub struct Check<'a> {
    /// How its key is found.
    pub keyed: &'a Keyed,
    /// Whether its id may be one that the service cannot address.
    pub any_id: bool,
}

impl Check<'_> {
    /// Where an item belongs.
    ///
    /// # Errors
    /// A sentence, where it cannot be written.
    pub fn spot(&self, record: &Record) -> Result<Spot, String> {
        if let Some(wrong) = &record.wrong {
            return Err(wrong.clone());
        }
        let place = self.keyed.read(record.text)?;
        if place.id.len() > ID_BYTES {
            return Err(format!("its id is longer than {ID_BYTES} bytes"));
        }
        let effective = self.keyed.definition().effective(&place.key);
        let slot = hash(&[&place.id, &effective]) as usize % SLOTS;
        if !self.any_id {
            Name::new(place.id).map_err(|e| format!("its id: {e}"))?;
        }
        Ok(Spot {
            effective,
            slot,
            key: place.key.header(),
        })
    }
}

/// FNV-1a, its halves folded.
pub(super) fn hash(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes());
    let hash = bytes.fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    hash ^ hash >> 32
}
