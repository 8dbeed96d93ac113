//! Weights packed into one buffer.

use std::collections::{HashMap, HashSet};

use super::{IntWeights, Plan, Step, Tensor, TensorId, check};
use crate::Result;

/// Packs weight sections on first use and knows where they are.
pub(super) struct Packer<'a> {
    plan: &'a Plan,
    /// Tensors of gathered pixels.
    pixels: HashSet<TensorId>,
    source: &'a IntWeights,
    words: Vec<u32>,
    sections: HashMap<String, u32>,
}

impl<'a> Packer<'a> {
    /// Nothing packed yet.
    pub(super) fn new(plan: &'a Plan, source: &'a IntWeights) -> Self {
        let gathered = |step: &Step| {
            let operation = &step.operation;
            operation.writes_pixels().then(|| operation.output())
        };
        Self {
            plan,
            pixels: plan.steps.iter().filter_map(gathered).collect(),
            source,
            words: Vec::new(),
            sections: HashMap::new(),
        }
    }

    /// All sections.
    pub(super) fn into_words(self) -> Vec<u32> {
        self.words
    }

    /// What stands for the place of a tensor until it is known how much room there is.
    pub(super) fn place(&self, id: TensorId) -> u32 {
        id as u32
    }

    /// The plan.
    pub(super) fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// A tensor of the plan.
    pub(super) fn tensor(&self, id: TensorId) -> &'a Tensor {
        &self.plan.tensors[id]
    }

    /// Whether a tensor's values may be -128.
    pub(super) fn holds_pixels(&self, id: TensorId) -> bool {
        self.pixels.contains(&id)
    }

    /// The place of the section `key`, packed when it is first asked for. The key says all that
    /// `words` checks: another use of the same tensor is packed and checked anew.
    pub(super) fn section(
        &mut self,
        key: &str,
        words: impl FnOnce(&IntWeights) -> Result<Vec<u32>>,
    ) -> Result<u32> {
        if let Some(&at) = self.sections.get(key) {
            return Ok(at);
        }
        let at = self.words.len() as u32;
        self.words.extend(words(self.source)?);
        self.words.resize(self.words.len().next_multiple_of(4), 0);
        self.sections.insert(key.to_owned(), at);
        Ok(at)
    }

    /// The section of multipliers and shifts `{prefix}multiplier` and `{prefix}shift`.
    pub(super) fn scales(
        &mut self,
        prefix: &str,
        count: usize,
        shifts: std::ops::RangeInclusive<u8>,
    ) -> Result<u32> {
        self.section(&format!("scales {prefix} {count} {shifts:?}"), |source| {
            check::packed_scales(source, prefix, count, shifts)
        })
    }
}
