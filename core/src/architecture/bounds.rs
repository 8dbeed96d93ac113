//! Bounds that keep a hostile configuration from asking for absurd amounts of memory.

use super::Widths;
use crate::{Error, Result};

/// The most channels of a token.
pub(super) const MAX_CHANNELS: usize = 16_384;

/// The most classes.
pub(super) const MAX_CLASSES: usize = 1 << 20;

/// Checks how wide `block` is inside, which is for messages.
pub(super) fn widths(block: &str, widths: Widths) -> Result<()> {
    let Widths {
        heads,
        head_dim,
        hidden,
    } = widths;
    let attended = heads.checked_mul(head_dim);
    if attended.is_none_or(|count| count == 0 || count > MAX_CHANNELS)
        || !(1..=4 * MAX_CHANNELS).contains(&hidden)
    {
        return Err(Error::Config(format!(
            "expected 1 to {MAX_CHANNELS} channels of heads and 1 to {} hidden channels in {block}, found \
             {widths:?}",
            4 * MAX_CHANNELS
        )));
    }
    Ok(())
}
