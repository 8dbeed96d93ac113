//! Weights packed into one buffer.

use std::collections::{HashMap, HashSet};

use super::{IntWeights, Plan, Step, Tensor, TensorId, check};
use crate::Result;

/// Sections of weights, which plans share.
pub(super) struct Sections<'a> {
    source: &'a IntWeights,
    words: Vec<u32>,
    places: HashMap<String, u32>,
}

impl<'a> Sections<'a> {
    /// Nothing packed yet.
    pub(super) fn new(source: &'a IntWeights) -> Self {
        Self {
            source,
            words: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// All sections.
    pub(super) fn into_words(self) -> Vec<u32> {
        self.words
    }
}

/// Packs the weight sections of a plan on first use and knows where they are.
pub(super) struct Packer<'a, 'w> {
    plan: &'a Plan,
    /// Tensors of gathered pixels.
    pixels: HashSet<TensorId>,
    sections: &'a mut Sections<'w>,
}

impl<'a, 'w> Packer<'a, 'w> {
    /// For the weights of `plan`.
    pub(super) fn new(plan: &'a Plan, sections: &'a mut Sections<'w>) -> Self {
        let gathered = |step: &Step| {
            let operation = &step.operation;
            operation.writes_pixels().then(|| operation.output())
        };
        Self {
            plan,
            pixels: plan.steps.iter().filter_map(gathered).collect(),
            sections,
        }
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
        let all = &mut self.sections;
        if let Some(&at) = all.places.get(key) {
            return Ok(at);
        }
        let at = all.words.len() as u32;
        all.words.extend(words(all.source)?);
        all.words.resize(all.words.len().next_multiple_of(4), 0);
        all.places.insert(key.to_owned(), at);
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
