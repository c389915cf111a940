//! What nobody can guess, and what is never used twice.

use std::hash::{BuildHasher, RandomState};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::world::World;

/// 64 bytes that differ from start to start: nobody is to rely on a sandbox's key.
pub(super) fn key() -> String {
    STANDARD.encode(random())
}

/// 64 hexadecimal digits nobody can guess.
pub(super) fn secret() -> String {
    let hash = Sha256::digest(random());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random() -> Vec<u8> {
    let random = RandomState::new();
    (0u8..8)
        .flat_map(|part| random.hash_one(part).to_be_bytes())
        .collect()
}

/// A GUID that has not been used.
pub(crate) fn guid(world: &mut World) -> String {
    let number = world.next();
    let seed = format!("{}{number}", world.key);
    let hash = Sha256::digest(seed);
    let hex: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0..8),
        part(8..12),
        part(13..16),
        part(17..20),
        part(20..32)
    )
}
