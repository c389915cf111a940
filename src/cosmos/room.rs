//! Room for the texts of pages that no page uses just now: to have the system give it anew costs as much as to read the
//! page.

use std::sync::{Mutex, MutexGuard, PoisonError};

static ROOM: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Of so many pages.
const ROOMS: usize = 4;

fn room() -> MutexGuard<'static, Vec<String>> {
    ROOM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An empty text with room for so many bytes.
pub(super) fn take(bytes: usize) -> String {
    let mut text = room().pop().unwrap_or_default();
    text.reserve_exact(bytes);
    text
}

/// For another page.
pub(super) fn give(mut text: String) {
    let mut room = room();
    if text.capacity() > 0 && room.len() < ROOMS {
        text.clear();
        room.push(text);
    }
}
