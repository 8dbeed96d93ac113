//! A position for each token: which of those in a file is whose, and those of another grid of patches.

use super::VitConfig;
use crate::{Error, HostTensor, Params, Result};

const POSITIONS: &str = "embed.position.weight";

/// Gives `params` a position for each token of `config`. A file has them for patches alone, for the first token as
/// well, or for all learned ones; a token without one has zeros. Those of another grid than the file was `made_for` are
/// interpolated.
///
/// # Errors
/// If there are not as many positions as that grid has.
pub(super) fn adapt(
    params: &mut Params,
    config: &VitConfig,
    made_for: [usize; 2],
    notes: &mut Vec<String>,
) -> Result<()> {
    let channels = config.embed_dim;
    let tensor = params.get_mut(POSITIONS)?;
    let found = match *tensor.shape {
        [found, width] if width == channels => found,
        // Another width is refused with the other shapes.
        _ => return Ok(()),
    };
    let [rows, columns] = made_for;
    let learned = found.checked_sub(rows * columns);
    let Some(learned) = learned.filter(|learned| [config.prefix, 1, 0].contains(learned)) else {
        return Err(Error::Checkpoint(format!(
            "expected positions of {rows}x{columns} patches and {} learned tokens, found {found}",
            config.prefix
        )));
    };
    let (first, patches) = tensor.data.split_at(learned * channels);
    let mut data = first.to_vec();
    data.resize(config.prefix * channels, 0.0);
    let grid = config.grid();
    if grid == made_for {
        data.extend(patches);
    } else {
        data.extend(resized(patches, made_for, grid, channels));
        let [down, across] = grid;
        notes.push(format!(
            "positions of {rows}x{columns} patches are interpolated to {down}x{across}"
        ));
    }
    *tensor = HostTensor::new([config.tokens(), channels], data);
    Ok(())
}

/// Positions of a grid for another: bicubic with antialiasing, as timm's `resample_abs_pos_embed`.
fn resized(
    old: &[f32],
    [height, side]: [usize; 2],
    [down, across]: [usize; 2],
    channels: usize,
) -> Vec<f32> {
    let (rows, columns) = (weights(height, down), weights(side, across));
    let mut lines = vec![0f64; down * side * channels];
    for (line, row) in lines.chunks_mut(side * channels).zip(&rows) {
        for &(from, weight) in row {
            let source = &old[from * side * channels..][..side * channels];
            for (value, source) in line.iter_mut().zip(source) {
                *value += weight * f64::from(*source);
            }
        }
    }
    let mut new = Vec::with_capacity(down * across * channels);
    for line in lines.chunks(side * channels) {
        for column in &columns {
            for channel in 0..channels {
                let sum = column
                    .iter()
                    .map(|&(from, weight)| weight * line[from * channels + channel]);
                new.push(sum.sum::<f64>() as f32);
            }
        }
    }
    new
}

/// For each of `to` places the ones of `from` that it is made of, with their weights.
fn weights(from: usize, to: usize) -> Vec<Vec<(usize, f64)>> {
    let ratio = from as f64 / to as f64;
    let stretch = ratio.max(1.0);
    let place = |at: usize| {
        let center = (at as f64 + 0.5) * ratio;
        let first = (center - 2.0 * stretch + 0.5).floor().max(0.0) as usize;
        let last = ((center + 2.0 * stretch + 0.5).floor() as usize).min(from);
        let weight = |at: usize| cubic((at as f64 + 0.5 - center) / stretch);
        let total: f64 = (first..last).map(weight).sum();
        (first..last).map(|at| (at, weight(at) / total)).collect()
    };
    (0..to).map(place).collect()
}

/// The cubic kernel with a = -0.5, which is PyTorch's where it antialiases.
fn cubic(x: f64) -> f64 {
    let (a, x) = (-0.5, x.abs());
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * a
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_and_a_ramp_goes_on() {
        let flat = resized(&[3.0; 4 * 4 * 2], [4, 4], [7, 3], 2);
        assert!(flat.len() == 7 * 3 * 2 && flat.iter().all(|value| (value - 3.0).abs() < 1e-6));
        let ramp: Vec<f32> = (0..64).map(|at| (at % 8) as f32).collect();
        let wide = resized(&ramp, [8, 8], [8, 16], 1);
        // Away from the ends.
        for (at, value) in wide[..16].iter().enumerate().take(11).skip(5) {
            assert!(
                (value - (at as f32 / 2.0 - 0.25)).abs() < 1e-5,
                "{at}: {value}"
            );
        }
    }

    #[test]
    fn registers_without_a_position_have_zeros() {
        let config = VitConfig {
            image_size: [32, 16],
            prefix: 3,
            embed_dim: 2,
            heads: 1,
            ..VitConfig::tiny()
        };
        let places = |count: usize| {
            let data = (1..=2 * count).map(|value| value as f32).collect();
            let mut params = Params::default();
            params
                .0
                .insert(POSITIONS.to_owned(), HostTensor::new([count, 2], data));
            params
        };
        for (count, zeros) in [(2, 0..6), (3, 2..6), (5, 0..0)] {
            let mut params = places(count);
            adapt(&mut params, &config, [2, 1], &mut Vec::new()).unwrap();
            let tensor = params.get(POSITIONS).unwrap();
            assert_eq!(tensor.shape, [5, 2]);
            let is_zero = |(at, value): (usize, &f32)| (*value == 0.0) == zeros.contains(&at);
            assert!(
                tensor.data.iter().enumerate().all(is_zero),
                "{count}: {tensor:?}"
            );
        }
        // As many patches in another shape have other positions.
        for (count, made_for, note) in [(17, [4, 4], "4x4"), (3, [1, 2], "1x2")] {
            let mut params = places(count);
            let error = adapt(&mut params, &config, [5, 5], &mut Vec::new()).unwrap_err();
            assert!(
                error.to_string().contains("positions of 5x5 patches"),
                "{error}"
            );
            let mut notes = Vec::new();
            adapt(&mut params, &config, made_for, &mut notes).unwrap();
            assert_eq!(params.get(POSITIONS).unwrap().shape, [5, 2]);
            let expected = format!("positions of {note} patches are interpolated to 2x1");
            assert_eq!(notes, [expected]);
        }
    }
}
