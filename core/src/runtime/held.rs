//! Whose state an executor holds.

use crate::{
    Error, Result,
    plan::{Counts, Entry},
};

/// How many items and tokens the state of an executor is of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Held {
    /// Zeros.
    #[default]
    Nothing,
    /// What runs of so many left.
    Of(Counts),
    /// What a run left that began and did not end.
    Broken,
}

impl Held {
    /// Checks that a run of `counts` goes on from it, or leaves it alone.
    ///
    /// # Errors
    /// [`Error::Run`] if it is of others, or a run failed.
    pub fn check(self, counts: Counts) -> Result<()> {
        match self {
            Self::Of(held) if held != counts => Err(Error::Run(format!(
                "expected a batch of {held}, as state of those is kept until it is forgotten, found {counts}"
            ))),
            Self::Broken => Err(Error::Run(
                "expected state to be forgotten, found some that a run left which failed"
                    .to_owned(),
            )),
            Self::Of(_) | Self::Nothing => Ok(()),
        }
    }

    /// A run of `entry` begins; until it [ends](Held::end), what is left of it is of no use.
    pub fn begin(&mut self, entry: &Entry) {
        if entry.has_state() {
            *self = Self::Broken;
        }
    }

    /// A run of `entry` with `counts` ended well.
    pub fn end(&mut self, entry: &Entry, counts: Counts) {
        if entry.has_state() {
            *self = Self::Of(counts);
        }
    }
}
