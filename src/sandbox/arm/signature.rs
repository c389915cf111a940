//! The signed URLs of an operation, which only whoever gave them out can write.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::call::Call;

/// Lengths of the two long parameters of a signed URL, as the service has them.
const CERTIFICATE: usize = 2652;
const SIGNATURE: usize = 342;

/// The service signs these URLs; ours are as long, and as much in need of being left alone.
pub(super) fn sign(call: &Call<'_>, id: &str, path: &str) -> String {
    let ticks =
        (call.now - time::macros::datetime!(0001-01-01 00:00 UTC)).whole_milliseconds() * 10_000;
    let version = call.version();
    format!(
        "{path}?api-version={version}&t={ticks}&c=MIIHhzCC{}&s={}&h={}",
        filler(&format!("certificate {id}"), CERTIFICATE),
        filler(&format!("signature {id} {path}"), SIGNATURE),
        filler(&format!("hash {id} {path}"), 43),
    )
}

fn filler(seed: &str, length: usize) -> String {
    let block = |number: usize| URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{seed}{number}")));
    let mut text: String = (0..length.div_ceil(43)).map(block).collect();
    text.truncate(length);
    text
}
