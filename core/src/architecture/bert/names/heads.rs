//! The parameters that a head has, made of what a file has; and the tables of positions and segments.

use super::BertConfig;
use crate::{
    HostTensor, Params, Result,
    architecture::{TextHead, names::extents},
};

/// What only training needed: the heads that guess words left out, and tell real from replaced ones.
const TRAINING: [&str; 4] = ["cls.", "lm_head.", "discriminator_predictions.", "vocab_"];

/// Gives `params` the tables and the head of `config`.
///
/// # Errors
/// If the table of positions is none.
pub(super) fn adapt(
    config: &BertConfig,
    params: &mut Params,
    notes: &mut Vec<String>,
) -> Result<()> {
    // RoBERTa counts positions from the id of padding on: the rows before stand for no place.
    const POSITIONS: &str = "embeddings.position.weight";
    let [rows, channels] = extents(params, POSITIONS)?;
    if let Some(before) = rows
        .checked_sub(config.positions)
        .filter(|&before| before > 0)
    {
        let tensor = params.get_mut(POSITIONS)?;
        let data = tensor.data.split_off(before * channels);
        *tensor = HostTensor::new([config.positions, channels], data);
    }
    let segments = "embeddings.segment.weight".to_owned();
    params.0.entry(segments).or_insert_with(|| {
        let count = config.segments * channels;
        HostTensor::new([config.segments, channels], vec![0.0; count])
    });

    let before = params.0.len();
    let training = |name: &str| TRAINING.iter().any(|head| name.starts_with(head));
    params.0.retain(|name, _| !training(name));
    if params.0.len() < before {
        notes
            .push("the head that the model was trained with on texts alone is left out".to_owned());
    }
    let has_head = params.find("head.dense.weight").is_some();
    let dense = matches!(config.head, TextHead::Text { dense: Some(_), .. }) && !has_head;
    let mut left_out = false;
    for part in ["weight", "bias"] {
        let Some(tensor) = params.0.remove(&format!("pooler.dense.{part}")) else {
            continue;
        };
        match dense {
            true => drop(params.0.insert(format!("head.dense.{part}"), tensor)),
            false => left_out = true,
        }
    }
    if left_out {
        notes.push("the pooler is left out, which this head does not ask".to_owned());
    }
    Ok(())
}
