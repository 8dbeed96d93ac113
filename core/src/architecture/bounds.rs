//! Bounds that keep a hostile configuration from asking for absurd amounts of memory, and what all configurations
//! are checked for.

use std::fmt::Debug;

use super::{Activation, Block, PerBlock, Widths};
use crate::{Error, Result};

/// The most channels of a token.
pub(super) const MAX_CHANNELS: usize = 16_384;

/// The most classes.
pub(super) const MAX_CLASSES: usize = 1 << 20;

/// The most tokens of an item: as many as attention takes.
pub(super) const MAX_TOKENS: usize = intformer_shaders::op::attention::MAX_KEYS as usize;

/// The error of a configuration where `expected` was expected.
fn refuse<T>(expected: &str, found: &dyn Debug) -> Result<T> {
    Err(Error::Config(format!(
        "expected {expected}, found {found:?}"
    )))
}

/// Checks counts of what each is called, from 1 to the most that there may be.
pub(super) fn counts<const N: usize>(counts: [(&str, usize, usize); N]) -> Result<()> {
    for (what, count, most) in counts {
        if count == 0 || count > most {
            return refuse(&format!("{what} from 1 to {most}"), &count);
        }
    }
    Ok(())
}

/// Checks what a model with `depths` blocks in its stages has for each block.
pub(super) fn per_block(
    depths: &[usize],
    activation: &PerBlock<Activation>,
    fc1_bias: &PerBlock<bool>,
    widths: &Option<PerBlock<Widths>>,
) -> Result<()> {
    let blocks: usize = depths.iter().sum();
    if !activation.fits(depths) || !fc1_bias.fits(depths) {
        return refuse(
            &format!("an activation and an fc1 bias for each of {blocks} blocks"),
            &(activation, fc1_bias),
        );
    }
    let Some(widths) = widths else {
        return Ok(());
    };
    if !widths.fits(depths) {
        return refuse(&format!("widths for each of {blocks} blocks"), widths);
    }
    let is_empty = |block: &Block| {
        let widths = widths.get(block.stage, block.block);
        widths.heads == 0 && widths.hidden == 0
    };
    match Block::all(depths).iter().all(is_empty) {
        true => refuse("heads or hidden channels in some block", widths),
        false => Ok(()),
    }
}

/// Checks how many classes there are, and what normalizations add to a variance.
pub(super) fn head(classes: usize, layer_norm_eps: f64) -> Result<()> {
    if classes > MAX_CLASSES {
        return refuse(&format!("at most {MAX_CLASSES} classes"), &classes);
    }
    match layer_norm_eps.is_finite() && (0.0..1.0).contains(&layer_norm_eps) {
        true => Ok(()),
        false => refuse("a layer norm epsilon from 0 to 1", &layer_norm_eps),
    }
}

/// Checks that a dense model has classes to give.
pub(super) fn dense(dense: bool, classes: usize) -> Result<()> {
    let most = crate::dense::MAX_CLASSES;
    match dense && !(2..=most).contains(&classes) {
        true => refuse(
            &format!("classes of a dense model from 2 to {most}"),
            &classes,
        ),
        false => Ok(()),
    }
}

/// Checks how wide `block` is inside, which is for messages.
pub(super) fn widths(block: &str, widths: Widths) -> Result<()> {
    let Widths {
        heads,
        head_dim,
        hidden,
    } = widths;
    let attended = heads.checked_mul(head_dim);
    if attended.is_none_or(|count| count > MAX_CHANNELS)
        || head_dim == 0
        || hidden > 4 * MAX_CHANNELS
    {
        return refuse(
            &format!(
                "at most {MAX_CHANNELS} channels of heads, in heads of 1 or more, and at most {} hidden channels in {block}",
                4 * MAX_CHANNELS
            ),
            &widths,
        );
    }
    Ok(())
}
