//! Every check finds what breaks it, and says nothing of the repaired twin.

mod addresses;
mod barriers;
#[allow(dead_code, reason = "shared by several tests")]
#[path = "../common/mod.rs"]
mod common;
mod copies;
mod launches;
mod races;

use common::{clean, fault};

/// The fault of `broken` says `says`, and `repaired` has none.
fn both(threads: u32, says: &str, broken: &str, repaired: &str) {
    let message = fault(threads, broken);
    assert!(message.contains(says), "{message}");
    assert!(
        message.starts_with("kernel test, block (0, 0, 0)"),
        "{message}"
    );
    clean(threads, repaired);
}
