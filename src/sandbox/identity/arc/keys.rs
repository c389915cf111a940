//! The files whose content proves that the one who asks may read them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::folder::Folder;
use super::super::{ELSEWHERE, KEYS};
use super::Lure;
use crate::sandbox::os;
use crate::sandbox::secrets::secret;

/// Seconds for which a key is good.
const SHORT: i64 = 60;
/// So many keys may be waiting; more push out the oldest.
const MOST: usize = 64;
/// A client reads no more than 4096 bytes.
const TOO_BIG: usize = 4097;

/// The keys that were written and not used.
#[derive(Debug, Default)]
pub struct Keys {
    waiting: Vec<Key>,
    /// A client sent what stands in a file that was none of its business.
    pub leaked: bool,
}

#[derive(Debug)]
struct Key {
    path: PathBuf,
    text: String,
    since: i64,
    lure: bool,
}

impl Keys {
    /// Writes a fresh key, or a lure, and says what the challenge is to name.
    pub(super) fn write(
        &mut self,
        folder: &Folder,
        lure: Option<Lure>,
        now: i64,
    ) -> io::Result<PathBuf> {
        self.forget(now);
        let mut text = secret();
        let name = secret();
        if lure == Some(Lure::Big) {
            text = text.repeat(TOO_BIG.div_ceil(text.len()));
        }
        let place = match lure {
            None | Some(Lure::Big) => format!("{KEYS}/{name}.key"),
            Some(Lure::Ending) => format!("{KEYS}/{name}.txt"),
            Some(Lure::Outside | Lure::Dots | Lure::Link) => format!("{ELSEWHERE}/{name}.key"),
        };
        let path = folder.write(&place, &text)?;
        let named = match lure {
            Some(Lure::Dots) => folder.path(KEYS).join("..").join(place),
            Some(Lure::Link) => os::link(&path, folder.path(KEYS).join(format!("{name}.key")))?,
            _ => path.clone(),
        };
        self.waiting.push(Key {
            path,
            text,
            since: now,
            lure: lure.is_some(),
        });
        Ok(named)
    }

    /// Whether this is a key that waits; it does not any longer.
    pub(super) fn redeem(&mut self, sent: &str, now: i64) -> bool {
        self.forget(now);
        let Some(index) = self.waiting.iter().position(|key| key.text == sent) else {
            return false;
        };
        let key = self.waiting.remove(index);
        remove(&key.path);
        self.leaked |= key.lure;
        !key.lure
    }

    /// Drops what is too old, and makes room for one more.
    fn forget(&mut self, now: i64) {
        let excess = self.waiting.len().saturating_sub(MOST - 1);
        let crowded = self.waiting.drain(..excess).collect::<Vec<_>>();
        let old = self.waiting.extract_if(.., |key| key.since + SHORT <= now);
        for key in crowded.into_iter().chain(old) {
            remove(&key.path);
        }
    }
}

fn remove(path: &Path) {
    // The folder goes at the end, and with it what is left.
    let _ = fs::remove_file(path);
}
