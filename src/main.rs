//! The `rawcosmos` binary.
fn main() {}
