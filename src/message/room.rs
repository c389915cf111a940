//! Room for large bodies that nobody needs just now: to have the system give it anew costs as much as to read a page.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is smaller than this is had anew at no cost.
const LARGE: usize = 64 * 1024;

/// What is larger is not kept: pages end at 4 MB.
const HUGE: usize = 8 * 1024 * 1024;

/// Of so many bodies.
const ROOMS: usize = 4;

static FREE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

fn free() -> MutexGuard<'static, Vec<Vec<u8>>> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// So many bytes, to be written over.
pub(crate) fn take(length: usize) -> Vec<u8> {
    let room = if length < LARGE { None } else { free().pop() };
    match room {
        Some(mut room) if room.capacity() >= length => {
            room.resize(length, 0);
            room
        }
        // Where one is too small, its place is for this one.
        _ => vec![0; length],
    }
}

/// An empty text with room for so many bytes.
pub(crate) fn text(length: usize) -> String {
    let mut room = take(length);
    room.clear();
    String::from_utf8(room).unwrap_or_default()
}

/// Takes back what nobody needs any more.
pub(crate) fn give(room: Vec<u8>) {
    let mut free = free();
    if (LARGE..=HUGE).contains(&room.capacity()) && free.len() < ROOMS {
        free.push(room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_as_long_as_it_was_asked_for() {
        for length in [0, LARGE - 1, LARGE, 3 * LARGE, 2 * LARGE, 5 * LARGE, LARGE] {
            let room = take(length);
            assert_eq!(room.len(), length);
            give(room);
            assert!(free().len() <= ROOMS);
        }
        give(take(HUGE + 1));
        assert!(free().iter().all(|room| room.capacity() <= HUGE));
    }
}
