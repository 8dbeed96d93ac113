//! Structured pruning of a trained model without training: OPTIN (arXiv 2403.17921), and the framework of Kwon and
//! others (arXiv 2204.09656).
//!
//! Attention heads and hidden channels of MLPs ([`Units`]) are scored, those worth most under a budget of
//! multiply-accumulates stay, and the others are cut out: what comes back is a smaller dense model, whose configuration
//! says how wide each block is.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use intformer::{
//!     architecture::census,
//!     checkpoint, picture,
//!     method::prune::{Criterion, Items, PruneOptions, prune},
//! };
//!
//! # std::env::set_current_dir("..").expect("the repository");
//! let model = checkpoint::load("models/glyphs-float.safetensors")?;
//! let (mut images, mut classes) = (Vec::new(), Vec::new());
//! for name in ["7", "A"] {
//!     let file = format!("models/samples/{name}.png");
//!     images.push(picture::load(file, &model.config.image()?, &model.preprocessing)?);
//!     classes.extend(model.labels.iter().position(|label| label == name));
//! }
//! let items = Items::new(&images, &classes)?;
//!
//! let options = PruneOptions::new(Criterion::Fisher, 0.6);
//! let (pruned, report) = prune(&options, &model, items, &mut |_| ControlFlow::Continue(()))?;
//! let macs = [&model, &pruned].map(|model| census(&model.config).map(|census| census.total_macs()));
//! let [before, after] = macs;
//! assert_eq!(report.macs, [before?, after?]);
//! assert!(report.macs[1] as f64 <= 0.6 * report.macs[0] as f64);
//! # Ok::<(), intformer::Error>(())
//! ```

mod answers;
mod costs;
mod cut;
mod fisher;
mod items;
mod options;
mod patches;
mod search;
mod state;
#[cfg(test)]
mod tests;
mod trajectory;
mod tune;
mod weights;
mod without;

use std::{ops::ControlFlow, time::Instant};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

pub use costs::{GroupTimes, TimeTable};
pub use items::Items;
pub use options::{Criterion, PruneOptions, Trajectory};

use self::{
    costs::Costs,
    fisher::Gradients,
    items::Scored,
    patches::Schedule,
    search::search,
    state::{Spent, State},
    without::Losses,
};
use crate::{
    Error, FloatModel, Result,
    architecture::{Config, Widths},
    graph::Units,
};

/// A number for each unit of each group: what it is worth.
type Scores = Vec<Vec<f64>>;

/// News of a pruning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PruneEvent {
    /// So many units more are scored, of [`PruneEvent::Begin`].
    Scored(usize),
    /// A round begins, from 0, in which so many units are scored.
    Begin(usize, usize),
    /// A layer's units are scaled.
    Tuned,
}

/// Takes news; a break stops the run, which goes on later if it keeps a state.
pub type PruneUi<'a> = dyn FnMut(PruneEvent) -> ControlFlow<()> + 'a;

/// What a pruning has done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PruneReport {
    /// What was asked for, but for the folder of the state.
    pub options: PruneOptions,
    /// Items it was pruned by.
    pub items: usize,
    /// Tokens of an item that multiply-accumulates are counted for, if items have any number of them.
    pub tokens: usize,
    /// Multiply-accumulates of an item before and after.
    pub macs: [u64; 2],
    /// Nanoseconds of a run before and after, by [`PruneOptions::times`] if there are any.
    pub nanoseconds: Option<[u64; 2]>,
    /// Elements of all parameters before and after.
    pub parameters: [usize; 2],
    /// Each block before and after.
    pub blocks: Vec<PrunedBlock>,
    /// Patches that each block sees; none if all see all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<usize>,
    /// Layers whose units were scaled.
    pub tuned: usize,
    /// Forward passes of a batch, from wherever they began, of this run and of those before it that were cut off; none for
    /// scores that a run to another share has left.
    pub passes: u64,
    /// Seconds of the same.
    pub seconds: f64,
}

/// A block before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrunedBlock {
    /// What the names of its layers begin with.
    pub site: String,
    /// Attention heads.
    pub heads: [usize; 2],
    /// Hidden channels of the MLP.
    pub hidden: [usize; 2],
}

/// Prunes `model`, whose classes are those of `items`, and says what was done.
///
/// # Errors
/// [`Error::Prune`] if the options make no sense, the model has no units or other classes, its folder has the state of
/// another run, scores are no numbers or all 0, or the budget is below what cannot be cut out.
pub fn prune(
    options: &PruneOptions,
    model: &FloatModel,
    items: Items,
    ui: &mut PruneUi,
) -> Result<(FloatModel, PruneReport)> {
    let began = Instant::now();
    options.validate()?;
    model.validate()?;
    items::check(model, &items)?;
    let graph = model.config.graph();
    if graph.units().is_empty() {
        return Err(Error::Prune(
            "expected a model with heads or hidden channels, found one without".to_owned(),
        ));
    }
    let tokens = items.tokens();
    // Before any unit is scored: a share that cannot be had is a quick answer.
    let costs = Costs::new(&graph, &graph.units(), tokens, options.times.as_ref())?;
    let all = costs.all();
    let schedule = match options.tokens > 0.0 {
        true => Some(Schedule::new(model, options)?),
        false => {
            costs.check((all as f64 * options.share) as u64, all)?;
            None
        }
    };
    let mut run = Run {
        options,
        items,
        all,
        cost: all,
        state: State::open(options, model, items)?,
        ui,
        passes: 0,
        began,
        earlier: Spent::default(),
    };
    run.earlier = run.state.spent();
    let mut pruned = model.clone();
    let mut tuned = 0;
    if let Some(schedule) = schedule {
        pruned.config = run.without_patches(model, schedule)?;
    }
    for round in 0..options.rounds {
        if options.tokens == 1.0 {
            break;
        }
        let of = options.rounds as f64;
        let [before, after] = [round, round + 1].map(|done| options.share.powf(done as f64 / of));
        let chosen = run.choose(&pruned, round)?;
        let kept = chosen.kept(&run, after)?;
        run.cost = chosen.costs.of(&kept);
        let groups = &chosen.groups;
        if options.tune && round + 1 == options.rounds {
            // The teacher of a layer is the model pruned half as far (arXiv 2204.09656). Branches that go are there until
            // all are tuned, as their biases go into sums that are held against the teacher's.
            let teacher = chosen.kept(&run, (before * after).sqrt())?;
            let teacher = cut::reduced(&pruned, groups, &teacher)?;
            let student = cut::reduced(&pruned, groups, &kept)?;
            let mut seen = || run.tell(PruneEvent::Tuned);
            let (student, layers) =
                tune::tuned(student, &teacher, items, options.batch, &mut seen)?;
            pruned = cut::without_idle(student, groups, &kept)?;
            tuned = layers;
            let batches = items.len().div_ceil(options.batch) as u64;
            run.passes += 2 * batches * groups.len() as u64;
        } else {
            pruned = cut::cut(&pruned, groups, &kept)?;
        }
    }
    run.state.end()?;
    let report = PruneReport {
        options: PruneOptions {
            state: None,
            ..options.clone()
        },
        items: items.len(),
        tokens,
        macs: [&model, &&pruned].map(|model| model.config.graph().macs_with(tokens)),
        nanoseconds: run.options.times.is_some().then_some([run.all, run.cost]),
        parameters: [model.params.elements(), pruned.params.elements()],
        blocks: blocks(&model.config, &pruned.config),
        patches: match &pruned.config {
            Config::Vit(config) if options.tokens > 0.0 => config.patches_by_block(),
            _ => Vec::new(),
        },
        tuned,
        passes: run.spent().passes,
        seconds: run.spent().seconds,
    };
    Ok((pruned, report))
}

fn blocks(before: &Config, after: &Config) -> Vec<PrunedBlock> {
    let block = |block| {
        let [a, b]: [Widths; 2] = [before, after].map(|config| config.widths(block));
        PrunedBlock {
            site: before.site(block),
            heads: [a.heads, b.heads],
            hidden: [a.hidden, b.hidden],
        }
    };
    before.blocks().into_iter().map(block).collect()
}

struct Run<'a, 'b> {
    options: &'a PruneOptions,
    items: Items<'a>,
    /// What the model costs.
    all: u64,
    /// What the last model that was chosen costs.
    cost: u64,
    state: State,
    ui: &'a mut PruneUi<'b>,
    /// Of this run.
    passes: u64,
    began: Instant,
    /// What runs before took that were cut off.
    earlier: Spent,
}

/// The units of a model, scored.
struct Chosen {
    groups: Vec<Units>,
    costs: Costs,
    scores: Scores,
    /// For a rearrangement.
    gradients: Option<Gradients>,
}

impl Chosen {
    /// The units that are worth most within `share` of what the first model costs.
    fn kept(&self, run: &Run, share: f64) -> Result<Vec<Vec<usize>>> {
        let budget = (run.all as f64 * share) as u64;
        let mut kept = search(&self.groups, &self.costs, &self.scores, budget, run.all)?;
        if let Some(gradients) = &self.gradients {
            for (kept, gradients) in kept.iter_mut().zip(gradients) {
                *kept = fisher::rearranged(gradients, kept);
            }
        }
        Ok(kept)
    }
}

impl Run<'_, '_> {
    /// What this run and those before it that were cut off have taken so far.
    fn spent(&self) -> Spent {
        Spent {
            passes: self.earlier.passes + self.passes,
            seconds: self.earlier.seconds + self.began.elapsed().as_secs_f64(),
        }
    }

    fn tell(&mut self, event: PruneEvent) -> Result<()> {
        match (self.ui)(event) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Prune("stopped as asked".to_owned())),
        }
    }

    /// Scores the units of `model`, which is what the rounds before `round` have left.
    fn choose(&mut self, model: &FloatModel, round: usize) -> Result<Chosen> {
        let options = self.options;
        let graph = model.config.graph();
        let groups = graph.units();
        let times = options.times.as_ref();
        let costs = Costs::new(&graph, &groups, self.items.tokens(), times)?;
        let units = groups.iter().map(|units| units.count).sum();
        self.tell(PruneEvent::Begin(round, units))?;
        let seed = options.seed.wrapping_add(round as u64);
        let mut gradients = None;
        let scores = match options.criterion {
            Criterion::Random => weights::random(&groups, &costs, seed),
            Criterion::Magnitude => weights::magnitude(model, &graph, &groups)?,
            Criterion::Fisher => {
                let device = Device::flex().autodiff();
                let scored = Scored::new(model, self.items, options.batch, &device)?;
                self.passes += scored.batches.len() as u64;
                let found = fisher::gradients(&scored)?;
                let scores = fisher::information(&found);
                gradients = options.rearrange.then_some(found);
                scores
            }
            Criterion::Trajectory => {
                let how = &options.trajectory;
                let losses = self.losses(model, round, |scored, group| {
                    trajectory::losses(scored, how, seed, group)
                })?;
                trajectory::combined(how, &groups, &losses)
            }
            Criterion::Answers => {
                let losses = self.losses(model, round, answers::losses)?;
                let far = |losses: &Losses| losses.iter().map(|[far, _]| *far).collect();
                losses.iter().map(far).collect()
            }
        };
        Ok(Chosen {
            groups,
            costs,
            scores,
            gradients,
        })
    }

    /// `model` without the patches that are worth least, its units as they are.
    fn without_patches(&mut self, model: &FloatModel, mut schedule: Schedule) -> Result<Config> {
        let options = self.options;
        let (blocks, patches) = (schedule.blocks(), schedule.patches());
        self.tell(PruneEvent::Begin(0, blocks.len() * patches))?;
        let scores = match options.criterion {
            Criterion::Random => patches::random(&schedule, options.seed),
            _ => {
                let scored = Scored::new(model, self.items, options.batch, &Device::flex())?;
                let mut all: Vec<Losses> = Vec::new();
                for block in blocks {
                    let what = || format!("patches of block {block}");
                    let batches = scored.batches.len();
                    let losses = self.known([0, all.len()], patches, batches, what, || {
                        patches::losses(&scored, options, &model.config, block)
                    })?;
                    all.push(losses);
                    self.tell(PruneEvent::Scored(patches))?;
                }
                trajectory::weighed(options.trajectory.lambda, &all)
            }
        };
        schedule.reduce(&scores);
        let config = schedule.config();
        self.cost = config.graph().macs_with(1);
        Ok(config)
    }

    /// What `of` says of each group, or has said.
    fn losses(
        &mut self,
        model: &FloatModel,
        round: usize,
        of: impl Fn(&Scored, usize) -> Result<Losses>,
    ) -> Result<Vec<Losses>> {
        let scored = Scored::new(model, self.items, self.options.batch, &Device::flex())?;
        // Patches are scored before all units.
        let round = round + usize::from(self.options.tokens > 0.0);
        let mut all = Vec::new();
        for (group, units) in scored.groups.iter().enumerate() {
            let what = || {
                format!(
                    "{}s of {}",
                    units.kind,
                    scored.graph.nodes()[units.node].site
                )
            };
            let batches = scored.batches.len();
            let losses = self.known([round, group], units.count, batches, what, || {
                of(&scored, group)
            })?;
            all.push(losses);
            self.tell(PruneEvent::Scored(units.count))?;
        }
        Ok(all)
    }

    /// What is known of the `count` members of a group, or else what `find` finds in so many passes of each batch and one.
    fn known(
        &mut self,
        [round, group]: [usize; 2],
        count: usize,
        batches: usize,
        what: impl Fn() -> String,
        find: impl FnOnce() -> Result<Losses>,
    ) -> Result<Losses> {
        if let Some(known) = self.state.get(round, group, count)? {
            return Ok(known.clone());
        }
        let found = find()?;
        self.passes += ((count + 1) * batches) as u64;
        if found.iter().flatten().any(|value| !value.is_finite()) {
            return Err(Error::Prune(format!(
                "expected finite scores, found others of the {}",
                what()
            )));
        }
        let spent = self.spent();
        self.state.push(round, found.clone(), spent)?;
        Ok(found)
    }
}
