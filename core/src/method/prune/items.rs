//! The items that a model is pruned by.

use burn::tensor::Device;

use crate::{
    Error, FloatModel, Result,
    dense::Cells,
    float::{Attention, Baseline, Factors, Feed, Forward, Parameters, Samples},
    graph::{Graph, NodeId, Units},
};

/// Labelled items that a model of classes is pruned by.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    samples: Samples<'a>,
    classes: &'a [usize],
}

impl<'a> Items<'a> {
    /// `samples`, whose classes are `classes`: one each; for a dense model one for each of their cells, item by item, of which
    /// [`Items::NO_CLASS`] is none.
    ///
    /// # Errors
    /// [`Error::Prune`] if there is none, or not as many classes for each.
    pub fn new(samples: impl Into<Samples<'a>>, classes: &'a [usize]) -> Result<Self> {
        let samples = samples.into();
        if samples.is_empty() || classes.is_empty() || !classes.len().is_multiple_of(samples.len())
        {
            return Err(Error::Prune(format!(
                "expected items and the class of each, found {} items and {} classes",
                samples.len(),
                classes.len()
            )));
        }
        Ok(Self { samples, classes })
    }

    /// The class of a cell that has none.
    pub const NO_CLASS: usize = usize::MAX;

    /// How many there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none, which cannot be.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// What they are.
    pub fn samples(&self) -> Samples<'a> {
        self.samples
    }

    /// The class of each, or of each of its cells.
    pub fn classes(&self) -> &'a [usize] {
        self.classes
    }

    /// Tokens of a text, on average; 1 of images.
    pub fn tokens(&self) -> usize {
        match self.samples {
            Samples::Images(_) => 1,
            Samples::Texts(texts) => {
                let all: usize = texts.iter().map(Vec::len).sum();
                (all as f64 / texts.len() as f64).round().max(1.0) as usize
            }
        }
    }

    /// Their places in batches of at most `most`, texts by length.
    fn batches(&self, most: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        if let Samples::Texts(texts) = self.samples {
            order.sort_by_key(|&at| texts[at].len());
        }
        order.chunks(most).map(<[_]>::to_vec).collect()
    }
}

/// A batch of [`Items`] as a model takes it.
pub(super) struct Batch {
    pub feed: Feed,
    /// How many there are.
    pub count: usize,
    /// The class of each, or of each of its cells.
    pub classes: Vec<usize>,
    /// Of texts, how many tokens each has.
    pub lengths: Option<Vec<usize>>,
}

/// A model that is scored, with what its passes need.
pub(super) struct Scored {
    pub graph: Graph,
    pub groups: Vec<Units>,
    /// The block of each group, by its place among all.
    pub blocks: Vec<usize>,
    pub parameters: Parameters,
    pub device: Device,
    pub batches: Vec<Batch>,
    pub classes: usize,
    /// The cells of a dense model.
    pub cells: Option<Cells>,
}

impl Scored {
    /// `model` on `device`, which may keep gradients, though never of parameters.
    pub fn new(model: &FloatModel, items: Items, batch: usize, device: &Device) -> Result<Self> {
        let config = &model.config;
        let graph = config.graph();
        let groups = graph.units();
        let input = config.input();
        let each = items.classes.len() / items.len();
        let block = |units: &Units| {
            let site = &graph.nodes()[units.node].site;
            let blocks = config.blocks().into_iter();
            let sites = |block| [config.attention_site(block), config.activation_site(block)];
            blocks.map(sites).position(|sites| sites.contains(site))
        };
        let blocks: Option<Vec<usize>> = groups.iter().map(block).collect();
        let blocks = blocks.ok_or_else(|| {
            Error::Prune("expected heads and hidden channels of blocks, found others".to_owned())
        })?;
        let batches = items.batches(batch).into_iter().map(|places| {
            let samples = items.samples;
            Ok(Batch {
                feed: samples.feed(&places, &input, &model.preprocessing, device)?,
                count: places.len(),
                classes: places
                    .iter()
                    .flat_map(|&at| &items.classes[at * each..][..each])
                    .copied()
                    .collect(),
                lengths: match samples {
                    Samples::Images(_) => None,
                    Samples::Texts(texts) => {
                        Some(places.iter().map(|&at| texts[at].len()).collect())
                    }
                },
            })
        });
        Ok(Self {
            groups,
            blocks,
            graph,
            parameters: Parameters::of(model, device)?.frozen(|_| true),
            device: device.clone(),
            batches: batches.collect::<Result<_>>()?,
            classes: model.config.classes(),
            cells: model.config.cells(),
        })
    }

    /// Of the logits of some items those that are answers: of a dense model the cells'.
    pub fn answers(&self, logits: Vec<f32>) -> Vec<f32> {
        match self.cells {
            Some(cells) if cells.first > 0 => {
                let items = logits.chunks(cells.rows() * self.classes);
                let answers = items.flat_map(|item| &item[cells.first * self.classes..]);
                answers.copied().collect()
            }
            _ => logits,
        }
    }

    /// Has the parameters of `model`, which has the same graph, in place of its own.
    pub fn take(&mut self, model: &FloatModel) -> Result<()> {
        self.parameters = Parameters::of(model, &self.device)?.frozen(|_| true);
        Ok(())
    }

    /// Rows of the widest map of tokens that `batch` has.
    pub fn rows(&self, batch: &Batch) -> usize {
        let tokens = match &batch.lengths {
            Some(lengths) => lengths.iter().copied().max(),
            // Pixels are no tokens yet.
            None => self
                .groups
                .iter()
                .map(|units| self.graph.nodes()[units.node].tokens)
                .max(),
        };
        tokens.unwrap_or(1) * batch.count
    }

    /// The node that gives the logits.
    pub fn logits(&self) -> NodeId {
        self.graph.outputs()[0].1
    }

    /// A pass over `batch` with outputs multiplied by `factors`, whose values are kept.
    pub fn baseline(&self, batch: &Batch, factors: &Factors) -> Result<Baseline<'_>> {
        self.baseline_until(batch, factors, self.graph.nodes().len() - 1)
    }

    /// The same up to the node `last`.
    pub fn baseline_until(
        &self,
        batch: &Batch,
        factors: &Factors,
        last: NodeId,
    ) -> Result<Baseline<'_>> {
        let mut attention = Attention::new(&self.device);
        let forward = Forward::new(&self.parameters, &mut attention).multiplied(factors);
        Baseline::new(forward, &self.graph, &batch.feed, last)
    }
}

/// Checks the classes of `items` against `model`, and that it answers by classes of whole items or of cells.
pub(super) fn check(model: &FloatModel, items: &Items) -> Result<()> {
    use crate::graph::OutputKind;
    let cells = model.config.cells();
    if cells.is_none() && model.config.output_kind() != OutputKind::Logits {
        return Err(Error::Prune(
            "expected a model with classes of whole items or of cells, found one with classes of tokens or without \
             classes"
                .to_owned(),
        ));
    }
    let each = cells.map_or(1, |cells| cells.map[0] * cells.map[1]);
    if items.classes.len() != each * items.len() {
        return Err(Error::Prune(format!(
            "expected {each} classes for each of {} items, found {}",
            items.len(),
            items.classes.len()
        )));
    }
    let classes = model.config.classes();
    if classes < 2 {
        return Err(Error::Prune(format!(
            "expected a model of two classes or more, found {classes}"
        )));
    }
    let none = |class: usize| cells.is_some() && class == Items::NO_CLASS;
    let mut all = items.classes.iter();
    match all.find(|&&class| class >= classes && !none(class)) {
        Some(class) => Err(Error::Prune(format!(
            "expected classes below {classes}, found {class}"
        ))),
        None => Ok(()),
    }
}
