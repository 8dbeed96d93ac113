//! Which patches a Vision Transformer leaves out after which block: the tokens of OPTIN (arXiv 2403.17921), as a schedule
//! that is the same for all images.

use burn::Tensor;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{
    Criterion, PruneOptions,
    items::{Batch, Scored},
    trajectory::{self, Tap, divergence},
    without::{Losses, TOKENS},
};
use crate::{
    Error, FloatModel, Result,
    architecture::Config,
    float::{Attention, Baseline, Factors, host, places},
    graph::NodeId,
};

/// The share of the patches that each block sees at least.
const LEAST: f64 = 0.1;

/// A schedule of patches: how many blocks each goes through.
pub(super) struct Schedule {
    config: Config,
    /// How many blocks there are.
    depth: usize,
    /// Multiply-accumulates of the model.
    all: u64,
    /// Those that patches are left out for.
    budget: u64,
    /// Those that one patch costs from each block on; from block 0 on nothing is asked.
    saved: Vec<u64>,
    patch_depth: Vec<usize>,
}

impl Schedule {
    /// With all patches in all blocks.
    ///
    /// # Errors
    /// [`Error::Prune`] if the model has no patches that may be left out, or leaves some out already, or that cannot make as much of
    /// the reduction as is asked for.
    pub fn new(model: &FloatModel, options: &PruneOptions) -> Result<Self> {
        let config = model.config.clone();
        let patches = config.patches().ok_or_else(|| {
            Error::Prune(
                "expected a Vision Transformer that answers for whole images and has all of its patches, to leave some \
                 out, found another model"
                    .to_owned(),
            )
        })?;
        let depth = config.blocks().len();
        let patch_depth = vec![depth; patches];
        let all = config.graph().macs_with(1);
        let mut schedule = Self {
            saved: vec![0; depth],
            config,
            depth,
            all,
            budget: (all as f64 * (1.0 - options.tokens * (1.0 - options.share))) as u64,
            patch_depth,
        };
        if patches > 1 {
            for block in 1..depth {
                schedule.patch_depth[0] = block;
                schedule.saved[block] = all - schedule.macs();
            }
            schedule.patch_depth[0] = depth;
        }
        schedule.check()?;
        Ok(schedule)
    }

    /// Blocks that patches may be left out before.
    pub fn blocks(&self) -> std::ops::Range<usize> {
        1..self.depth
    }

    /// How many patches an image has.
    pub fn patches(&self) -> usize {
        self.patch_depth.len()
    }

    /// Multiply-accumulates of an image.
    fn macs(&self) -> u64 {
        self.config().graph().macs_with(1)
    }

    /// The configuration with the patches that are left out.
    pub fn config(&self) -> Config {
        let mut config = self.config.clone();
        if self.patch_depth.iter().any(|&depth| depth < self.depth) {
            config.set_patch_depth(self.patch_depth.clone());
        }
        config
    }

    /// Patches that a block sees at least.
    fn least(&self) -> usize {
        ((self.patches() as f64 * LEAST).ceil() as usize).max(1)
    }

    /// Checks that the budget can be reached.
    fn check(&self) -> Result<()> {
        let mut fewest = Self {
            config: self.config.clone(),
            patch_depth: vec![1; self.patches()],
            saved: Vec::new(),
            ..*self
        };
        fewest.patch_depth[..self.least()].fill(self.depth);
        let least = fewest.macs();
        match least <= self.budget {
            true => Ok(()),
            false => {
                let share = |macs: u64| macs as f64 / self.all as f64;
                Err(Error::Prune(format!(
                    "expected a share of the multiply-adds of at least {:.4} to be reached by leaving patches out, found \
                     {:.4}",
                    share(least),
                    share(self.budget)
                )))
            }
        }
    }

    /// Leaves out what loses least for what it saves, by the `scores` of each patch from each block on, until the budget is kept.
    pub fn reduce(&mut self, scores: &[Vec<f64>]) {
        let pairs = self.blocks().zip(scores);
        let each = pairs.flat_map(|(block, scores)| {
            let saved = self.saved[block].max(1) as f64;
            let scores = scores.iter().enumerate();
            scores.map(move |(patch, score)| (score / saved, block, patch))
        });
        let mut steps: Vec<(f64, usize, usize)> = each.collect();
        steps.sort_by(|a, b| a.0.total_cmp(&b.0).then((b.1, b.2).cmp(&(a.1, a.2))));
        for (_, block, patch) in steps {
            if self.macs() <= self.budget {
                return;
            }
            let before = self.patch_depth[patch];
            if block >= before {
                continue;
            }
            self.patch_depth[patch] = block;
            // No block sees fewer than the last one.
            let last = self
                .patch_depth
                .iter()
                .filter(|&&depth| depth == self.depth);
            if last.count() < self.least() {
                self.patch_depth[patch] = before;
            }
        }
    }
}

/// What each patch's absence from `block` on comes to, alone, in two parts as a unit's does.
pub(super) fn losses(
    scored: &Scored,
    options: &PruneOptions,
    config: &Config,
    block: usize,
) -> Result<Losses> {
    let patches = config.patches().unwrap_or(0);
    let Some(entering) = entering(scored, config, block) else {
        // A block without attention and MLP: nothing is saved there either.
        return Ok(vec![[0.0; 2]; patches]);
    };
    let prefix = scored.graph.nodes()[entering].tokens - patches;
    let items: usize = scored.batches.iter().map(|batch| batch.count).sum();
    let mut all = vec![[0.0; 2]; patches];
    for (at, batch) in scored.batches.iter().enumerate() {
        let share = batch.count as f64 / items as f64;
        let part = of_batch(scored, options, (entering, block), prefix, (at, batch))?;
        for (all, part) in all.iter_mut().zip(part) {
            all[0] += share * part[0];
            all[1] += share * part[1];
        }
    }
    Ok(all)
}

fn of_batch(
    scored: &Scored,
    options: &PruneOptions,
    (entering, block): (NodeId, usize),
    prefix: usize,
    (at, batch): (usize, &Batch),
) -> Result<Losses> {
    let whole = scored.baseline(batch, &Factors::new())?;
    let how = &options.trajectory;
    let is_trajectory = options.criterion != Criterion::Answers;
    let temperature = if is_trajectory { how.temperature } else { 1.0 };
    let taps: Vec<Tap> = match is_trajectory {
        true => trajectory::later_norms(scored, block)
            .into_iter()
            .map(|node| trajectory::tap(how, [options.seed, at as u64], &whole, batch, node, None))
            .collect(),
        false => Vec::new(),
    };
    let nodes: Vec<NodeId> = taps.iter().map(|tap| tap.node).collect();
    let wanted = [nodes.as_slice(), &[scored.logits()]].concat();
    let logits = host(whole.value(scored.logits()).clone());
    let value = whole.value(entering);
    let [items, tokens, _] = value.dims();
    let chunk = (TOKENS / (items * tokens)).max(1);
    let all: Vec<usize> = (prefix..tokens).collect();
    let run = |some: &[usize]| -> Result<Losses> {
        let values = without(scored, &whole, (entering, value), some, &wanted)?;
        let mut losses = vec![[0.0; 2]; some.len()];
        for (tap, value) in taps.iter().zip(&values) {
            let each = some.iter().enumerate();
            for (at, &gone) in each {
                losses[at][0] += tap.loss_without_token(value, (at, some.len()), gone);
            }
        }
        let changed = values.last().map(|values| host(values.clone()));
        let each = changed
            .iter()
            .flat_map(|changed| changed.chunks(logits.len()));
        for (losses, changed) in losses.iter_mut().zip(each) {
            losses[1] = divergence(&logits, changed, scored.classes, temperature);
        }
        Ok(losses)
    };
    let parts: Vec<Losses> = all.par_chunks(chunk).map(run).collect::<Result<_>>()?;
    Ok(parts.concat())
}

/// The outputs of the nodes `wanted` if `value`, that of the node `id`, were without each of the tokens `some`, one after
/// the other.
fn without(
    scored: &Scored,
    whole: &Baseline,
    (id, value): (NodeId, &Tensor<3>),
    some: &[usize],
    wanted: &[NodeId],
) -> Result<Vec<Tensor<3>>> {
    let [_, tokens, _] = value.dims();
    let each = some.iter().map(|&gone| {
        let others: Vec<usize> = (0..tokens).filter(|&token| token != gone).collect();
        value.clone().select(1, places(&others, &scored.device))
    });
    let changed = Tensor::cat(each.collect(), 0);
    let mut attention = Attention::new(&scored.device);
    whole.with(&scored.parameters, &mut attention, (id, changed), wanted)
}

/// The node whose output enters `block`; none if the block has neither attention nor MLP.
fn entering(scored: &Scored, config: &Config, block: usize) -> Option<NodeId> {
    let block = *config.blocks().get(block)?;
    let start = format!("{}.", config.site(block));
    let mut nodes = scored.graph.nodes().iter();
    let first = nodes.find(|node| node.site.starts_with(&start))?;
    first.inputs.first().copied()
}

/// A random number for each patch from each block on, a share of what it saves.
pub(super) fn random(schedule: &Schedule, seed: u64) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let blocks = schedule.blocks();
    let block = |block: usize| {
        let patches = 0..schedule.patches();
        let saved = schedule.saved[block] as f64;
        patches.map(|_| random.random::<f64>() * saved).collect()
    };
    blocks.map(block).collect()
}
