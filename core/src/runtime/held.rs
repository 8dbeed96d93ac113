//! Whose state an executor holds.

use crate::{
    Error, Result,
    plan::{Counts, Program},
};

/// How many items and tokens the state of an executor is of, after a run that kept some.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held(Option<Counts>);

impl Held {
    /// Checks that a run of `counts` goes on from it.
    ///
    /// # Errors
    /// [`Error::Run`] if it is of others.
    pub fn check(self, counts: Counts) -> Result<()> {
        match self.0 {
            Some(held) if held != counts => Err(Error::Run(format!(
                "expected a batch of {held}, as state of those is kept until it is forgotten, found {counts}"
            ))),
            _ => Ok(()),
        }
    }

    /// A run of `counts` begins.
    pub fn keep(&mut self, program: &Program, counts: Counts) {
        self.0 = program.has_state().then_some(counts);
    }

    /// Nothing is held.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}
