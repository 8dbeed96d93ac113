//! Twins of a float model: the same function with other ranges inside.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::{
    Error, FloatModel, Params, Result,
    model::{Activation, LinearShape, Ops, SwinConfig, Windows, swin},
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
pub fn rescale(model: &mut FloatModel, by: f64, seed: u64) -> Result<()> {
    model.validate()?;
    if !(1.0..=f64::from(1 << 20)).contains(&by) {
        return Err(Error::Config(format!(
            "expected a factor from 1 to 2^20, found {by}"
        )));
    }
    let mut rescaling = Rescaling {
        params: &mut model.params,
        rng: ChaCha8Rng::seed_from_u64(seed),
        by,
    };
    swin(&mut rescaling, &model.config, Value::Other).map(drop)
}

/// The interpreter that rescales where the topology lets it.
struct Rescaling<'a> {
    params: &'a mut Params,
    rng: ChaCha8Rng,
    by: f64,
}

/// A tensor, as far as its channels may be rescaled.
#[derive(Clone)]
enum Value {
    /// A layer normalization that nothing but one linear layer reads.
    Norm(String),
    Linear(String),
    /// Attention over the product of that site.
    Attention(String),
    Other,
}

impl Rescaling<'_> {
    fn draw(&mut self, count: usize) -> Vec<f64> {
        let mut power = || 2.0 * f64::from(self.rng.next_u32()) / f64::from(u32::MAX) - 1.0;
        (0..count).map(|_| self.by.powf(power())).collect()
    }
}

impl Ops for Rescaling<'_> {
    type Tensor = Value;

    fn patch_embed(&mut self, _: &str, _: Value, _: &SwinConfig) -> Result<Value> {
        Ok(Value::Other)
    }

    fn layer_norm(&mut self, site: &str, _: &Value, _: usize, _: f64) -> Result<Value> {
        Ok(Value::Norm(site.to_owned()))
    }

    fn linear(&mut self, site: &str, x: &Value, shape: LinearShape) -> Result<Value> {
        if let Value::Norm(before) = x {
            let factors = self.draw(shape.inputs);
            norm(self.params, before, &factors)?;
            columns(self.params, site, &factors)?;
        }
        if let Value::Attention(qkv) = x {
            let (query, value) = (self.draw(shape.inputs), self.draw(shape.inputs));
            let key = query.iter().map(|factor| 1.0 / factor).collect();
            let factors = [query, key, value.clone()].concat();
            rows(self.params, qkv, &factors)?;
            columns(self.params, site, &value)?;
        }
        Ok(Value::Linear(site.to_owned()))
    }

    fn window_attention(&mut self, _: &str, qkv: &Value, _: &Windows) -> Result<Value> {
        Ok(match qkv {
            Value::Linear(site) => Value::Attention(site.clone()),
            _ => Value::Other,
        })
    }

    fn activation(&mut self, _: &str, _: &Value, _: Activation) -> Result<Value> {
        Ok(Value::Other)
    }

    fn add(&mut self, _: &str, _: &Value, _: &Value) -> Result<Value> {
        Ok(Value::Other)
    }

    fn patch_merge(&mut self, _: &str, _: &Value, _: [usize; 2]) -> Result<Value> {
        Ok(Value::Other)
    }

    fn mean_pool(&mut self, _: &str, x: &Value) -> Result<Value> {
        // The mean over the tokens keeps channels apart.
        Ok(x.clone())
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
    use crate::{Pixels, Preprocessing, Resize, float, model::SwinConfig};

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
        let swin = float::Swin::init(&config, 3, &Default::default()).unwrap();
        let mut params = swin.to_params();
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
