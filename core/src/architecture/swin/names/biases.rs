//! Tables of position biases for another window.
//!
//! As timm's `resize_rel_pos_bias_table` (BEiT, arXiv 2106.08254): the entries of the old table
//! stand at distances that grow geometrically from the centre, so that near ones stay apart, and the
//! new ones at whole distances; between them the interpolation is linear, beyond the last entry its
//! value holds.

use super::{SwinConfig, size};
use crate::{Error, HostTensor, Params, Result};

/// Gives `params` the tables that a model of `config` has, where the `window` was asked for.
///
/// # Errors
/// If tables have another size and no window was asked for, or if the old ones are not square.
pub(super) fn interpolate(
    params: &mut Params,
    config: &SwinConfig,
    asked: bool,
    notes: &mut Vec<String>,
) -> Result<()> {
    let mut resized = 0;
    for block in config.blocks() {
        let windows = config.windows(block.stage, block.block);
        let name = format!("{}.attn.relative_position_bias_table", config.site(block));
        let Some(table) = params.0.get_mut(&name) else {
            continue;
        };
        let &[entries, heads] = table.shape.as_slice() else {
            continue;
        };
        // Another number of heads is refused with the other shapes.
        if entries == windows.bias_entries() || heads != windows.heads {
            continue;
        }
        let [rows, columns] = windows.window;
        let Some(side) = size::side(entries) else {
            continue;
        };
        if !asked {
            return Err(Error::Checkpoint(format!(
                "expected position biases of a window of {rows}x{columns} in stage {} at an image size of \
                 {}x{}, found those of a window of {side} ({name}); --window-size {} interpolates them",
                block.stage, config.image_size[0], config.image_size[1], config.window_size
            )));
        }
        *table = table_of(table, heads, 2 * side - 1, [2 * rows - 1, 2 * columns - 1]);
        resized += 1;
    }
    if resized > 0 {
        notes.push(format!(
            "{resized} tables of position biases are interpolated to a window of {}",
            config.window_size
        ));
    }
    Ok(())
}

/// The square `table` of `from` entries on a side, for `to` rows and columns.
fn table_of(table: &HostTensor, heads: usize, from: usize, to: [usize; 2]) -> HostTensor {
    let [rows, columns] = to.map(|to| weights(&distances(from, to), to));
    let mut data = Vec::with_capacity(to[0] * to[1] * heads);
    for &(top, bottom, down) in &rows {
        for &(left, right, across) in &columns {
            for head in 0..heads {
                let at = |row: usize, column: usize| {
                    f64::from(table.data[(row * from + column) * heads + head])
                };
                let upper = at(top, left) * (1.0 - across) + at(top, right) * across;
                let lower = at(bottom, left) * (1.0 - across) + at(bottom, right) * across;
                data.push((upper * (1.0 - down) + lower * down) as f32);
            }
        }
    }
    HostTensor::new([to[0] * to[1], heads], data)
}

/// The distances from the centre at which `from` entries stand to span `to` of them.
fn distances(from: usize, to: usize) -> Vec<f64> {
    let (mut left, mut right) = (1.01_f64, 1.5);
    let mut ratio = 1.01;
    let half = (from / 2) as i32;
    while right - left > 1e-6 {
        ratio = f64::midpoint(left, right);
        let span = (1.0 - ratio.powi(half)) / (1.0 - ratio);
        match span > (to / 2) as f64 {
            true => right = ratio,
            false => left = ratio,
        }
    }
    let mut outward = Vec::new();
    let mut distance = 1.0;
    for step in 1..=half {
        outward.push(distance);
        distance += ratio.powi(step);
    }
    let inward = outward.iter().rev().map(|distance| -distance);
    inward.chain([0.0]).chain(outward.iter().copied()).collect()
}

/// For each of `to` whole distances from the centre, the entries of `places` on both sides of it and
/// the share of the second.
fn weights(places: &[f64], to: usize) -> Vec<(usize, usize, f64)> {
    let half = (to / 2) as f64;
    let last = places.len() - 1;
    (0..to)
        .map(|index| {
            let at = index as f64 - half;
            let right = places.partition_point(|&place| place < at).min(last);
            let left = right.saturating_sub(1);
            let (before, after) = ((at - places[left]).max(0.0), (places[right] - at).max(0.0));
            match before + after > 0.0 {
                true => (left, right, before / (before + after)),
                false => (left, right, 0.5),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    #[test]
    fn a_table_for_the_same_window_is_the_same_at_the_centre() {
        let table = HostTensor::new([25, 1], (0..25).map(|n| n as f32).collect());
        let new = table_of(&table, 1, 5, [7, 7]);
        assert_eq!(new.shape, [49, 1]);
        assert!((new.data[24] - 12.0).abs() < 1e-5, "{}", new.data[24]);
    }

    #[test]
    fn places_span_the_new_table() {
        let places = distances(13, 23);
        assert_eq!(places.len(), 13);
        assert!((places[12] - 11.0).abs() < 1e-3, "{places:?}");
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn position_biases_are_interpolated_as_timm_does() {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/checkpoints");
        let bytes = std::fs::read(format!("{fixtures}/tables.safetensors")).unwrap();
        let tables = SafeTensors::deserialize(&bytes).unwrap();
        let tensor = |name: &str| {
            let view = tables.tensor(name).unwrap();
            let numbers = view.data().as_chunks::<4>().0.iter();
            let numbers = numbers.map(|&le| f32::from_le_bytes(le));
            HostTensor::new(view.shape(), numbers.collect())
        };
        for (from, to) in [(7, [12, 12]), (12, [7, 7]), (4, [8, 6])] {
            let expected = tensor(&format!("{from}-{}x{}", to[0], to[1]));
            let found = table_of(
                &tensor(&from.to_string()),
                2,
                2 * from - 1,
                to.map(|side| 2 * side - 1),
            );
            assert_eq!(found.shape, expected.shape);
            for (a, b) in found.data.iter().zip(&expected.data) {
                assert!((a - b).abs() < 1e-5, "{from} to {to:?}: {a} and {b}");
            }
        }
    }
}
