//! Twins of a float model: the same function with other ranges inside.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::{
    Error, FloatModel, Params, Result,
    graph::{Graph, Layer, Node},
};

/// Multiplies channels inside `model` by random factors and divides the weights that read them, so
/// that the function stays the same up to float rounding.
///
/// Rescaled are the outputs of every layer normalization that one linear layer reads, queries
/// against keys, and values against the projection. The logarithms of the factors are uniform
/// between those of `1 / by` and `by`; the same `seed` gives the same twin.
///
/// # Errors
/// If the model is not valid or `by` is not from 1 to 2^20.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "float")]
/// # fn main() -> intformer::Result<()> {
/// # std::env::set_current_dir("..").expect("the repository");
/// use intformer::{checkpoint, float, picture, rescale};
///
/// let model = checkpoint::load("models/glyphs-float.safetensors")?;
/// let mut twin = model.clone();
/// rescale(&mut twin, 64.0, 0)?;
/// assert_ne!(twin.params, model.params);
///
/// let image = picture::load("models/samples/7.png", &model.config.image()?, &model.preprocessing)?;
/// let images = [image];
/// let (before, after) = (
///     float::logits(&model, &images)?,
///     float::logits(&twin, &images)?,
/// );
/// for (before, after) in before[0].iter().zip(&after[0]) {
///     assert!((before - after).abs() < 1e-2);
/// }
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "float"))]
/// # fn main() {}
/// ```
pub fn rescale(model: &mut FloatModel, by: f64, seed: u64) -> Result<()> {
    model.validate()?;
    if !(1.0..=f64::from(1 << 20)).contains(&by) {
        return Err(Error::Config(format!(
            "expected a factor from 1 to 2^20, found {by}"
        )));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = |count: usize| -> Vec<f64> {
        let mut power = || 2.0 * f64::from(rng.next_u32()) / f64::from(u32::MAX) - 1.0;
        (0..count).map(|_| by.powf(power())).collect()
    };
    let graph = model.config.graph();
    let params = &mut model.params;
    let nodes = graph.nodes();
    for reader in nodes {
        let Layer::Linear { .. } = reader.layer else {
            continue;
        };
        let site = &reader.site;
        let Some(before) = sole(&graph, reader) else {
            continue;
        };
        match before.layer {
            Layer::LayerNorm { .. } => {
                let factors = draw(before.channels);
                norm(params, &before.site, &factors)?;
                columns(params, site, &factors)?;
            }
            Layer::WindowAttention(_) | Layer::Attention(_) => {
                let Some(qkv) = sole(&graph, before) else {
                    continue;
                };
                let (query, value) = (draw(before.channels), draw(before.channels));
                let key = query.iter().map(|factor| 1.0 / factor).collect();
                let factors = [query, key, value.clone()].concat();
                rows(params, &qkv.site, &factors)?;
                columns(params, site, &value)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The node whose output `reader` reads, perhaps through a mean over tokens, which keeps channels apart;
/// `None` if others read it, too.
fn sole<'a>(graph: &'a Graph, reader: &Node) -> Option<&'a Node> {
    let &[id] = reader.inputs.as_slice() else {
        return None;
    };
    let node = &graph.nodes()[id];
    match (graph.readers(id), &node.layer) {
        ([_], Layer::MeanPool) => sole(graph, node),
        ([_], _) => Some(node),
        _ => None,
    }
}

/// Multiplies gain and shift of a layer normalization.
fn norm(params: &mut Params, site: &str, factors: &[f64]) -> Result<()> {
    for name in ["weight", "bias"] {
        let tensor = params.get_mut(&format!("{site}.{name}"))?;
        for (value, factor) in tensor.data.iter_mut().zip(factors) {
            *value = (f64::from(*value) * factor) as f32;
        }
    }
    Ok(())
}

/// Multiplies the rows of a linear layer, and its bias if it has one.
fn rows(params: &mut Params, site: &str, factors: &[f64]) -> Result<()> {
    let weight = params.get_mut(&format!("{site}.weight"))?;
    let inputs = weight.data.len() / factors.len();
    for (row, factor) in weight.data.chunks_mut(inputs).zip(factors) {
        row.iter_mut()
            .for_each(|value| *value = (f64::from(*value) * factor) as f32);
    }
    if let Ok(bias) = params.get_mut(&format!("{site}.bias")) {
        for (value, factor) in bias.data.iter_mut().zip(factors) {
            *value = (f64::from(*value) * factor) as f32;
        }
    }
    Ok(())
}

/// Divides the columns of a linear layer.
fn columns(params: &mut Params, site: &str, factors: &[f64]) -> Result<()> {
    let weight = params.get_mut(&format!("{site}.weight"))?;
    for row in weight.data.chunks_mut(factors.len()) {
        for (value, factor) in row.iter_mut().zip(factors) {
            *value = (f64::from(*value) / factor) as f32;
        }
    }
    Ok(())
}

#[cfg(all(test, feature = "float"))]
mod tests {
    use super::*;
    use crate::{
        Pixels, Preprocessing, Resize,
        architecture::{Config, SwinConfig},
        float,
    };

    fn model() -> FloatModel {
        let config = SwinConfig {
            image_size: [16, 16],
            in_channels: 1,
            patch_size: 2,
            embed_dim: 8,
            depths: vec![2, 1],
            heads: vec![2, 4],
            window_size: 4,
            classes: 5,
            ..SwinConfig::tiny()
        };
        let config = Config::from(config);
        let parameters = float::Parameters::init(&config, 3, &Default::default()).unwrap();
        let mut params = parameters.to_params();
        // Fresh biases are zero and would hide a mistake.
        for tensor in params.0.values_mut() {
            for (at, value) in tensor.data.iter_mut().enumerate() {
                *value = *value * 5.0 + 0.1 * (at as f32).cos();
            }
        }
        FloatModel {
            config,
            params,
            preprocessing: Preprocessing::imagenet(1, Resize::Squash),
            tokenization: None,
            labels: Vec::new(),
            class_order: None,
        }
    }

    #[test]
    fn a_twin_has_other_weights_and_the_same_logits() {
        let model = model();
        let data = (0..256u32).map(|at| (at * at / 7) as u8).collect();
        let pixels = [Pixels::new(16, 16, 1, data).unwrap()];
        let expected = float::logits(&model, &pixels).unwrap().concat();
        for seed in 0..3 {
            let mut twin = model.clone();
            rescale(&mut twin, 64.0, seed).unwrap();
            let changed = |name: &&String| twin.params.0[*name] != model.params.0[*name];
            // Per block: two norms, qkv, proj and fc1; merging: two; norm and head: three.
            assert_eq!(model.params.0.keys().filter(changed).count(), 3 * 8 + 3 + 3);
            let found = float::logits(&twin, &pixels).unwrap().concat();
            let largest = expected
                .iter()
                .fold(0f32, |most, value| most.max(value.abs()));
            for (found, expected) in found.iter().zip(&expected) {
                let error = (found - expected).abs() / largest;
                assert!(error < 1e-4, "seed {seed}: {found} against {expected}");
            }
        }
    }

    #[test]
    fn a_factor_below_one_is_refused() {
        for by in [0.5, f64::NAN, f64::INFINITY] {
            assert!(rescale(&mut model(), by, 0).is_err());
        }
    }
}
