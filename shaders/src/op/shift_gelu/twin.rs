//! The scalar twin: I-ViT's ShiftGELU (arXiv 2207.01405) of int8 rows.

use super::ShiftGelu;
use crate::arithmetic::{clamp8, requantize, unpack_scale};
use crate::shared::memory::{int8, int8_mut};

/// Halvings after which an exponential is nothing.
const HALVINGS: i32 = 23;

/// Runs one dispatch.
pub fn twin(p: &ShiftGelu, _weights: &[u32], arena: &mut [u32]) {
    let k = p.k_words as usize * 4;
    for row in 0..p.rows {
        let x = int8(arena, p.x + row * p.k_words, k).to_vec();
        let top = top(&x);
        let out = int8_mut(arena, p.out + row * p.k_words, k);
        for (out, &value) in out.iter_mut().zip(&x) {
            *out = output(p, i32::from(value), top);
        }
    }
}

/// The largest value of a row, at least 0.
fn top(row: &[i8]) -> i32 {
    row.iter().fold(0, |top, &value| top.max(i32::from(value)))
}

/// `value * sigmoid(1.702 * value)` as int8; `top` is the largest value of the row.
fn output(p: &ShiftGelu, value: i32, top: i32) -> i8 {
    let e = exp(p, value - top);
    let sum = e + exp(p, -top);
    let sigmoid = (e * (0x7fff_ffff / sum)) >> 24;
    let (multiplier, shift) = unpack_scale(p.scale);
    let product = value * sigmoid as i32;
    clamp8(requantize(product, multiplier, shift), -127)
}

/// About `2^23 * unit * e^(d / unit)` for `-254 <= d <= 0`, by shifts and additions.
fn exp(p: &ShiftGelu, d: i32) -> u32 {
    let unit = p.unit as i32;
    // 1 + 1/2 - 1/16 for log2(e).
    let d = (d + (d >> 1) - (d >> 4)).max(-HALVINGS * unit);
    let halvings = -d / unit;
    let rest = d + unit * halvings;
    (((rest + 2 * unit) as u32) << (HALVINGS - halvings)) >> 1
}

/// The outputs for each value, by the top of its row: made when first asked for, and kept for each
/// unit and scale.
#[derive(Clone, Debug, Default)]
pub struct ShiftTables {
    sets: Vec<TableSet>,
}

#[derive(Clone, Debug)]
struct TableSet {
    made_for: (u32, u32),
    /// By top.
    tables: Vec<Option<[i8; 256]>>,
}

/// Sets that are kept, one for each block of usual models: 2 MB at most.
const MOST_SETS: usize = 64;

impl ShiftTables {
    /// What gives the outputs of rows.
    pub fn rows(&mut self, p: &ShiftGelu) -> impl FnMut(&[i8], &mut [i8]) {
        let made_for = (p.unit, p.scale);
        let found = self.sets.iter().position(|set| set.made_for == made_for);
        let at = found.unwrap_or_else(|| {
            self.sets.truncate(MOST_SETS - 1);
            let tables = vec![None; 128];
            self.sets.insert(0, TableSet { made_for, tables });
            0
        });
        let tables = &mut self.sets[at].tables;
        move |row, out| {
            let top = top(row);
            let value = |byte: usize| i32::from(byte as u8 as i8);
            let table = tables[top as usize].get_or_insert_with(|| {
                // No value of the row exceeds the top.
                std::array::from_fn(|byte| output(p, value(byte).min(top), top))
            });
            for (out, &value) in out.iter_mut().zip(row) {
                *out = table[usize::from(value as u8)];
            }
        }
    }

    /// Bytes held.
    pub fn memory(&self) -> usize {
        let bytes = |set: &TableSet| set.tables.capacity() * size_of::<Option<[i8; 256]>>();
        self.sets.iter().map(bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reciprocal has few bits, as published: the error grows with the top of the row.
    #[test]
    fn shift_gelu_is_near_to_gelu() {
        let scale: f64 = 4.0 / 127.0;
        let p = ShiftGelu {
            unit: (1.0 / (1.702 * scale)).ceil() as u32,
            // A 128th: outputs have the scale of the inputs.
            scale: 32768 | 6 << 16,
            ..ShiftGelu::default()
        };
        for (top, least, most) in [(0, 0.02, 0.03), (20, 0.06, 0.07), (127, 0.24, 0.25)] {
            let errors = (-127..=top).map(|value| {
                let x = f64::from(value) * scale;
                let sigmoid = 1.0 / (1.0 + (-1.702 * x).exp());
                (f64::from(output(&p, value, top)) * scale - x * sigmoid).abs()
            });
            let worst = errors.fold(0.0, f64::max);
            assert!((least..most).contains(&worst), "{top}: {worst}");
        }
    }

    /// For every unit and top: sum and product fit 31 bits, and the sigmoid seven.
    #[test]
    fn nothing_overflows() {
        for unit in 1..=127 {
            let p = ShiftGelu {
                unit,
                ..ShiftGelu::default()
            };
            for top in 0..=127 {
                let base = u64::from(exp(&p, -top));
                for d in -254..=0 {
                    let e = u64::from(exp(&p, d));
                    assert!(e >= 1 && e + base <= 0x7fff_ffff, "{unit} {top} {d}");
                    let product = e * (0x7fff_ffff / (e + base));
                    assert!(
                        product <= 0x7fff_ffff && product >> 24 <= 127,
                        "{unit} {top} {d}"
                    );
                }
            }
        }
    }
}
