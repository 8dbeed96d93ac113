//! Changing blocks, and in which order.

use burn::tensor::Device;

use super::{Order, ReluOptions};
use crate::{
    Error, FloatModel, Result,
    architecture::{Activation, Block},
    data::{Dataset, Spread},
    float::train::{Evaluation, evaluate},
};

/// `model` with ReLU in `blocks`, and there without fc1's bias if it is not kept.
///
/// # Examples
///
/// ```
/// use intformer::{checkpoint, method::relu::swapped};
///
/// # std::env::set_current_dir("..").expect("the repository");
/// let model = checkpoint::load("models/glyphs-gelu-float.safetensors")?;
/// let last = model.config.blocks()[3];
/// let changed = swapped(&model, &[last], false);
///
/// assert_eq!(changed.config.activation().to_string(), "gelu,gelu;gelu,relu");
/// assert_eq!(changed.params.find("layers.1.blocks.1.mlp.fc1.bias"), None);
/// changed.validate()?;
/// # Ok::<(), intformer::Error>(())
/// ```
pub fn swapped(model: &FloatModel, blocks: &[Block], keep_bias: bool) -> FloatModel {
    let mut model = model.clone();
    let config = &mut model.config;
    let depths = config.depths().to_vec();
    for &at in blocks {
        let Block { stage, block } = at;
        let activation = config.activation();
        config.set_activation(activation.with(&depths, stage, block, Activation::Relu));
        if !keep_bias {
            let biases = config.fc1_bias();
            config.set_fc1_bias(biases.with(&depths, stage, block, false));
            let fc1 = config.fc1_site(at);
            model.params.0.remove(&format!("{fc1}.bias"));
        }
    }
    model
}

/// The blocks of `model` that have GELU, first to last.
///
/// # Errors
/// If there are none.
pub(super) fn gelu_blocks(model: &FloatModel) -> Result<Vec<Block>> {
    let config = &model.config;
    let mut blocks = config.blocks();
    blocks.retain(|&at| {
        let activation = config.activation().get(at.stage, at.block);
        activation == Activation::Gelu && config.widths(at).hidden > 0
    });
    if blocks.is_empty() {
        return Err(Error::Training(format!(
            "expected a teacher with GELU in some block, found {} in all {}",
            config.activation(),
            config.blocks().len()
        )));
    }
    Ok(blocks)
}

/// `blocks`, each with how good `teacher` is when it alone has changed.
pub(super) fn sensitivity(
    options: &ReluOptions,
    teacher: &FloatModel,
    blocks: &[Block],
    validation: &dyn Dataset,
    device: &Device,
) -> Result<Vec<(Block, Evaluation)>> {
    if options.order != Order::Sensitivity {
        return Ok(Vec::new());
    }
    let images = Spread::new(validation, options.sensitivity_images);
    let measure = |&block: &Block| {
        let model = swapped(teacher, &[block], options.fc1_bias);
        let score = evaluate(&model, &images, options.training.batch, device)?;
        Ok((block, score))
    };
    blocks.iter().map(measure).collect()
}

/// The blocks of each step; `blocks` are first to last.
pub(super) fn plan(
    options: &ReluOptions,
    mut blocks: Vec<Block>,
    sensitivity: &[(Block, Evaluation)],
) -> Vec<Vec<Block>> {
    match options.order {
        Order::FirstToLast => {}
        Order::LastToFirst => blocks.reverse(),
        Order::Sensitivity => {
            let mut ranked = sensitivity.to_vec();
            ranked.sort_by(|a, b| a.1.loss.total_cmp(&b.1.loss));
            blocks = ranked.into_iter().map(|(block, _)| block).collect();
        }
    }
    blocks.chunks(options.group).map(<[_]>::to_vec).collect()
}
